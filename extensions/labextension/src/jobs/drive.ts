import type { Contents, ServerConnection } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import { ApiError, Client } from '../api/client';
import type { OutputFile, Page } from '../api/types';
import { jobPath } from './model';

export const DRIVE = 'himalia-outputs';

/** Outputs never change; Lab wants a time all the same. */
const NEVER = new Date(0).toISOString();

/** Where an output opens in Lab: `himalia-outputs:project/job/path`. */
export function outputPlace(project: string, job: string, path: string): string {
  return `${DRIVE}:${project}/${job}/${path}`;
}

/** The API's path of an output file. */
export function outputPath(project: string, job: string, path: string): string {
  return jobPath(project, job, 'outputs', ...path.split('/').map(encodeURIComponent));
}

/** The outputs of jobs as a read-only drive of Lab's contents, so that documents open from it and come back. */
export class OutputsDrive implements Contents.IDrive {
  readonly name = DRIVE;

  constructor(
    private readonly client: Client,
    readonly serverSettings: ServerConnection.ISettings,
    private readonly readOnly: string
  ) {}

  get fileChanged(): ISignal<this, Contents.IChangedArgs> {
    return this._fileChanged;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    Signal.clearData(this);
  }

  /** A file with its content, or the outputs of a job as a folder. */
  async get(localPath: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    const [project, job, ...rest] = localPath.split('/');
    if (!project || !job) {
      return this.folder(localPath, []);
    }
    if (rest.length === 0) {
      const page = await this.client.get<Page<OutputFile>>(jobPath(project, job, 'outputs'), {
        query: { limit: 500 }
      });
      return this.folder(
        localPath,
        page.items.map(file => this.model(`${localPath}/${file.path}`, 'file', null))
      );
    }
    const path = rest.join('/');
    const type = path.endsWith('.ipynb') ? 'notebook' : 'file';
    if (options?.content === false) {
      // Lab asks this of each document that it restores, and shows nothing before all have answered.
      return this.model(localPath, type, null);
    }
    const response = await this.client.send('GET', outputPath(project, job, path), {});
    const text = await response.text();
    return this.model(localPath, type, type === 'notebook' ? (JSON.parse(text) as object) : text);
  }

  getDownloadUrl(): Promise<string> {
    return this.refuse();
  }

  newUntitled(): Promise<Contents.IModel> {
    return this.refuse();
  }

  delete(): Promise<void> {
    return this.refuse();
  }

  rename(): Promise<Contents.IModel> {
    return this.refuse();
  }

  save(): Promise<Contents.IModel> {
    return this.refuse();
  }

  copy(): Promise<Contents.IModel> {
    return this.refuse();
  }

  createCheckpoint(): Promise<Contents.ICheckpointModel> {
    return this.refuse();
  }

  listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return Promise.resolve([]);
  }

  restoreCheckpoint(): Promise<void> {
    return this.refuse();
  }

  deleteCheckpoint(): Promise<void> {
    return this.refuse();
  }

  private refuse<T>(): Promise<T> {
    return Promise.reject(new ApiError(405, 'read_only', this.readOnly));
  }

  private folder(path: string, content: Contents.IModel[]): Contents.IModel {
    return { ...this.model(path, 'directory', null), content };
  }

  private model(path: string, type: Contents.ContentType, content: unknown): Contents.IModel {
    return {
      name: path.split('/').pop() ?? path,
      path,
      type,
      writable: false,
      created: NEVER,
      last_modified: NEVER,
      mimetype: type === 'file' ? 'text/plain' : '',
      format: content === null ? null : type === 'file' ? 'text' : 'json',
      content
    };
  }

  private readonly _fileChanged = new Signal<this, Contents.IChangedArgs>(this);
  private _disposed = false;
}
