import { memo, useCallback, useEffect, useMemo, useState } from 'react';

import type { Job, JobState, Project } from '../api/types';
import { useHimalia } from '../context';
import { Bar, Button, Empty, Failure, Loading, When } from '../ui/basics';
import { useNow, useSignal } from '../ui/hooks';
import { List } from '../ui/list';
import { StateBadge } from '../ui/state';
import { openJob } from './actions';
import { JobFilter, JobQuery } from './query';
import { Selection } from './selection';
import { fraction, isActive, sentence, STATES, stateWord, whatRuns } from './states';

const ROW_HEIGHT = 46;
const TYPING_MS = 200;

/** The project's jobs: searched, filtered, newest first. */
export function JobsPanel({ project, selection }: { project: Project; selection: Selection }): JSX.Element {
  const himalia = useHimalia();
  const { jobs, trans } = himalia;
  const [state, setState] = useState<JobState | ''>('');
  const [typed, setTyped] = useState('');
  const text = useSettled(typed.trim(), TYPING_MS);
  const query = useQuery(
    project,
    useMemo(() => ({ state, text }), [state, text])
  );
  useSignal(jobs.news);
  useSignal(selection.changed);
  const shown = query.items.map(id => jobs.get(id)).filter((job): job is Job => job !== undefined);
  const more = useCallback(() => void query.more(), [query]);
  const filtered = state !== '' || text !== '';
  useEffect(() => () => selection.clear(), [selection, project.id]);
  return (
    <div className="hm-Jobs">
      <div className="hm-Jobs-bar">
        <input
          type="search"
          className="hm-Input"
          aria-label={trans.__('Search jobs')}
          placeholder={trans.__('Search jobs')}
          value={typed}
          onChange={event => setTyped(event.target.value)}
        />
        <StateFilter value={state} onValue={setState} />
      </div>
      {selection.ids.size > 0 && <SelectionBar selection={selection} />}
      {query.error && <Failure error={query.error} retry={() => void query.load()} />}
      {!query.loaded && query.loading && <Loading />}
      {query.loaded && shown.length === 0 && !query.error && <NoJobs filtered={filtered} />}
      {shown.length > 0 && (
        <List
          label={trans.__('Jobs')}
          items={shown}
          keyOf={keyOf}
          rowHeight={ROW_HEIGHT}
          rowClass="hm-JobRow"
          row={row}
          selected={selection.ids}
          onOpen={job => void openJob(himalia, job)}
          onToggle={job => selection.toggle(job.id)}
          hasMore={query.hasMore}
          onMore={more}
        />
      )}
    </div>
  );
}

function keyOf(job: Job): string {
  return job.id;
}

function row(job: Job): JSX.Element {
  return <JobRow job={job} />;
}

const JobRow = memo(function JobRow({ job }: { job: Job }): JSX.Element {
  const { jobs, trans } = useHimalia();
  const active = isActive(job.status.state);
  const running = job.status.state === 'RUNNING';
  const now = useNow(1000, running);
  const done = fraction(job.status);
  useEffect(() => {
    if (!active) {
      return undefined;
    }
    const following = jobs.followJob(job.id);
    return () => following.dispose();
  }, [jobs, job.id, active]);
  return (
    <div className="hm-JobRow-body">
      <div className="hm-JobRow-first">
        <StateBadge state={job.status.state} quiet />
        <span className="hm-JobRow-name" title={`${job.name} · ${whatRuns(job)}`}>
          {job.name}
        </span>
        <span className="hm-JobRow-when">
          <When at={job.status.ended_at ?? job.created_at} />
        </span>
      </div>
      <div className="hm-JobRow-second">
        <span>
          {stateWord(job.status.state, trans)}
          {join(sentence(job.status, now, trans))}
        </span>
        {done !== null && <Bar value={done} label={trans.__('Progress')} />}
      </div>
    </div>
  );
});

function join(text: string): string {
  return text ? ` · ${text}` : '';
}

function StateFilter({
  value,
  onValue
}: {
  value: JobState | '';
  onValue: (state: JobState | '') => void;
}): JSX.Element {
  const { trans } = useHimalia();
  return (
    <select
      className="hm-Input"
      aria-label={trans.__('State')}
      value={value}
      onChange={event => onValue(event.target.value as JobState | '')}
    >
      <option value="">{trans.__('Any state')}</option>
      {STATES.map(state => (
        <option key={state} value={state}>
          {stateWord(state, trans)}
        </option>
      ))}
    </select>
  );
}

function SelectionBar({ selection }: { selection: Selection }): JSX.Element {
  const { app, trans } = useHimalia();
  const count = selection.ids.size;
  return (
    <div className="hm-Jobs-selection">
      <span role="status">{trans._n('%1 selected', '%1 selected', count)}</span>
      <Button
        kind="accept"
        disabled={count < 2}
        title={count < 2 ? trans.__('Select another job to compare with') : undefined}
        onClick={() => void app.commands.execute('himalia:job-compare')}
      >
        {trans.__('Compare')}
      </Button>
      <Button kind="quiet" onClick={() => selection.clear()}>
        {trans.__('Clear')}
      </Button>
    </div>
  );
}

function NoJobs({ filtered }: { filtered: boolean }): JSX.Element {
  const { app, trans } = useHimalia();
  if (filtered) {
    return <Empty>{trans.__('No job matches this search.')}</Empty>;
  }
  return (
    <Empty
      title={trans.__('No jobs yet')}
      action={{
        label: trans.__('Run a notebook as a job'),
        run: () => void app.commands.execute('himalia:run-choose')
      }}
    >
      {trans.__('A job runs a notebook or a script to its end, also when you close the browser.')}
    </Empty>
  );
}

/** `value` once it has stayed the same for a while. */
function useSettled<T>(value: T, after: number): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), after);
    return () => clearTimeout(timer);
  }, [value, after]);
  return settled;
}

function useQuery(project: Project, filter: JobFilter): JobQuery {
  const { jobs } = useHimalia();
  const { id, name } = project;
  const query = useMemo(() => new JobQuery(jobs, { id, name }, filter), [jobs, id, name, filter]);
  useEffect(() => {
    void query.load();
    return () => query.dispose();
  }, [query]);
  useSignal(query.changed);
  return query;
}
