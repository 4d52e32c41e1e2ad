import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { ApiError } from '../api/client';
import type { DatasetDraft, DatasetVersion } from '../api/types';

/** `behind`: somebody else made a version meanwhile, over which the person may lay this one. */
export type Stage = 'sending' | 'paused' | 'bringing' | 'making' | 'done' | 'failed' | 'behind';

/** What the service brings into a draft by itself: an archive of the draft, or a folder or file of its machine. */
export type Source = { archive: string } | { server_path: string };

/** Brings the bytes of chosen files into a draft. */
export interface Carrier {
  /** All of them, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** What has arrived. */
  readonly sent: { files: number; bytes: number };
  readonly changed: ISignal<unknown, void>;
  /** Send what is left; fails where that cannot be done, and when `signal` ends it. */
  run(signal: AbortSignal): Promise<void>;
}

/** A version, and whether it was not there before. */
export interface Made {
  version: DatasetVersion;
  isNew: boolean;
}

/** What an upload asks of the service beside the transfer of its bytes. */
export interface Steps {
  bring(
    draft: DatasetDraft,
    source: Source,
    tell: (message: string) => void,
    signal: AbortSignal
  ): Promise<void>;
  commit(draft: DatasetDraft, onto: 'base' | 'latest'): Promise<Made>;
}

/**
 * Files on their way to a version: sent, an archive unpacked where that is wanted, and made the version. It goes on whether or
 * not anything shows it; after a pause or a failure it begins again at the step that was not done.
 */
export class Upload implements IDisposable {
  constructor(
    private readonly steps: Steps,
    readonly draft: DatasetDraft,
    readonly transfer: Carrier,
    /** What is brought in when all files are there. */
    private readonly source?: Source,
    /** The dataset was made for it, and has nothing without it. */
    readonly isFirst = false
  ) {
    transfer.changed.connect(() => this._changed.emit());
  }

  get stage(): Stage {
    return this._stage;
  }

  get error(): Error | undefined {
    return this._error;
  }

  /** What is done with the archive just now. */
  get message(): string {
    return this._message;
  }

  /** The number of the version that it made, or of the one that has the same files. */
  get version(): number | undefined {
    return this._made?.version.number;
  }

  /** Nothing differed from the version that was there. */
  get isSame(): boolean {
    return this._made?.isNew === false;
  }

  get isRunning(): boolean {
    return this._stage === 'sending' || this._stage === 'bringing' || this._stage === 'making';
  }

  /** Anything about it is different now. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get stageChanged(): ISignal<this, Stage> {
    return this._stageChanged;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Do what is left to be done; what goes wrong is told by the stage. */
  async run(onto: 'base' | 'latest' = 'base'): Promise<void> {
    const { signal } = (this._stop = new AbortController());
    this._error = undefined;
    try {
      if (!this._sent) {
        this.become('sending');
        await this.transfer.run(signal);
        this._sent = true;
      }
      if (this.source !== undefined && !this._brought) {
        this.become('bringing');
        await this.steps.bring(this.draft, this.source, this.tell, signal);
        this._brought = true;
      }
      this.become('making');
      this._made = await this.steps.commit(this.draft, onto);
      this.become('done');
    } catch (error) {
      if (!signal.aborted) {
        this._error = error as Error;
      }
      const behind = error instanceof ApiError && error.code === 'conflict';
      this.become(signal.aborted ? 'paused' : behind ? 'behind' : 'failed');
    }
  }

  /** Stop sending, until it is run again. */
  pause(): void {
    this._stop.abort();
  }

  dispose(): void {
    this._disposed = true;
    this._stop.abort();
    Signal.clearData(this);
  }

  private readonly tell = (message: string): void => {
    this._message = message;
    this._changed.emit();
  };

  private become(stage: Stage): void {
    this._stage = stage;
    this._message = '';
    this._stageChanged.emit(stage);
    this._changed.emit();
  }

  private _stage: Stage = 'paused';
  private _error: Error | undefined;
  private _message = '';
  private _made: Made | undefined;
  private _sent = false;
  private _brought = false;
  private _stop = new AbortController();
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _stageChanged = new Signal<this, Stage>(this);
}
