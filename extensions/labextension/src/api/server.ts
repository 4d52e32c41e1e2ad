import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { ApiError, errorOf } from './client';
import type { Runnable, SentSnapshot } from './types';

/** Calls the extension's own handlers in the notebook server: what only it can do, reading files. */
export class NotebookServer {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  describe(path: string): Promise<Runnable> {
    return this.request(`notebook?path=${encodeURIComponent(path)}`, { method: 'GET' });
  }

  snapshot(notebook: string, project: string): Promise<SentSnapshot> {
    return this.request('snapshot', { method: 'POST', body: JSON.stringify({ notebook, project }) });
  }

  /** Kernels started from now on belong to `project`; running ones keep theirs. */
  chooseProject(project: string): Promise<void> {
    return this.request('project', { method: 'PUT', body: JSON.stringify({ project }) });
  }

  /** Have TensorBoard show the runs of these jobs, and no others; the address of its page. */
  async tensorboard(project: string, jobs: readonly string[]): Promise<string> {
    await this.request<undefined>('tensorboard', { method: 'POST', body: JSON.stringify({ project, jobs }) });
    return URLExt.join(this.settings.baseUrl, 'tensorboard/');
  }

  private async request<T>(path: string, init: RequestInit): Promise<T> {
    const url = URLExt.join(this.settings.baseUrl, 'himalia', path);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch (cause) {
      throw new ApiError(0, 'unreachable', String(cause), { url: path });
    }
    if (!response.ok) {
      throw await errorOf(response);
    }
    const text = await response.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }
}
