import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import type { HttpRequest, Upload as TusUpload } from 'tus-js-client';

import { ApiError, type Client } from '../api/client';
import type { ChosenFile } from '../ui/files';

/** Smaller files travel together; larger ones by the tus protocol, which goes on where it was cut off. */
const SMALL_BYTES = 4 << 20;
const BUNDLE_BYTES = 8 << 20;
const BUNDLE_FILES = 1000;
/** How long to wait before an unanswered call is sent again. */
const RETRY_MS = [500, 1000, 3000, 5000, 10_000];

export type UploadState = 'running' | 'paused' | 'failed' | 'done';

/** Files on their way into a draft. It can be paused, and goes on after an error with what is left. */
export class Upload implements IDisposable {
  /** `path` is the draft's own in the API. */
  constructor(
    private readonly client: Client,
    readonly path: string,
    files: readonly ChosenFile[],
    /** The one of them that is to be unpacked when it is there. */
    readonly archive?: string
  ) {
    this._left = new Set(files);
    this.files = files.length;
    this.bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  }

  readonly files: number;
  readonly bytes: number;

  get state(): UploadState {
    return this._state;
  }

  get error(): Error | undefined {
    return this._error;
  }

  /** Bytes and files that have arrived. */
  get sent(): { bytes: number; files: number } {
    const partly = [...this._partly.values()].reduce((sum, bytes) => sum + bytes, 0);
    return { bytes: this._bytes + partly, files: this.files - this._left.size };
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Send what is left; the answer comes when all is there, when it is paused, or when it failed. */
  async run(): Promise<void> {
    const stop = (this._stop = new AbortController());
    this.become('running');
    try {
      const small = [...this._left].filter(({ file }) => file.size <= SMALL_BYTES);
      const large = [...this._left].filter(({ file }) => file.size > SMALL_BYTES);
      for (const bundle of bundles(small)) {
        await this.sendBundle(bundle, stop.signal);
      }
      for (const file of large) {
        await this.sendLarge(file, stop.signal);
      }
      this.become('done');
    } catch (error) {
      this._partly.clear();
      if (stop.signal.aborted) {
        this.become('paused');
      } else {
        this._error = error as Error;
        this.become('failed');
      }
    }
  }

  pause(): void {
    this._stop.abort();
  }

  dispose(): void {
    this._disposed = true;
    this._stop.abort();
    Signal.clearData(this);
  }

  private async sendBundle(files: readonly ChosenFile[], signal: AbortSignal): Promise<void> {
    const header = new TextEncoder().encode(
      JSON.stringify({ files: files.map(({ path, file }) => ({ path, size: file.size })) })
    );
    const length = new DataView(new ArrayBuffer(4));
    length.setUint32(0, header.length);
    const content = new Blob([length.buffer, header, ...files.map(({ file }) => file)]);
    const headers = { 'Content-Type': 'application/octet-stream' };
    for (let attempt = 0; ; attempt++) {
      try {
        await this.client.send('PUT', `${this.path}/bundle`, { content, headers, signal });
        break;
      } catch (error) {
        if (signal.aborted || attempt >= RETRY_MS.length || !mayPass(error)) {
          throw error;
        }
        await waited(RETRY_MS[attempt], signal);
      }
    }
    files.forEach(file => this.arrived(file));
  }

  private async sendLarge(chosen: ChosenFile, signal: AbortSignal): Promise<void> {
    // Only who uploads large files loads it.
    const { Upload: Tus } = await import('tus-js-client');
    await new Promise<void>((done, failed) => {
      const { path, file } = chosen;
      const upload: TusUpload = new Tus(file, {
        endpoint: this.client.url(`${this.path}/files`),
        headers: this.client.authorization,
        metadata: { path, filename: file.name, filetype: file.type || 'application/octet-stream' },
        fingerprint: () => Promise.resolve(`himalia-${this.path}-${path}-${file.size}-${file.lastModified}`),
        onBeforeRequest: withoutCookies,
        removeFingerprintOnSuccess: true,
        retryDelays: RETRY_MS,
        onProgress: bytes => {
          this._partly.set(chosen, bytes);
          this._changed.emit();
        },
        onSuccess: () => done(),
        onError: error => failed(uploadError(error))
      });
      signal.addEventListener('abort', () => void upload.abort().then(() => failed(new Error('paused'))));
      void upload.findPreviousUploads().then(before => {
        if (before.length > 0) {
          upload.resumeFromPreviousUpload(before[0]);
        }
        upload.start();
      }, failed);
    });
    this.arrived(chosen);
  }

  private arrived(chosen: ChosenFile): void {
    this._partly.delete(chosen);
    if (this._left.delete(chosen)) {
      this._bytes += chosen.file.size;
      this._changed.emit();
    }
  }

  private become(state: UploadState): void {
    this._state = state;
    if (state === 'running') {
      this._error = undefined;
    }
    this._changed.emit();
  }

  private readonly _left: Set<ChosenFile>;
  private readonly _partly = new Map<ChosenFile, number>();
  private _bytes = 0;
  private _state: UploadState = 'paused';
  private _error: Error | undefined;
  private _stop = new AbortController();
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

function* bundles(files: readonly ChosenFile[]): Generator<ChosenFile[]> {
  let bundle: ChosenFile[] = [];
  let size = 0;
  for (const each of files) {
    if (bundle.length >= BUNDLE_FILES || (bundle.length > 0 && size + each.file.size > BUNDLE_BYTES)) {
      yield bundle;
      bundle = [];
      size = 0;
    }
    bundle.push(each);
    size += each.file.size;
  }
  if (bundle.length > 0) {
    yield bundle;
  }
}

/** Whether the same call may go well a little later: nobody answered, or only the proxy did. */
function mayPass(error: unknown): boolean {
  return error instanceof ApiError && [0, 502, 503, 504].includes(error.status);
}

function waited(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, failed) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      failed(new Error('paused'));
    });
  });
}

/** The cookie of another sign-in must never decide. */
function withoutCookies(request: HttpRequest): void {
  const underlying = request.getUnderlyingObject() as XMLHttpRequest;
  underlying.withCredentials = false;
}

/** The service's own words, where the failure carries an answer of its. */
function uploadError(error: Error): Error {
  const response =
    'originalResponse' in error ? (error.originalResponse as { getBody(): string } | null) : null;
  try {
    const { error: told } = JSON.parse(response?.getBody() ?? '') as {
      error: { code: string; message: string; details?: { [name: string]: unknown } };
    };
    return new ApiError(0, told.code, told.message, told.details ?? {});
  } catch {
    return error;
  }
}
