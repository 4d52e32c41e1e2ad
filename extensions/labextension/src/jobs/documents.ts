import type { ILayoutRestorer } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import type { IEditorServices } from '@jupyterlab/codeeditor';
import { NotebookPanel, NotebookWidgetFactory } from '@jupyterlab/notebook';

import type { Himalia } from '../context';
import { himaliaIcon } from '../ui/icons';
import { OutputsDrive } from './drive';
import { OUTPUT_FACTORY } from './outputs';

/** Output notebooks open in Lab as documents: read-only, without a kernel, restored after a reload. */
export function addOutputDocuments(
  himalia: Himalia,
  editors: IEditorServices,
  contentFactory: NotebookPanel.IContentFactory,
  restorer: ILayoutRestorer | null
): void {
  const { app, client, rendermime, trans } = himalia;
  const { contents, serverSettings } = app.serviceManager;
  contents.addDrive(
    new OutputsDrive(
      client,
      serverSettings,
      trans.__('What a job left stays as it is. Download it to change it.')
    )
  );
  const factory = new NotebookWidgetFactory({
    name: OUTPUT_FACTORY,
    label: trans.__('Job output (read-only)'),
    fileTypes: ['notebook'],
    modelName: 'notebook',
    readOnly: true,
    preferKernel: false,
    canStartKernel: false,
    rendermime,
    contentFactory,
    mimeTypeService: editors.mimeTypeService,
    toolbarFactory: () => []
  });
  app.docRegistry.addWidgetFactory(factory);
  const open = new WidgetTracker<NotebookPanel>({ namespace: 'himalia-outputs' });
  factory.widgetCreated.connect((_, panel) => {
    panel.title.icon = himaliaIcon;
    void panel.context.ready.then(() => {
      // Reading it brings its format up to date, which is no change that could be saved.
      panel.context.model.dirty = false;
    });
    void open.add(panel);
  });
  void restorer?.restore(open, {
    command: 'docmanager:open',
    args: panel => ({ path: panel.context.path, factory: OUTPUT_FACTORY }),
    name: panel => panel.context.path
  });
}
