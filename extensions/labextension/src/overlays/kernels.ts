import { PathExt } from '@jupyterlab/coreutils';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { INotebookTracker } from '@jupyterlab/notebook';

import type { Himalia } from '../context';

const REQUIREMENTS = 'requirements.txt';

/**
 * Offer the kernels “… + requirements.txt” only where there is such a file. Lab has one list of kernels for all
 * folders, so the launcher's cards and the chooser's entries are hidden by style (overlays.css).
 */
export function offerWhereItFits(
  himalia: Himalia,
  notebooks: INotebookTracker | null,
  browser: IDefaultFileBrowser | null
): void {
  const { app, server } = himalia;
  const mark = (name: 'hmLauncher' | 'hmChooser', isThere: boolean) => {
    document.body.dataset[name] = isThere ? 'requirements' : 'plain';
  };
  const lookAtFolder = () => {
    // The launcher shows the folder that the file browser is in.
    const names = browser ? Array.from(browser.model.items(), item => item.name) : [];
    mark('hmLauncher', names.includes(REQUIREMENTS));
  };
  const lookAtNotebook = () => {
    const path = notebooks?.currentWidget?.context.localPath;
    if (path === undefined || !path.endsWith('.ipynb')) {
      return;
    }
    server.describe(path).then(
      ({ requirements }) => mark('hmChooser', requirements !== null),
      // A notebook that cannot be read may still be opened: what might fit is offered.
      () => mark('hmChooser', true)
    );
  };
  browser?.model.refreshed.connect(lookAtFolder);
  browser?.model.pathChanged.connect(lookAtFolder);
  notebooks?.currentChanged.connect(lookAtNotebook);
  app.serviceManager.contents.fileChanged.connect((_, { oldValue, newValue }) => {
    if ([oldValue, newValue].some(file => file?.path && PathExt.basename(file.path) === REQUIREMENTS)) {
      lookAtNotebook();
    }
  });
  lookAtFolder();
}
