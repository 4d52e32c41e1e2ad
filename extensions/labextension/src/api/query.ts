import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { isLost } from './client';
import type { News, Resource, Store } from './resources';
import type { Page } from './types';

const PAGE = 100;
/** News of what is not yet known is gathered this long before they are asked for. */
const GATHER_MS = 250;
/** A list that the service was not there for is asked for once more after this time. */
const RETRY_MS = 2000;

export interface Filter {
  /** Empty for any. */
  state: string;
  text: string;
}

/** What a list asks of a thing: its labels, and a status that holds a state where the noun has one. */
export interface Listed extends Resource {
  labels?: { [name: string]: string };
  status: object;
  /** What it was made for, where that is listed in its place: a trial's experiment. */
  part_of?: string | null;
}

/** One list of things: a project, a filter, the pages loaded so far, newest first, kept true by news. */
export class Query<T extends Listed> implements IDisposable {
  constructor(
    private readonly store: Store<T>,
    readonly project: { id: string; name: string },
    readonly filter: Filter
  ) {
    this._following = store.followProject(project.id, () => void this.load());
    store.news.connect(this.onNews);
  }

  get items(): readonly string[] {
    return this._items;
  }

  get loading(): boolean {
    return this._loading;
  }

  get loaded(): boolean {
    return this._loaded;
  }

  get hasMore(): boolean {
    return this._next !== null;
  }

  get error(): Error | undefined {
    return this._error;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Load the first page, in place of what was there. */
  async load(): Promise<void> {
    await this.fetch(null, (found, next) => {
      this._items = found;
      this._next = next;
    });
  }

  /** Load the page after the last. */
  async more(): Promise<void> {
    if (this._loading || this._next === null) {
      return;
    }
    await this.fetch(this._next, (found, next) => {
      this._items = [...this._items, ...found.filter(id => !this._shown.has(id))];
      this._next = next;
    });
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    clearTimeout(this._timer);
    this._following.dispose();
    this.store.news.disconnect(this.onNews);
    Signal.clearData(this);
  }

  private async fetch(
    token: string | null,
    take: (found: string[], next: string | null) => void
  ): Promise<void> {
    this._loading = true;
    this._changed.emit();
    try {
      const page = await this.page(token).catch(async (error: unknown) => {
        if (!isLost(error)) {
          throw error;
        }
        await new Promise(later => setTimeout(later, RETRY_MS));
        return this.page(token);
      });
      if (this._disposed) {
        return;
      }
      // Before the things are put: their news must find them shown already.
      take(
        page.items.map(item => item.id),
        page.next_page_token ?? null
      );
      this._shown = new Set(this._items);
      this._error = undefined;
      this._loaded = true;
      this.store.put(...page.items);
    } catch (error) {
      this._error = error as Error;
    } finally {
      this._loading = false;
      this._changed.emit();
    }
  }

  private page(token: string | null): Promise<Page<T>> {
    return this.store.list(this.project.name, {
      state: this.filter.state,
      ...searched(this.filter.text),
      limit: PAGE,
      page_token: token ?? undefined
    });
  }

  private readonly onNews = (_: unknown, news: News): void => {
    const shown = this._shown.has(news.id);
    if (news.kind === 'unknown') {
      this.refreshSoon();
      return;
    }
    const item = this.store.get(news.id);
    const belongs = item !== undefined && this.matches(item);
    if (shown && !belongs) {
      this._items = this._items.filter(id => id !== news.id);
      this._shown.delete(news.id);
    } else if (!shown && (!belongs || !this.insert(item))) {
      return;
    }
    this._changed.emit();
  };

  /** Put it in its place by age, unless that is behind the pages loaded so far; whether it is shown now. */
  private insert(item: T): boolean {
    const made = Date.parse(item.created_at);
    const at = this._items.findIndex(id => Date.parse(this.store.get(id)?.created_at ?? '') <= made);
    if (!this._loaded || (at < 0 && this._next !== null)) {
      return false;
    }
    const before = at < 0 ? this._items : this._items.slice(0, at);
    this._items = [...before, item.id, ...this._items.slice(before.length)];
    this._shown.add(item.id);
    return true;
  }

  private matches(item: T): boolean {
    const { state, text } = this.filter;
    return (
      (item.project === this.project.name || item.project === this.project.id) &&
      !item.part_of &&
      (!state || (item.status as { state?: string }).state === state) &&
      (!text || isFound(item, text))
    );
  }

  private refreshSoon(): void {
    if (this._timer === 0) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this.refreshHead();
      }, GATHER_MS);
    }
  }

  /** Ask for the newest page again and put what is new on top; after a gap the list begins anew. */
  private async refreshHead(): Promise<void> {
    await this.fetch(null, (found, next) => {
      if (found.some(id => this._shown.has(id))) {
        const fresh = new Set(found);
        this._items = [...found, ...this._items.filter(id => !fresh.has(id))];
      } else {
        this._items = found;
        this._next = next;
      }
    });
  }

  private _items: readonly string[] = [];
  private _shown = new Set<string>();
  private _next: string | null = null;
  private _loading = false;
  private _loaded = false;
  private _error: Error | undefined;
  private _timer = 0;
  private _disposed = false;
  private readonly _following: IDisposable;
  private readonly _changed = new Signal<this, void>(this);
}

/** No name holds an equals sign: what does is a label, such as `team=vision`. */
function searched(text: string): { text: string } | { label: string } {
  return text.indexOf('=') > 0 ? { label: text } : { text };
}

function isFound(item: Listed, text: string): boolean {
  const at = text.indexOf('=');
  return at < 1
    ? item.name.toLowerCase().includes(text.toLowerCase())
    : item.labels?.[text.slice(0, at)] === text.slice(at + 1);
}
