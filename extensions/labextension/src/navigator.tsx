import { ReactWidget } from '@jupyterlab/apputils';
import type { IStateDB } from '@jupyterlab/statedb';
import { ISignal, Signal } from '@lumino/signaling';
import { Fragment } from 'react';

import { Himalia, HimaliaContext, useHimalia } from './context';
import type { Noun } from './noun';
import { Running } from './projects/running';
import { ProjectSwitcher } from './projects/switcher';
import { Failure, Loading } from './ui/basics';
import { Boundary } from './ui/boundary';
import { useSignal } from './ui/hooks';
import { himaliaIcon } from './ui/icons';

const STATE_KEY = '@himalia/lab:noun';

/** The left sidebar's panel: project switcher, then one row per noun, one of whose lists is open. */
export class Navigator extends ReactWidget {
  constructor(
    private readonly himalia: Himalia,
    private readonly nouns: readonly Noun[],
    private readonly state: IStateDB,
    private _open: string
  ) {
    super();
    this.running = new Running(himalia.client, himalia.live, himalia.projects, nouns);
    this.id = 'himalia-navigator';
    this.title.icon = himaliaIcon;
    this.title.caption = himalia.trans.__('Himalia');
    this.addClass('hm-Navigator');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', himalia.trans.__('Himalia'));
  }

  readonly running: Running;

  /** The noun whose list is open; empty for none. */
  get open(): string {
    return this._open;
  }

  /** Another list is open now. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Open the list of `nouns` in place of the one open now; remembered by the next page. */
  showList(nouns: string): void {
    this._open = nouns;
    this._changed.emit();
    void this.state.save(STATE_KEY, nouns);
  }

  /** Open the list that was open last. */
  async recall(): Promise<void> {
    const last = await this.state.fetch(STATE_KEY);
    if (typeof last === 'string') {
      this._open = last;
      this._changed.emit();
    }
  }

  /** Who opened it by a command goes on by keyboard. */
  protected override onActivateRequest(): void {
    // The palette gives the focus back to where it was after the command, and the list is drawn in a frame to come.
    const later = (frames: number) =>
      requestAnimationFrame(() =>
        frames > 0 ? later(frames - 1) : this.node.querySelector<HTMLElement>('input[type=search]')?.focus()
      );
    later(1);
  }

  protected render(): JSX.Element {
    return (
      <HimaliaContext.Provider value={this.himalia}>
        <Boundary>
          <Content navigator={this} nouns={this.nouns} />
        </Boundary>
      </HimaliaContext.Provider>
    );
  }

  override dispose(): void {
    this.running.dispose();
    super.dispose();
  }

  private readonly _changed = new Signal<this, void>(this);
}

function Content({ navigator, nouns }: { navigator: Navigator; nouns: readonly Noun[] }): JSX.Element {
  const { projects, trans } = useHimalia();
  useSignal(projects.changed);
  useSignal(navigator.changed);
  const { current, error } = projects;
  if (!current) {
    return error ? <Failure error={error} retry={() => projects.load()} /> : <Loading />;
  }
  return (
    <>
      <ProjectSwitcher />
      <Connection />
      {current.status.role === 'viewer' && (
        <p className="hm-Quiet hm-LookOnly">
          {trans.__('You can look at this project, not change it. Its owners can make you an editor.')}
        </p>
      )}
      <div className="hm-Nouns">
        {nouns.map(noun => (
          <NounRow
            key={noun.nouns}
            noun={noun}
            running={navigator.running}
            open={navigator.open === noun.nouns}
            toggle={() => navigator.showList(navigator.open === noun.nouns ? '' : noun.nouns)}
          />
        ))}
      </div>
    </>
  );
}

/** One quiet line while the live channel is away. */
function Connection(): JSX.Element | null {
  const { live, trans } = useHimalia();
  useSignal(live.stateChanged);
  return (
    <div role="status" className={live.state === 'lost' ? 'hm-Note' : 'hm-mod-hidden'}>
      {live.state === 'lost' && trans.__('Live updates are interrupted; connecting again…')}
    </div>
  );
}

interface RowProps {
  noun: Noun;
  running: Running;
  open: boolean;
  toggle: () => void;
}

/** A noun's heading with the count of what runs, and its list while it is the open one. */
function NounRow({ noun, running, open, toggle }: RowProps): JSX.Element | null {
  const { projects, trans } = useHimalia();
  useSignal(running.changed);
  const project = projects.current;
  const count = running.of(noun);
  const id = `himalia-${noun.nouns}`;
  return (
    <>
      <h3>
        <button type="button" aria-expanded={open} aria-controls={id} onClick={toggle}>
          <span className="hm-Nouns-arrow" aria-hidden="true">
            ▸
          </span>
          <span>{noun.title}</span>
          {count && <span className="hm-Count">{trans.__('%1 running', count)}</span>}
        </button>
      </h3>
      <div id={id} className="hm-Nouns-list" hidden={!open}>
        {open && project && (
          <Boundary>
            <Fragment key={project.id}>{noun.list(project)}</Fragment>
          </Boundary>
        )}
      </div>
    </>
  );
}
