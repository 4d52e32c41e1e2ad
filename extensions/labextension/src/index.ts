import { ILabStatus, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
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
import type { Himalia, LabParts, PageSettings } from './context';
import { Datasets } from './datasets/model';
import { addDatasets } from './datasets/noun';
import { Endpoints } from './endpoints/model';
import { addEndpoints } from './endpoints/noun';
import { Experiments } from './experiments/model';
import { addExperiments } from './experiments/noun';

import { addOutputDocuments } from './jobs/documents';
import { Jobs } from './jobs/model';
import { addJobs } from './jobs/noun';
import { Models } from './models/model';
import { tellMemory } from './memory';
import { addModels } from './models/noun';
import { Navigator } from './navigator';
import type { Noun } from './noun';
import { addOverlays } from './overlays/views';
import { Projects } from './projects/model';
import { Settings } from './settings';
import { addSsh } from './ssh';
import { addTracking } from './tracking/views';
import { translateUnits } from './ui/format';
import { CATEGORY } from './ui/views';

const PLUGIN = '@himalia/lab:plugin';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: 'The navigator of Himalia and the panels of its nouns: from data to a served model.',
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
    ILabStatus
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
  browser: IDefaultFileBrowser | null,
  status: ILabStatus | null
): void {
  const page = pageSettings();
  if (!page) {
    console.info('Himalia: this notebook server does not run on a Himalia platform.');
    return;
  }
  const himalia = assemble(app, docManager, rendermime, state, translator ?? nullTranslator, page);
  const lab: LabParts = { browser, launcher, notebooks, palette, restorer, status };
  registry
    ?.load(PLUGIN)
    .then(settings => himalia.settings.connect(settings))
    .catch((error: unknown) => console.error('Himalia: the settings could not be loaded', error));
  addOutputDocuments(himalia, editors, cells, restorer);
  addOverlays(himalia, lab);
  tellMemory(himalia);
  addTracking(himalia, lab);
  addSsh(himalia, lab);
  const nouns = [addDatasets, addJobs, addExperiments, addModels, addEndpoints].map(add => add(himalia, lab));
  addNavigator(himalia, lab, new Navigator(himalia, nouns, state, 'jobs'), nouns);
  void himalia.projects.load();
}

/** The navigator in the left sidebar, and a command for each noun that opens its list there. */
function addNavigator(himalia: Himalia, lab: LabParts, navigator: Navigator, nouns: readonly Noun[]): void {
  const { app, trans } = himalia;
  app.shell.add(navigator, 'left', { rank: 150 });
  lab.restorer?.add(navigator, navigator.id);
  for (const { nouns: name, title } of nouns) {
    const command = `himalia:show-${name}`;
    app.commands.addCommand(command, {
      label: trans.__('Show %1', title.toLowerCase()),
      execute: () => {
        navigator.showList(name);
        app.shell.activateById(navigator.id);
      }
    });
    lab.palette?.addItem({ command, category: CATEGORY });
  }
  void navigator.recall();
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
  translateUnits(trans);
  const token = PageConfig.getToken();
  const base = new URL(page.url, window.location.href).href;
  const client = new Client(base, token, {
    unreachable: trans.__('Himalia cannot be reached. Check your connection and try again.'),
    signedOut: trans.__('You are signed out on this page. Reload it to sign in again.'),
    away: trans.__('Himalia’s service is starting again. Try again in a moment.'),
    answered: status => trans.__('The answer was %1.', status)
  });
  const live = new Live(URLExt.join(base.replace(/^http/, 'ws'), 'live'), token);
  const server = new NotebookServer(app.serviceManager.serverSettings, {
    ...client.words,
    cutOff: trans.__('Your notebook server ended the connection. Try again.')
  });
  return {
    app,
    client,
    docManager,
    live,
    page,
    rendermime,
    server,
    trans,
    datasets: new Datasets(client, live, server, trans),
    endpoints: new Endpoints(client, live),
    experiments: new Experiments(client, live),
    models: new Models(client, live),
    jobs: new Jobs(client, live),
    projects: new Projects(client, live, server, state, page.project),
    settings: new Settings()
  };
}

export default plugin;
