import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Job, JobState } from '../api/types';
import { JobNews, Jobs } from './model';

const PAGE = 100;
/** News of jobs not yet known is gathered this long before they are asked for. */
const GATHER_MS = 250;

export interface JobFilter {
  state: JobState | '';
  text: string;
}

/** One list of jobs: a project, a filter, the pages loaded so far, newest first, kept true by news. */
export class JobQuery implements IDisposable {
  constructor(
    private readonly jobs: Jobs,
    readonly project: { id: string; name: string },
    readonly filter: JobFilter
  ) {
    this._following = jobs.followProject(project.id, () => void this.load());
    jobs.news.connect(this.onNews);
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
    this.jobs.news.disconnect(this.onNews);
    Signal.clearData(this);
  }

  private async fetch(
    token: string | null,
    take: (found: string[], next: string | null) => void
  ): Promise<void> {
    this._loading = true;
    this._changed.emit();
    try {
      const page = await this.jobs.list(this.project.name, {
        state: this.filter.state,
        ...searched(this.filter.text),
        limit: PAGE,
        page_token: token ?? undefined
      });
      if (this._disposed) {
        return;
      }
      // Before the jobs are put: their news must find them shown already.
      take(
        page.items.map(job => job.id),
        page.next_page_token ?? null
      );
      this._shown = new Set(this._items);
      this._error = undefined;
      this._loaded = true;
      this.jobs.put(...page.items);
    } catch (error) {
      this._error = error as Error;
    } finally {
      this._loading = false;
      this._changed.emit();
    }
  }

  private readonly onNews = (_: Jobs, news: JobNews): void => {
    const shown = this._shown.has(news.id);
    if (news.kind === 'unknown') {
      this.refreshSoon();
      return;
    }
    const job = this.jobs.get(news.id);
    const belongs = job !== undefined && this.matches(job);
    if (shown && !belongs) {
      this._items = this._items.filter(id => id !== news.id);
      this._shown.delete(news.id);
    } else if (!shown && belongs && this._loaded && this.isNewer(job)) {
      this._items = [news.id, ...this._items];
      this._shown.add(news.id);
    } else if (!shown) {
      return;
    }
    this._changed.emit();
  };

  private matches(job: Job): boolean {
    const { state, text } = this.filter;
    return (
      (job.project === this.project.name || job.project === this.project.id) &&
      (!state || job.status.state === state) &&
      (!text || isFound(job, text))
    );
  }

  /** An older job that news brings belongs to a page that is not loaded yet. */
  private isNewer(job: Job): boolean {
    const first = this._items.length > 0 ? this.jobs.get(this._items[0]) : undefined;
    return !first || Date.parse(job.created_at) >= Date.parse(first.created_at);
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

function isFound(job: Job, text: string): boolean {
  const at = text.indexOf('=');
  return at < 1
    ? job.name.toLowerCase().includes(text.toLowerCase())
    : job.labels[text.slice(0, at)] === text.slice(at + 1);
}
