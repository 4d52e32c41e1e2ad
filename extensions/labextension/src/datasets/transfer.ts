import type { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import type { HttpRequest, Upload as TusUpload } from 'tus-js-client';

import { ApiError, type Client, isLost } from '../api/client';
import type { ChosenFile } from '../ui/files';
import type { Carrier } from './upload';

/** Smaller files travel together; larger ones by the tus protocol, which goes on where it was cut off. */
const SMALL_BYTES = 4 << 20;
const BUNDLE_BYTES = 8 << 20;
const BUNDLE_FILES = 1000;
/** How long to wait before an unanswered call is sent again. */
const RETRY_MS = [500, 1000, 3000, 5000, 10_000];

/** Files of the browser on their way into a draft. What has arrived is not sent again when it goes on. */
export class Transfer implements Carrier {
  /** `path` is the draft's own in the API. */
  constructor(
    private readonly client: Client,
    private readonly path: string,
    private readonly trans: TranslationBundle,
    files: readonly ChosenFile[]
  ) {
    this._left = new Set(files);
    this.files = files.length;
    this.bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  }

  readonly files: number;
  readonly bytes: number;

  /** Bytes and files that have arrived. */
  get sent(): { bytes: number; files: number } {
    const partly = [...this._partly.values()].reduce((sum, bytes) => sum + bytes, 0);
    return { bytes: this._bytes + partly, files: this.files - this._left.size };
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  async run(signal: AbortSignal): Promise<void> {
    const small = [...this._left].filter(({ file }) => file.size <= SMALL_BYTES);
    const large = [...this._left].filter(({ file }) => file.size > SMALL_BYTES);
    for (const bundle of bundles(small)) {
      await this.sendBundle(bundle, signal);
    }
    for (const file of large) {
      await this.sendLarge(file, signal);
    }
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
        if (signal.aborted) {
          throw error;
        }
        await refuseChanged(files, this.trans);
        if (attempt >= RETRY_MS.length || !isLost(error)) {
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
    const { path, file } = chosen;
    let ended: (result: Error | undefined) => void = () => undefined;
    const end = new Promise<Error | undefined>(done => (ended = done));
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
      onSuccess: () => ended(undefined),
      onError: ended
    });
    const [before] = await upload.findPreviousUploads();
    signal.throwIfAborted();
    if (before) {
      upload.resumeFromPreviousUpload(before);
    }
    const abort = () => void upload.abort().finally(() => ended(new Error('paused')));
    signal.addEventListener('abort', abort, { once: true });
    upload.start();
    const failure = await end;
    signal.removeEventListener('abort', abort);
    if (failure) {
      await refuseChanged([chosen], this.trans);
      throw uploadError(failure);
    }
    this.arrived(chosen);
  }

  private arrived(chosen: ChosenFile): void {
    this._partly.delete(chosen);
    if (this._left.delete(chosen)) {
      this._bytes += chosen.file.size;
      this._changed.emit();
    }
  }

  private readonly _left: Set<ChosenFile>;
  private readonly _partly = new Map<ChosenFile, number>();
  private _bytes = 0;
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

/** A file that changed on disk since it was chosen cannot be read any more: its failure looks like one of the net. */
async function refuseChanged(files: readonly ChosenFile[], trans: TranslationBundle): Promise<void> {
  for (const { path, file } of files) {
    try {
      await file.slice(0, 1).arrayBuffer();
    } catch (error) {
      const told = trans.__('“%1” changed or went away while it was sent. Choose the files again.', path);
      throw new Error(`${told} (${String(error)})`);
    }
  }
}

function waited(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, failed) => {
    const timer = setTimeout(done, milliseconds);
    const end = () => {
      clearTimeout(timer);
      failed(new Error('paused'));
    };
    signal.addEventListener('abort', end, { once: true });
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
