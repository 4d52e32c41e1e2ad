import { IStateDB } from '@jupyterlab/statedb';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client } from '../api/client';
import { Live } from '../api/live';
import { NotebookServer } from '../api/server';
import type { Page, Project, Whoami } from '../api/types';

const STATE_KEY = '@himalia/lab:project';

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
      this._current = found ?? projects[0];
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
    this._current = project;
    this._changed.emit();
    try {
      await this.server.chooseProject(project.name);
      await this.state.save(STATE_KEY, project.name);
    } catch (error) {
      this._current = before;
      this._changed.emit();
      throw error;
    }
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
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

  private _all: readonly Project[] = [];
  private _current: Project | undefined;
  private _error: Error | undefined;
  private _own: IDisposable | undefined;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
