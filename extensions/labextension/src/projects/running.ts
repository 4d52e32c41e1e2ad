import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Client } from '../api/client';
import type { Live } from '../api/live';
import type { Page } from '../api/types';
import type { Noun } from '../noun';
import type { Projects } from './model';

/** Counts are asked for at most this often, however fast events come. */
const COUNT_EVERY_MS = 700;
const MOST_COUNTED = 100;

/** How much of each noun runs now in the current project, counted anew when events tell of it. */
export class Running implements IDisposable {
  constructor(
    private readonly client: Client,
    private readonly live: Live,
    private readonly projects: Projects,
    nouns: readonly Noun[]
  ) {
    this._nouns = nouns.filter(noun => noun.running !== undefined);
    projects.changed.connect(this.follow);
    this.follow();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Such as `3` or `100+`; empty when none runs. */
  of(noun: Noun): string {
    return this._counts.get(noun.nouns) ?? '';
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    clearTimeout(this._timer);
    this._following?.dispose();
    this.projects.changed.disconnect(this.follow);
    Signal.clearData(this);
  }

  private readonly follow = (): void => {
    const project = this.projects.current;
    if (project?.id === this._followed) {
      return;
    }
    this._followed = project?.id;
    this._following?.dispose();
    this._counts.clear();
    this._changed.emit();
    if (project) {
      const countAll = () => this._nouns.forEach(noun => this.countSoon(noun));
      countAll();
      this._following = this.live.follow(`project:${project.id}`, {
        onMessage: message => {
          const noun =
            message.type === 'event' && this._nouns.find(each => each.noun === message.event.subject.kind);
          if (noun) {
            this.countSoon(noun);
          }
        },
        onResumed: countAll
      });
    }
  };

  private countSoon(noun: Noun): void {
    this._due.add(noun);
    this._timer ||= window.setTimeout(() => {
      this._timer = 0;
      const due = [...this._due];
      this._due.clear();
      void Promise.all(due.map(each => this.count(each)));
    }, COUNT_EVERY_MS);
  }

  private async count(noun: Noun): Promise<void> {
    const project = this.projects.current;
    if (!project) {
      return;
    }
    try {
      const path = `/projects/${encodeURIComponent(project.name)}/${noun.nouns}`;
      const page = await this.client.get<Page<unknown>>(path, {
        query: { ...noun.running, limit: MOST_COUNTED }
      });
      if (this._followed === project.id) {
        this._counts.set(noun.nouns, `${page.items.length || ''}${page.next_page_token ? '+' : ''}`);
        this._changed.emit();
      }
    } catch (error) {
      // The next event asks again; until then the count shown is the one known last.
      console.warn(`Himalia: running ${noun.nouns} could not be counted`, error);
    }
  }

  private readonly _nouns: readonly Noun[];
  private readonly _counts = new Map<string, string>();
  private readonly _due = new Set<Noun>();
  private _followed: string | undefined;
  private _following: IDisposable | undefined;
  private _timer = 0;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
