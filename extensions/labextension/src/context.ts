import type { ILabStatus, ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { ILauncher } from '@jupyterlab/launcher';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { createContext, useContext } from 'react';

import type { Client } from './api/client';
import type { Live } from './api/live';
import type { NotebookServer } from './api/server';
import type { Datasets } from './datasets/model';
import type { Endpoints } from './endpoints/model';
import type { Experiments } from './experiments/model';
import type { Jobs } from './jobs/model';
import type { Models } from './models/model';
import type { Projects } from './projects/model';
import type { Settings } from './settings';

/** What every panel is built from; one per page. */
export interface Himalia {
  app: JupyterFrontEnd;
  client: Client;
  datasets: Datasets;
  docManager: IDocumentManager;
  experiments: Experiments;
  jobs: Jobs;
  live: Live;
  models: Models;
  endpoints: Endpoints;
  projects: Projects;
  rendermime: IRenderMimeRegistry;
  server: NotebookServer;
  settings: Settings;
  trans: TranslationBundle;
  /** What the hub says about this notebook server; empty where it says nothing. */
  page: PageSettings;
}

/** Parts of Lab that an application built from it may lack. */
export interface LabParts {
  browser: IDefaultFileBrowser | null;
  launcher: ILauncher | null;
  notebooks: INotebookTracker | null;
  palette: ICommandPalette | null;
  restorer: ILayoutRestorer | null;
  status: ILabStatus | null;
}

export interface PageSettings {
  url: string;
  user: string;
  project: string;
  profile: string;
  size: string;
  /** The command that signs in to this server by SSH; empty where the profile has no SSH. */
  ssh: string;
}

export const HimaliaContext = createContext<Himalia | null>(null);

export function useHimalia(): Himalia {
  const himalia = useContext(HimaliaContext);
  if (!himalia) {
    throw new Error('A panel stands outside of its HimaliaContext.');
  }
  return himalia;
}
