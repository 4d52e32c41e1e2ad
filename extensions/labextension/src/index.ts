import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Client } from './api/client';
import { Live } from './api/live';
import { NotebookServer } from './api/server';
import type { Himalia, PageSettings } from './context';
import { addJobCommands, addRunCommands, CATEGORY } from './jobs/commands';
import { CompareView } from './jobs/compare';
import { addOutputDocuments } from './jobs/documents';
import { Jobs } from './jobs/model';
import { tellEnds } from './jobs/notices';
import { Selection } from './jobs/selection';
import { JobPlace, JobView } from './jobs/view';
import { Navigator } from './navigator';
import { offerWhereItFits } from './overlays/kernels';
import { tellBuilds } from './overlays/notices';
import { OverlayPlace, OverlayView } from './overlays/view';
import { Projects } from './projects/model';
import { Settings } from './settings';

const PLUGIN = '@himalia/lab:plugin';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: 'Notebooks as jobs: the navigator, the jobs panel and the job views of Himalia.',
  autoStart: true,
  requires: [IDocumentManager, IRenderMimeRegistry, IStateDB, IEditorServices, NotebookPanel.IContentFactory],
  optional: [
    ITranslator,
    ISettingRegistry,
    ILayoutRestorer,
    ICommandPalette,
    ILauncher,
    INotebookTracker,
    IDefaultFileBrowser,
    ILabShell
  ],
  activate
};

function activate(
  app: JupyterFrontEnd,
  docManager: IDocumentManager,
  rendermime: IRenderMimeRegistry,
  state: IStateDB,
  editors: IEditorServices,
  cells: NotebookPanel.IContentFactory,
  translator: ITranslator | null,
  registry: ISettingRegistry | null,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  notebooks: INotebookTracker | null,
  browser: IDefaultFileBrowser | null
): void {
  const page = pageSettings();
  if (!page) {
    console.info('Himalia: this notebook server does not run on a Himalia platform.');
    return;
  }
  const himalia = assemble(app, docManager, rendermime, state, translator ?? nullTranslator, page);
  const selection = new Selection();
  registry
    ?.load(PLUGIN)
    .then(settings => himalia.settings.connect(settings))
    .catch((error: unknown) => console.error('Himalia: the settings could not be loaded', error));
  addOutputDocuments(himalia, editors, cells, restorer);
  addViews(himalia, restorer);
  addJobCommands(himalia, selection);
  for (const command of addRunCommands(himalia, notebooks, browser)) {
    palette?.addItem({ command, category: CATEGORY });
  }
  launcher?.add({ command: 'himalia:run-choose', category: CATEGORY, rank: 1 });
  const navigator = new Navigator(himalia, selection);
  app.shell.add(navigator, 'left', { rank: 150 });
  restorer?.add(navigator, navigator.id);
  app.commands.addCommand('himalia:show-jobs', {
    label: himalia.trans.__('Show jobs'),
    execute: () => app.shell.activateById(navigator.id)
  });
  palette?.addItem({ command: 'himalia:show-jobs', category: CATEGORY });
  tellEnds(himalia);
  tellBuilds(himalia);
  offerWhereItFits(himalia, notebooks, browser);
  void himalia.projects.load();
}

/** What the server extension put into the page; null where it is not there. */
function pageSettings(): PageSettings | null {
  const text = PageConfig.getOption('himaliaSettings');
  return text ? (JSON.parse(text) as PageSettings) : null;
}

function assemble(
  app: JupyterFrontEnd,
  docManager: IDocumentManager,
  rendermime: IRenderMimeRegistry,
  state: IStateDB,
  translator: ITranslator,
  page: PageSettings
): Himalia {
  const trans = translator.load('himalia');
  const token = PageConfig.getToken();
  const base = new URL(page.url, window.location.href).href;
  const client = new Client(base, token, {
    unreachable: trans.__('Himalia cannot be reached. Check your connection and try again.'),
    lostRoute: trans.__('Himalia’s service is not there just now. Try again in a moment.')
  });
  const live = new Live(URLExt.join(base.replace(/^http/, 'ws'), 'live'), token);
  const server = new NotebookServer(app.serviceManager.serverSettings);
  return {
    app,
    client,
    docManager,
    live,
    page,
    rendermime,
    server,
    trans,
    jobs: new Jobs(client, live),
    projects: new Projects(client, live, server, state, page.project),
    settings: new Settings()
  };
}

/** Job and compare views: opened by command, found again when open already, restored after a reload. */
function addViews(himalia: Himalia, restorer: ILayoutRestorer | null): void {
  const { app } = himalia;
  const jobs = new WidgetTracker<JobView>({ namespace: 'himalia-jobs' });
  const comparisons = new WidgetTracker<CompareView>({ namespace: 'himalia-compare' });
  const overlays = new WidgetTracker<OverlayView>({ namespace: 'himalia-overlays' });
  const show = (widget: JobView | CompareView | OverlayView) => {
    if (!widget.isAttached) {
      app.shell.add(widget, 'main');
    }
    app.shell.activateById(widget.id);
  };
  app.commands.addCommand('himalia:job-open', {
    label: himalia.trans.__('Open'),
    execute: async args => {
      const place = args.name ? (args as unknown as JobPlace) : jobUnderMenu(himalia);
      if (!place) {
        return;
      }
      const same = (view: JobView) => view.place.project === place.project && view.place.name === place.name;
      const view = jobs.find(same) ?? new JobView(himalia, { project: place.project, name: place.name });
      show(view);
      await (jobs.has(view) ? Promise.resolve() : jobs.add(view));
    }
  });
  app.commands.addCommand('himalia:compare-open', {
    execute: async args => {
      const { project, names } = args as { project: string; names: string[] };
      const fresh = new CompareView(himalia, { project, names });
      const view = comparisons.find(open => open.id === fresh.id) ?? fresh;
      show(view);
      await (comparisons.has(view) ? Promise.resolve() : comparisons.add(view));
    }
  });
  app.commands.addCommand('himalia:overlay-open', {
    execute: async args => {
      const place = args as unknown as OverlayPlace;
      const view = overlays.find(open => open.place.id === place.id) ?? new OverlayView(himalia, place);
      show(view);
      await (overlays.has(view) ? Promise.resolve() : overlays.add(view));
    }
  });
  void restorer?.restore(overlays, {
    command: 'himalia:overlay-open',
    args: view => ({ ...view.place }),
    name: view => view.place.id
  });
  void restorer?.restore(jobs, {
    command: 'himalia:job-open',
    args: view => ({ project: view.place.project, name: view.place.name }),
    name: view => `${view.place.project}/${view.place.name}`
  });
  void restorer?.restore(comparisons, {
    command: 'himalia:compare-open',
    args: view => ({ project: view.place.project, names: view.place.names }),
    name: view => view.id
  });
}

function jobUnderMenu({ app, jobs }: Himalia): JobPlace | undefined {
  const row = app.contextMenuHitTest(node => node.classList.contains('hm-JobRow'));
  return row?.dataset.key === undefined ? undefined : jobs.get(row.dataset.key);
}

export default plugin;
