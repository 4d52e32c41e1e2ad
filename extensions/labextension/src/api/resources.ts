import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { ApiError, Client } from './client';
import { Live } from './live';
import type { LiveMessage, Page, PlatformEvent } from './types';

/** News of one thing come in crowds: it is asked for once, this long after the first. */
const GATHER_MS = 100;
/** So many are offered to choose from; the most that a page can hold. */
const OFFERED = 50;
const LARGEST_PAGE = 200;

/** What every thing of the platform has. */
export interface Resource {
  id: string;
  name: string;
  project: string;
  created_at: string;
}

/** What an event says about a thing. */
export interface News {
  id: string;
  kind: 'put' | 'removed' | 'unknown';
  /** What one that is not known is called now. */
  name?: string;
}

/** Names that a search found, the newest first. */
export interface Found {
  values: readonly string[];
  /** Whether there are others, which more letters would find. */
  more: boolean;
}

export type ListQuery = { [name: string]: string | number | undefined };

/** What a list or a view needs of the things that it shows. */
export interface Store<T extends Resource> {
  readonly news: ISignal<unknown, News>;
  get(id: string): T | undefined;
  find(project: string, name: string): T | undefined;
  put(...items: T[]): void;
  list(project: string, query: ListQuery): Promise<Page<T>>;
  fetch(project: string, name: string): Promise<T>;
  /** Follow a project's events for as long as the answer lives. */
  followProject(projectId: string, onResumed: () => void): IDisposable;
}

/**
 * Every thing of one noun that the page has seen, kept true by the project's events: what an event names is asked
 * for again. An action shows at once and is taken back when the service refuses it.
 */
export class Resources<T extends Resource> implements Store<T>, IDisposable {
  /** `nouns` as in the API's paths, `noun` as events name their subject. */
  constructor(
    readonly client: Client,
    readonly live: Live,
    readonly nouns: string,
    readonly noun: string
  ) {}

  get news(): ISignal<this, News> {
    return this._news;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Where a thing answers: `/projects/{project}/{nouns}/{name}/…`. */
  path(project: string, ...rest: string[]): string {
    return `/projects/${[project, this.nouns, ...rest].map(encodeURIComponent).join('/')}`;
  }

  get(id: string): T | undefined {
    return this._items.get(id);
  }

  find(project: string, name: string): T | undefined {
    for (const item of this._items.values()) {
      if (item.name === name && item.project === project) {
        return item;
      }
    }
    return undefined;
  }

  put(...items: T[]): void {
    for (const item of items) {
      this._items.set(item.id, item);
      this._news.emit({ id: item.id, kind: 'put' });
    }
  }

  followProject(projectId: string, onResumed: () => void): IDisposable {
    return this.live.follow(`project:${projectId}`, {
      onMessage: message => this.receive(message),
      onResumed
    });
  }

  list(project: string, query: ListQuery): Promise<Page<T>> {
    return this.read(() => this.client.get<Page<T>>(this.path(project), { query }));
  }

  /** Those that have `text` in their name, as far as they fit what is asked for. */
  async search(project: string, text: string, fits: (item: T) => boolean = () => true): Promise<Found> {
    const { items, next_page_token: next } = await this.list(project, { text, limit: OFFERED });
    this.put(...items);
    return { values: items.filter(fits).map(({ name }) => name), more: Boolean(next) };
  }

  /** All of a project's, however many pages that takes. */
  async all(project: string): Promise<T[]> {
    const found: T[] = [];
    let token: string | undefined;
    do {
      const page: Page<T> = await this.list(project, { limit: LARGEST_PAGE, page_token: token });
      found.push(...page.items);
      token = page.next_page_token ?? undefined;
    } while (token);
    return found;
  }

  async fetch(project: string, name: string): Promise<T> {
    const item = await this.read(() => this.client.get<T>(this.path(project, name)));
    this.put(item);
    return item;
  }

  async create(project: string, body: unknown): Promise<T> {
    const made = await this.client.create<T>(this.path(project), body);
    this.put(made);
    return made;
  }

  /** `POST …/{verb}`, whose answer is the thing; `expected` makes of it what it looks like until that comes. */
  async act(item: T, verb: string, body?: unknown, expected: (now: T) => T = now => now): Promise<T> {
    // The item may be of when a question was asked.
    const now = this._items.get(item.id) ?? item;
    this.put(expected(now));
    try {
      const after = await this.client.post<T>(this.path(item.project, item.name, verb), body);
      this.put(after);
      return after;
    } catch (error) {
      this.takeBack(now);
      throw error;
    }
  }

  async remove(item: T, query: ListQuery = {}): Promise<void> {
    const now = this._items.get(item.id) ?? item;
    this.forget(item.id);
    try {
      await this.client.send('DELETE', this.path(item.project, item.name), { query });
    } catch (error) {
      this.takeBack(now);
      throw error;
    }
  }

  /** Bring a deleted thing back. */
  async restore(item: T): Promise<void> {
    this.put(await this.client.post<T>(this.path(item.project, item.id, 'restore'), {}));
  }

  /** What an action showed was refused: what was before, and at once what is so now, which may be the reason. */
  private takeBack(before: T): void {
    this.put(before);
    void this.ask(before.id);
  }

  dispose(): void {
    this._disposed = true;
    this._timers.forEach(timer => clearTimeout(timer));
    this._items.clear();
    Signal.clearData(this);
  }

  /** An answer may be older than an event that overtook it: what events named meanwhile is asked for again. */
  private async read<R>(ask: () => Promise<R>): Promise<R> {
    this._reads += 1;
    try {
      return await ask();
    } finally {
      this._reads -= 1;
      if (this._reads === 0) {
        const ids = [...this._meanwhile];
        this._meanwhile.clear();
        ids.forEach(id => this.askSoon(id));
      }
    }
  }

  /** What the live channel tells of the nouns's topics. */
  protected receive(message: LiveMessage): void {
    if (message.type !== 'event' || message.event.subject.kind !== this.noun) {
      return;
    }
    const { id, name } = message.event.subject;
    const known = this._items.get(id);
    if (message.event.kind === `${this.noun}.deleted`) {
      this.forget(id);
    } else if (known) {
      this.learn(known, message.event);
    } else {
      this._news.emit({ id, kind: 'unknown', name });
    }
  }

  /** What an event says of a thing that the page knows. */
  protected learn(known: T, { subject }: PlatformEvent): void {
    if (subject.name !== known.name) {
      this.put({ ...known, name: subject.name });
    }
    this.askSoon(known.id);
  }

  /** An answer that is on its way may be older than what was learned: it is asked for again after that. */
  protected askIfReading(id: string): void {
    if (this._reads > 0) {
      this._meanwhile.add(id);
    }
  }

  private askSoon(id: string): void {
    if (this._reads > 0) {
      this._meanwhile.add(id);
    } else if (!this._timers.has(id) && !this._disposed) {
      const timer = window.setTimeout(() => {
        this._timers.delete(id);
        void this.ask(id);
      }, GATHER_MS);
      this._timers.set(id, timer);
    }
  }

  private async ask(id: string): Promise<void> {
    const known = this._items.get(id);
    if (known) {
      try {
        await this.fetch(known.project, known.name);
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) {
          const now = this._items.get(id);
          if (now && now.name !== known.name) {
            this.askSoon(id);
          } else {
            this.forget(id);
          }
          return;
        }
        // What was shown stays until the next event, or until the channel is back.
        console.warn(`Himalia: ${this.noun} “${known.name}” could not be read again`, error);
      }
    }
  }

  protected forget(id: string): void {
    if (this._items.delete(id)) {
      this._news.emit({ id, kind: 'removed' });
    }
  }

  private readonly _items = new Map<string, T>();
  private readonly _timers = new Map<string, number>();
  private readonly _meanwhile = new Set<string>();
  private _reads = 0;
  private _disposed = false;
  private readonly _news = new Signal<this, News>(this);
}
