import { URLExt } from '@jupyterlab/coreutils';
import { UUID } from '@lumino/coreutils';

import type { FieldError } from './types';

/** A failure told in a sentence; `fields` names what was wrong with each field of a form. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: { [name: string]: unknown } = {}
  ) {
    super(message);
    this.name = 'ApiError';
  }

  get fields(): FieldError[] {
    const fields = this.details.fields;
    return Array.isArray(fields) ? (fields as FieldError[]) : [];
  }
}

/** What is said of failures that come without a sentence of the service's own. */
export interface Words {
  unreachable: string;
  /** The proxy is there, and the service is not. */
  away: string;
  /** The page's token ended with the session that it was made for. */
  signedOut: string;
  /** Anything else, by its status. */
  answered: (status: string) => string;
}

/** The error that an answer carries in its body, or one made from its status alone. */
export async function errorOf(response: Response, words: Words): Promise<ApiError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as {
      error: string | { code: string; message: string; details?: { [name: string]: unknown } };
    };
    if (typeof error === 'string') {
      // The shape of the Open Inference Protocol.
      return new ApiError(response.status, 'refused', error);
    }
    const message = response.status === SIGNED_OUT ? words.signedOut : error.message;
    return new ApiError(response.status, error.code, message, error.details ?? {});
  } catch {
    const { status, statusText } = response;
    const answer = text.slice(0, 2000);
    return PROXYS.includes(status)
      ? new ApiError(status, 'unavailable', words.away, { answer })
      : new ApiError(status, 'internal', words.answered(`${status} ${statusText}`.trim()), { answer });
  }
}

const SIGNED_OUT = 401;

/** Whether only signing in again helps, which the page does when it is loaded anew. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === SIGNED_OUT;
}

/** What the proxy answers in place of a service that is away. */
const PROXYS = [502, 503, 504];

/** Whether the same call may go well a little later: nobody answered, or only the proxy did. */
export function isLost(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || PROXYS.includes(error.status));
}

export interface RequestOptions {
  /** A list is asked with each of its values. */
  query?: { [name: string]: string | number | readonly string[] | undefined };
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, in place of `body`. */
  content?: Blob;
  headers?: { [name: string]: string };
  signal?: AbortSignal;
}

/** Calls the service with the visitor's own token; every failure is an ApiError. */
export class Client {
  constructor(
    readonly base: string,
    private readonly token: string,
    readonly words: Words
  ) {}

  get<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.json<T>('GET', path, options);
  }

  post<T>(path: string, body?: unknown): Promise<T> {
    return this.json<T>('POST', path, { body });
  }

  /** POST what makes a thing, once more where the answer was lost: by its key the service makes it only once. */
  async create<T>(path: string, body?: unknown): Promise<T> {
    const options = { body, headers: { 'Idempotency-Key': UUID.uuid4() } };
    try {
      return await this.json<T>('POST', path, options);
    } catch (error) {
      if (isLost(error)) {
        return this.json<T>('POST', path, options);
      }
      throw error;
    }
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.json<T>('PUT', path, { body });
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.json<T>('PATCH', path, { body });
  }

  async delete(path: string): Promise<void> {
    await this.send('DELETE', path, {});
  }

  /** The raw answer, for logs and files. */
  async send(method: string, path: string, options: RequestOptions): Promise<Response> {
    const { query, body, content, signal } = options;
    const headers: { [name: string]: string } = { ...options.headers, ...this.authorization };
    if (body !== undefined) {
      headers['Content-Type'] = 'application/json';
    }
    const url = this.url(path, query);
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers,
        body: content ?? (body === undefined ? undefined : JSON.stringify(body)),
        // The cookie of another sign-in must never decide; a redirect means that the proxy lost the route.
        credentials: 'omit',
        redirect: 'manual',
        signal
      });
    } catch (cause) {
      if (signal?.aborted) {
        throw cause;
      }
      throw new ApiError(0, 'unreachable', this.words.unreachable, { url: path, cause: String(cause) });
    }
    if (response.type === 'opaqueredirect') {
      throw new ApiError(503, 'unavailable', this.words.away, { url: path });
    }
    if (!response.ok) {
      throw await errorOf(response, this.words);
    }
    return response;
  }

  /**
   * Let the browser download what `path` answers: it shows how far that is, and the page holds none of it. A refusal
   * is thrown, as that of any other call.
   */
  async download(path: string): Promise<void> {
    const abort = new AbortController();
    await this.send('GET', path, { signal: abort.signal });
    abort.abort();
    // A link could not sign the call in but by its address, which histories and logs keep.
    postForm(URLExt.join(this.base, 'download'), { path, token: this.token });
  }

  /** The header that signs a call in, for what does not go through this client. */
  get authorization(): { Authorization: string } {
    return { Authorization: `Bearer ${this.token}` };
  }

  url(path: string, query: RequestOptions['query'] = {}): string {
    const tail = Object.entries(query)
      .flatMap(([name, value]) => [value].flat().map(each => [name, each] as const))
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
      .join('&');
    return URLExt.join(this.base, 'api/v1', path) + (tail ? `?${tail}` : '');
  }

  private async json<T>(method: string, path: string, options: RequestOptions): Promise<T> {
    const response = await this.send(method, path, options);
    const text = await response.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }
}

/** How long a frame waits for the answer; once it is a download, it goes on by itself. */
const FRAME_MS = 60_000;

/** Post a form whose answer is a download; this page stays. */
function postForm(url: string, fields: { [name: string]: string }): void {
  const frame = document.createElement('iframe');
  frame.name = `himalia-download-${UUID.uuid4()}`;
  frame.hidden = true;
  const form = document.createElement('form');
  Object.assign(form, { method: 'POST', action: url, target: frame.name, hidden: true });
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement('input');
    Object.assign(field, { type: 'hidden', name, value });
    form.append(field);
  }
  document.body.append(frame, form);
  form.submit();
  form.remove();
  setTimeout(() => frame.remove(), FRAME_MS);
}
