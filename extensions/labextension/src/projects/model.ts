import { IStateDB } from '@jupyterlab/statedb';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client } from '../api/client';
import { Live } from '../api/live';
import { NotebookServer } from '../api/server';
import type { Job, Page, Project, Whoami } from '../api/types';

const STATE_KEY = '@himalia/lab:project';
/** Counts of what runs are asked for at most this often, however fast events come. */
const COUNT_EVERY_MS = 700;
const MOST_COUNTED = 100;

/** The projects of the person, and the one that the panels show. */
export class Projects implements IDisposable {
  constructor(
    private readonly client: Client,
    private readonly live: Live,
    private readonly server: NotebookServer,
    private readonly state: IStateDB,
    private readonly preferred: string
  ) {}

  get all(): readonly Project[] {
    return this._all;
  }

  get current(): Project | undefined {
    return this._current;
  }

  /** How many jobs of the current project run, such as `3` or `100+`; empty when none does. */
  get running(): string {
    return this._running;
  }

  get error(): Error | undefined {
    return this._error;
  }

  /** Something above is another now. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Find out who is here and which projects there are; shows the one chosen last. */
  async load(): Promise<void> {
    try {
      const [me, projects, chosen] = await Promise.all([
        this.client.get<Whoami>('/whoami'),
        this.list(),
        this.state.fetch(STATE_KEY)
      ]);
      this._error = undefined;
      this._all = projects;
      this._own ??= this.live.follow('me', {
        onMessage: message => {
          if (message.type === 'event' && message.event.subject.kind === 'project') {
            void this.load();
          }
        },
        onResumed: () => void this.load()
      });
      const wanted = [this._current?.name, chosen, this.preferred, me.personal_project];
      const found = wanted.map(name => projects.find(project => project.name === name)).find(Boolean);
      this.show(found ?? projects[0]);
      if (this._current && this._current.name !== this.preferred) {
        await this.server.chooseProject(this._current.name);
      }
    } catch (error) {
      this._error = error as Error;
    }
    this._changed.emit();
  }

  /** Show `project` in the panels, now and after a reload, and give it to new kernels. */
  async choose(project: Project): Promise<void> {
    const before = this._current;
    this.show(project);
    this._changed.emit();
    try {
      await this.server.chooseProject(project.name);
      await this.state.save(STATE_KEY, project.name);
    } catch (error) {
      this.show(before);
      this._changed.emit();
      throw error;
    }
  }

  /** Count again what runs, once and soon, whatever number of events ask for it. */
  countSoon(): void {
    if (this._timer === 0) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this.count();
      }, COUNT_EVERY_MS);
    }
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    clearTimeout(this._timer);
    this._following?.dispose();
    this._own?.dispose();
    Signal.clearData(this);
  }

  private async list(): Promise<Project[]> {
    const found: Project[] = [];
    let token: string | undefined;
    do {
      const page: Page<Project> = await this.client.get('/projects', {
        query: { limit: 200, page_token: token }
      });
      found.push(...page.items);
      token = page.next_page_token ?? undefined;
    } while (token);
    return found;
  }

  private show(project: Project | undefined): void {
    if (project?.id === this._current?.id) {
      this._current = project;
      return;
    }
    this._following?.dispose();
    this._current = project;
    this._running = '';
    if (project) {
      this.countSoon();
      this._following = this.live.follow(`project:${project.id}`, {
        onMessage: message => {
          if (message.type === 'event') {
            this.countSoon();
          }
        },
        onResumed: () => this.countSoon()
      });
    }
  }

  private async count(): Promise<void> {
    const current = this._current;
    if (!current) {
      return;
    }
    try {
      // The project's own count holds notebook servers too.
      const path = `/projects/${encodeURIComponent(current.name)}/jobs`;
      const page = await this.client.get<Page<Job>>(path, {
        query: { state: 'RUNNING', limit: MOST_COUNTED }
      });
      if (this._current?.id === current.id) {
        this._running = `${page.items.length || ''}${page.next_page_token ? '+' : ''}`;
      }
    } catch (error) {
      // The next event asks again; until then the count shown is the one known last.
      console.warn('Himalia: running jobs could not be counted', error);
    }
    this._changed.emit();
  }

  private _all: readonly Project[] = [];
  private _current: Project | undefined;
  private _running = '';
  private _error: Error | undefined;
  private _following: IDisposable | undefined;
  private _own: IDisposable | undefined;
  private _timer = 0;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
