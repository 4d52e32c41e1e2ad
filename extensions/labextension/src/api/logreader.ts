import { IDisposable } from '@lumino/disposable';

import { LogModel } from '../ui/logmodel';
import type { Client } from './client';
import type { Live } from './live';

const PIECE = 4 * 1024 * 1024;

/** Where a log is: of which attempt of which workload, and the path of its text. */
export interface LogSource {
  path: string;
  id: string;
  attempt: number;
  /** Whose of a distributed job; rank 0's when left out. */
  rank?: number;
  /** Which part of what `path` names, such as a revision. */
  query?: { [name: string]: string | number };
}

/** Reads what is there by HTTP in large pieces, then follows the live channel from that byte on. */
export class LogReader implements IDisposable {
  readonly model = new LogModel();

  constructor(
    private readonly client: Client,
    private readonly live: Live,
    private readonly source: LogSource
  ) {}

  get isDisposed(): boolean {
    return this._abort.signal.aborted;
  }

  async read(): Promise<void> {
    this._abort = new AbortController();
    this._offset = 0;
    this.model.clear();
    await this.catchUp();
    if (!this.isDisposed) {
      this._following = this.live.follow(
        this.topic,
        { onMessage: message => message.type === 'log' && this.take(message.offset, message.text) },
        this._offset
      );
    }
  }

  /** Read by HTTP until the end that the log has now. */
  async catchUp(): Promise<void> {
    this._behind = true;
    if (this._reading) {
      return;
    }
    this._reading = true;
    const { signal } = this._abort;
    try {
      while (this._behind && !signal.aborted) {
        this._behind = false;
        while (!signal.aborted && (await this.piece(signal)) > 0);
      }
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    } finally {
      this._reading = false;
    }
  }

  private get topic(): string {
    const { id, attempt, rank } = this.source;
    return `log:${id}:${attempt}${rank ? `:${rank}` : ''}`;
  }

  dispose(): void {
    this._abort.abort();
    this._following?.dispose();
  }

  /** Read one piece; the number of bytes that it had. */
  private async piece(signal: AbortSignal): Promise<number> {
    const { path, attempt, rank, query } = this.source;
    const response = await this.client.send('GET', path, {
      query: { ...query, attempt, ...(rank ? { rank } : {}), offset: this._offset, limit: PIECE },
      signal
    });
    const content = await response.arrayBuffer();
    const next = Number(response.headers.get('X-Himalia-Next-Offset') ?? this._offset + content.byteLength);
    const read = next - this._offset;
    this._offset = next;
    this.model.append(this._decoder.decode(content, { stream: true }));
    return read;
  }

  private take(offset: number, text: string): void {
    const content = new TextEncoder().encode(text);
    const end = offset + content.byteLength;
    if (offset > this._offset || this._reading) {
      // Something between was not sent, or is on its way: read it, and this piece with it.
      this.catchUp().catch((error: unknown) => console.warn('Himalia: a piece of the log is missing', error));
    } else if (end > this._offset) {
      const fresh =
        offset === this._offset ? text : new TextDecoder().decode(content.subarray(this._offset - offset));
      this._offset = end;
      this.model.append(fresh);
    }
  }

  private _offset = 0;
  private _reading = false;
  /** More came since the last read began. */
  private _behind = false;
  private _abort = new AbortController();
  private _following: IDisposable | undefined;
  private readonly _decoder = new TextDecoder();
}
