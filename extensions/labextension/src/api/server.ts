import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { ApiError, errorOf, type Words } from './client';
import type { DatasetDraft, Filling, LabFiles, Runnable, SentSnapshot } from './types';

/** Calls the extension's own handlers in the notebook server: what only it can do, reading files. */
export class NotebookServer {
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly words: Words & { cutOff: string }
  ) {}

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

  /** What a dataset would get of these files and folders. */
  look(paths: readonly string[], signal?: AbortSignal): Promise<LabFiles> {
    return this.request('files', { method: 'POST', body: JSON.stringify({ paths }), signal });
  }

  /** Bring files and folders into a draft; how far that is, is told meanwhile. Who ends it may do it again. */
  async fill(
    { project, dataset, id: draft }: DatasetDraft,
    paths: readonly string[],
    tell: (filling: Filling) => void,
    signal: AbortSignal
  ): Promise<void> {
    const body = JSON.stringify({ project, dataset, draft, paths });
    const response = await this.send('draft', { method: 'POST', body, signal });
    for await (const line of linesOf(response)) {
      const said = JSON.parse(line) as Partial<Filling> & { done?: boolean; error?: Refusal };
      if (said.error) {
        throw new ApiError(response.status, said.error.code, said.error.message, said.error.details);
      }
      if (said.done) {
        return;
      }
      tell(said as Filling);
    }
    throw new ApiError(0, 'unreachable', this.words.cutOff);
  }

  private async request<T>(path: string, init: RequestInit): Promise<T> {
    const text = await (await this.send(path, init)).text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, 'himalia', path);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new ApiError(0, 'unreachable', this.words.unreachable, { url: path, cause: String(cause) });
    }
    if (!response.ok) {
      throw await errorOf(response, this.words);
    }
    return response;
  }
}

interface Refusal {
  code: string;
  message: string;
  details: { [name: string]: unknown };
}

/** The lines of an answer, as they come. */
async function* linesOf(response: Response): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let begun = '';
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    const lines = (begun + piece.value).split('\n');
    begun = lines.pop() ?? '';
    yield* lines;
  }
}
