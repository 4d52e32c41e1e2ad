import { memo, useEffect } from 'react';

import type { Job, Project } from '../api/types';
import { useHimalia } from '../context';
import { TensorBoardButton } from '../tracking/tensorboard';
import { Bar, Button, When } from '../ui/basics';
import { useNow, useSignal } from '../ui/hooks';
import { ListPanel, TwoLines } from '../ui/listpanel';
import { StateBadge } from '../ui/state';
import { stateWord } from '../ui/words';
import { openJob } from './actions';
import { Selection } from './selection';
import { fraction, isActive, sentence, STATES, whatRuns } from './states';

/** The project's jobs: searched, filtered, newest first. */
export function JobsPanel({ project, selection }: { project: Project; selection: Selection }): JSX.Element {
  const himalia = useHimalia();
  const { app, jobs, trans } = himalia;
  useSignal(selection.changed);
  useEffect(() => () => selection.clear(), [selection, project.id]);
  return (
    <ListPanel
      project={project}
      store={jobs}
      label={trans.__('Jobs')}
      search={trans.__('Search jobs')}
      states={STATES}
      row={row}
      rowClass="hm-JobRow"
      onOpen={job => void openJob(himalia, job)}
      selected={selection.ids}
      onToggle={job => selection.toggle(job.id)}
      above={selection.ids.size > 0 && <SelectionBar selection={selection} />}
      nothingFound={trans.__('No job matches this search.')}
      empty={{
        title: trans.__('No jobs yet'),
        children: trans.__('A job runs a notebook or a script to its end, also when you close the browser.'),
        action: {
          label: trans.__('Run a notebook as a job'),
          run: () => app.commands.execute('himalia:run-choose')
        }
      }}
    />
  );
}

function row(job: Job): JSX.Element {
  return <JobRow job={job} />;
}

const JobRow = memo(function JobRow({ job }: { job: Job }): JSX.Element {
  const { jobs, trans } = useHimalia();
  const { state } = job.status;
  const active = isActive(state);
  const now = useNow(1000, state === 'RUNNING');
  const done = fraction(job.status);
  const told = sentence(job.status, now, trans);
  useEffect(() => {
    if (!active) {
      return undefined;
    }
    const following = jobs.followJob(job.id);
    return () => following.dispose();
  }, [jobs, job.id, active]);
  return (
    <TwoLines
      badge={<StateBadge state={state} quiet />}
      name={job.name}
      title={`${job.name} · ${whatRuns(job)}`}
      when={<When at={job.status.ended_at ?? job.created_at} />}
    >
      <span>
        {stateWord(state, trans)}
        {told && ` · ${told}`}
      </span>
      {done !== null && <Bar value={done} label={trans.__('Progress')} />}
    </TwoLines>
  );
});

function SelectionBar({ selection }: { selection: Selection }): JSX.Element {
  const { app, jobs, trans } = useHimalia();
  const count = selection.ids.size;
  const chosen = [...selection.ids].map(id => jobs.get(id)).filter((job): job is Job => job !== undefined);
  return (
    <div className="hm-ListPanel-selection">
      <span role="status">{trans._n('%1 selected', '%1 selected', count)}</span>
      <Button
        kind="accept"
        disabled={count < 2}
        title={count < 2 ? trans.__('Select another job to compare with') : undefined}
        onClick={() => app.commands.execute('himalia:job-compare')}
      >
        {trans.__('Compare')}
      </Button>
      <TensorBoardButton project={chosen[0]?.project ?? ''} jobs={chosen.map(job => job.name)} />
      <Button kind="quiet" onClick={() => selection.clear()}>
        {trans.__('Clear')}
      </Button>
    </div>
  );
}
