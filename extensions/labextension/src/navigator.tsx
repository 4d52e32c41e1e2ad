import { ReactWidget } from '@jupyterlab/apputils';
import { useState } from 'react';

import { Himalia, HimaliaContext, useHimalia } from './context';
import { JobsPanel } from './jobs/panel';
import { Selection } from './jobs/selection';
import { ProjectSwitcher } from './projects/switcher';
import { Failure, Loading } from './ui/basics';
import { Boundary } from './ui/boundary';
import { useSignal } from './ui/hooks';
import { himaliaIcon } from './ui/icons';

/** The left sidebar's panel: project switcher, then one row per noun, whose list opens below it. */
export class Navigator extends ReactWidget {
  constructor(
    private readonly himalia: Himalia,
    private readonly selection: Selection
  ) {
    super();
    this.id = 'himalia-navigator';
    this.title.icon = himaliaIcon;
    this.title.caption = himalia.trans.__('Himalia');
    this.addClass('hm-Navigator');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', himalia.trans.__('Himalia'));
  }

  /** Who opened it by a command goes on by keyboard. */
  protected override onActivateRequest(): void {
    // The palette gives the focus back to where it was, after the command.
    requestAnimationFrame(() => this.node.querySelector<HTMLElement>('input[type=search]')?.focus());
  }

  protected render(): JSX.Element {
    return (
      <HimaliaContext.Provider value={this.himalia}>
        <Boundary>
          <Content selection={this.selection} />
        </Boundary>
      </HimaliaContext.Provider>
    );
  }
}

function Content({ selection }: { selection: Selection }): JSX.Element {
  const { projects } = useHimalia();
  useSignal(projects.changed);
  const { current, error } = projects;
  if (!current) {
    return error ? <Failure error={error} retry={() => void projects.load()} /> : <Loading />;
  }
  return (
    <>
      <ProjectSwitcher />
      <Connection />
      <Nouns selection={selection} />
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

function Nouns({ selection }: { selection: Selection }): JSX.Element | null {
  const { projects, trans } = useHimalia();
  const [open, setOpen] = useState(true);
  const project = projects.current;
  if (!project) {
    return null;
  }
  const { running } = projects;
  return (
    <div className="hm-Nouns">
      <h3>
        <button
          type="button"
          aria-expanded={open}
          aria-controls="himalia-jobs"
          onClick={() => setOpen(!open)}
        >
          <span className="hm-Nouns-arrow" aria-hidden="true">
            ▸
          </span>
          <span>{trans.__('Jobs')}</span>
          {running && <span className="hm-Count">{trans.__('%1 running', running)}</span>}
        </button>
      </h3>
      <div id="himalia-jobs" className="hm-Nouns-list" hidden={!open}>
        {open && <JobsPanel key={project.id} project={project} selection={selection} />}
      </div>
    </div>
  );
}
