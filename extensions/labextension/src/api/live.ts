import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { LiveMessage } from './types';

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;

export type LiveState = 'connecting' | 'connected' | 'lost';

export interface Follower {
  /** Each message of the topic. */
  onMessage(message: LiveMessage): void;
  /** The channel is back after a break: what has no id to resume from must be asked anew. */
  onResumed?(): void;
}

interface Topic {
  followers: Set<Follower>;
  /** The event id, or the byte of a log, that the next message comes after. */
  after: number | undefined;
}

/**
 * The page's one live channel: a WebSocket that all panels share, each following topics.
 * It connects when first followed, reconnects by itself, and resumes each topic after what was last seen.
 */
export class Live implements IDisposable {
  constructor(
    private readonly url: string,
    private readonly token: string
  ) {
    window.addEventListener('online', this.hurry);
    document.addEventListener('visibilitychange', this.hurry);
  }

  get state(): LiveState {
    return this._state;
  }

  get stateChanged(): ISignal<this, LiveState> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Follow `topic` until the answer is disposed; `after` is where to begin when nothing was seen yet. */
  follow(topic: string, follower: Follower, after?: number): IDisposable {
    let known = this._topics.get(topic);
    if (!known) {
      known = { followers: new Set(), after };
      this._topics.set(topic, known);
      this.subscribe(topic, known);
    }
    known.followers.add(follower);
    this.connect();
    return new DisposableDelegate(() => this.unfollow(topic, follower));
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    window.removeEventListener('online', this.hurry);
    document.removeEventListener('visibilitychange', this.hurry);
    clearTimeout(this._timer);
    this._topics.clear();
    this._socket?.close();
    Signal.clearData(this);
  }

  private unfollow(topic: string, follower: Follower): void {
    const known = this._topics.get(topic);
    if (known?.followers.delete(follower) && known.followers.size === 0) {
      this._topics.delete(topic);
      this.send({ type: 'unsubscribe', topic });
    }
  }

  private connect(): void {
    if (this._socket || this._disposed) {
      return;
    }
    clearTimeout(this._timer);
    const socket = new WebSocket(this.url);
    this._socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', token: this.token }));
    socket.onmessage = ({ data }) => this.receive(JSON.parse(String(data)) as LiveMessage);
    socket.onclose = () => this.closed(socket);
  }

  private closed(socket: WebSocket): void {
    if (socket !== this._socket || this._disposed) {
      return;
    }
    this._socket = undefined;
    this._ready = false;
    this.setState('lost');
    // Spread, so that the pages of many people do not all come back in the same moment.
    this._timer = window.setTimeout(() => this.connect(), this._delay * (0.75 + Math.random() / 2));
    this._delay = Math.min(this._delay * 2, LONGEST_DELAY_MS);
  }

  /** A sleeping laptop that wakes does not wait for the rest of a long delay. */
  private readonly hurry = (): void => {
    if (!this._socket && this._topics.size > 0 && !document.hidden) {
      this._delay = FIRST_DELAY_MS;
      this.connect();
    }
  };

  private receive(message: LiveMessage): void {
    if (message.type === 'ready') {
      this.ready();
      return;
    }
    const known = message.topic === undefined ? undefined : this._topics.get(message.topic);
    if (!known) {
      return;
    }
    if (message.type === 'event') {
      known.after = message.event.id;
      this._lastEvent = Math.max(this._lastEvent, message.event.id);
    } else if (message.type === 'log') {
      known.after = message.offset + new Blob([message.text]).size;
    } else if (message.type === 'error') {
      this.refused(message.topic ?? '', known, message.error);
    }
    for (const follower of [...known.followers]) {
      follower.onMessage(message);
    }
  }

  /** The service does not, or no longer, tell of a topic: followers ask anew, and see for themselves why. */
  private refused(topic: string, known: Topic, error: { code: string; message: string } | undefined): void {
    console.warn(`Himalia: no news of ${topic}`, error?.message);
    known.after = undefined;
    if (error?.code === 'stale') {
      // More was missed than is told again: from now on, then.
      this.send({ type: 'subscribe', topic });
    }
    known.followers.forEach(follower => follower.onResumed?.());
  }

  private ready(): void {
    const resumed = this._state === 'lost';
    this._ready = true;
    this._delay = FIRST_DELAY_MS;
    for (const [topic, known] of this._topics) {
      this.subscribe(topic, known, resumed);
    }
    this.setState('connected');
    if (resumed) {
      for (const known of [...this._topics.values()]) {
        known.followers.forEach(follower => follower.onResumed?.());
      }
    }
  }

  private subscribe(topic: string, known: Topic, resumed = false): void {
    // Ids are in commit order over all topics, so a quiet topic resumes from the newest seen anywhere.
    const events = topic === 'me' || topic.startsWith('project:');
    const after = known.after ?? (resumed && events && this._lastEvent > 0 ? this._lastEvent : undefined);
    this.send(after === undefined ? { type: 'subscribe', topic } : { type: 'subscribe', topic, after });
  }

  private send(message: object): void {
    if (this._ready) {
      this._socket?.send(JSON.stringify(message));
    }
  }

  private setState(state: LiveState): void {
    if (state !== this._state) {
      this._state = state;
      this._stateChanged.emit(state);
    }
  }

  private _socket: WebSocket | undefined;
  private _ready = false;
  private _state: LiveState = 'connecting';
  private readonly _stateChanged = new Signal<this, LiveState>(this);
  private readonly _topics = new Map<string, Topic>();
  private _lastEvent = 0;
  private _delay = FIRST_DELAY_MS;
  private _timer = 0;
  private _disposed = false;
}
