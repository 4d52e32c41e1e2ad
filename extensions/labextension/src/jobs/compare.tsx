import { type ReactNode, useEffect, useState } from 'react';

import type { Job } from '../api/types';
import { Himalia, useHimalia } from '../context';
import { Button, Empty, Failure, Loading, Scroll, valueText, When } from '../ui/basics';
import { duration, number } from '../ui/format';
import { useNow, useSignal } from '../ui/hooks';
import { StateBadge } from '../ui/state';
import { View } from '../ui/view';
import { openJob } from './actions';
import { isActive, ranFor, waitedFor, whatRuns } from './states';

export type ComparePlace = {
  project: string;
  names: string[];
};

/** Jobs side by side in the main area; restored when Lab reloads. */
export class CompareView extends View<ComparePlace> {
  constructor(himalia: Himalia, place: ComparePlace) {
    super(himalia, place);
    this.title.label = himalia.trans.__('Compare %1', place.names.join(', '));
  }

  protected content(): JSX.Element {
    return <Comparison place={this.place} />;
  }
}

interface Row {
  name: string;
  /** What is compared, one for each job. */
  values: string[];
  shown?: ReactNode[];
}

function Comparison({ place }: { place: ComparePlace }): JSX.Element {
  const { trans } = useHimalia();
  const { jobs, error, reload } = useJobs(place);
  const [onlyDifferent, setOnlyDifferent] = useState(false);
  const now = useNow(1000, jobs?.some(job => isActive(job.status.state)) ?? false);
  if (error) {
    return <Failure error={error} retry={reload} />;
  }
  if (!jobs) {
    return <Loading />;
  }
  const groups: [string, Row[]][] = [
    [
      trans.__('Results'),
      byName(
        jobs,
        job => job.status.metrics,
        value => number(value as number)
      )
    ],
    [
      trans.__('Parameters'),
      byName(
        jobs,
        job => job.spec.parameters ?? {},
        value => valueText(value, trans)
      )
    ],
    [trans.__('Time'), times(jobs, now, trans)],
    [trans.__('What ran'), whatRan(jobs, trans)]
  ];
  const visible = groups.map(([title, rows]): [string, Row[]] => [
    title,
    onlyDifferent ? rows.filter(differs) : rows
  ]);
  return (
    <section className="hm-Compare" aria-label={trans.__('Compare jobs')}>
      <div className="hm-Compare-bar">
        <h2>{trans.__('Compare jobs')}</h2>
        <Button pressed={onlyDifferent} onClick={() => setOnlyDifferent(!onlyDifferent)}>
          {trans.__('Only differences')}
        </Button>
      </div>
      {visible.every(([, rows]) => rows.length === 0) ? (
        <Empty>{trans.__('These jobs do not differ.')}</Empty>
      ) : (
        <Scroll label={trans.__('Comparison')}>
          <table className="hm-Table">
            <Head jobs={jobs} />
            {visible.map(
              ([title, rows]) => rows.length > 0 && <Group key={title} title={title} rows={rows} />
            )}
          </table>
        </Scroll>
      )}
    </section>
  );
}

function Head({ jobs }: { jobs: Job[] }): JSX.Element {
  const himalia = useHimalia();
  return (
    <thead>
      <tr>
        <td />
        {jobs.map(job => (
          <th scope="col" key={job.id}>
            <button type="button" className="hm-Link" onClick={() => void openJob(himalia, job)}>
              {job.name}
            </button>
            <StateBadge state={job.status.state} />
          </th>
        ))}
      </tr>
    </thead>
  );
}

function Group({ title, rows }: { title: string; rows: Row[] }): JSX.Element {
  const { trans } = useHimalia();
  return (
    <tbody>
      <tr>
        <th scope="rowgroup" className="hm-Compare-group" colSpan={1 + rows[0].values.length}>
          {title}
        </th>
      </tr>
      {rows.map(row => (
        <tr key={row.name} data-differs={differs(row) || undefined}>
          <th scope="row">
            {row.name}
            {differs(row) && (
              <span className="hm-Compare-mark" title={trans.__('Differs')}>
                <span aria-hidden="true">≠</span>
                <span className="hm-mod-hidden">{trans.__('differs')}</span>
              </span>
            )}
          </th>
          {row.values.map((value, index) => (
            <td key={index}>{row.shown?.[index] ?? value}</td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function differs(row: Row): boolean {
  return row.values.some(value => value !== row.values[0]);
}

function byName(
  jobs: Job[],
  take: (job: Job) => { [name: string]: unknown },
  show: (value: unknown) => string
): Row[] {
  const names = [...new Set(jobs.flatMap(job => Object.keys(take(job))))];
  return names.map(name => ({
    name,
    values: jobs.map(job => (name in take(job) ? show(take(job)[name]) : '–'))
  }));
}

function times(jobs: Job[], now: number, trans: Himalia['trans']): Row[] {
  const text = (seconds: number | null) => (seconds === null ? '–' : duration(seconds));
  return [
    {
      name: trans.__('Submitted'),
      // Never the same, and no difference worth a mark.
      values: jobs.map(() => ''),
      shown: jobs.map(job => <When key={job.id} at={job.created_at} />)
    },
    { name: trans.__('Waited'), values: jobs.map(job => text(waitedFor(job))) },
    { name: trans.__('Ran for'), values: jobs.map(job => text(ranFor(job.status, now))) }
  ];
}

function whatRan(jobs: Job[], trans: Himalia['trans']): Row[] {
  const short = (digest: string | null | undefined) => digest?.slice(0, 12) ?? '–';
  return [
    { name: trans.__('Runs'), values: jobs.map(whatRuns) },
    { name: trans.__('Code'), values: jobs.map(job => short(job.spec.snapshot)) },
    {
      name: trans.__('Profile'),
      values: jobs.map(({ spec }) => [spec.profile, spec.size].filter(Boolean).join(', '))
    },
    { name: trans.__('Requirements'), values: jobs.map(job => short(job.spec.requirements)) }
  ];
}

function useJobs({ project, names }: ComparePlace): {
  jobs: Job[] | undefined;
  error: Error | undefined;
  reload: () => void;
} {
  const { jobs } = useHimalia();
  const [ids, setIds] = useState<string[]>();
  const [error, setError] = useState<Error>();
  const [turn, setTurn] = useState(0);
  useSignal(jobs.news);
  useEffect(() => {
    Promise.all(names.map(name => jobs.fetch(project, name))).then(
      found => {
        setIds(found.map(job => job.id));
        setError(undefined);
      },
      (failure: Error) => setError(failure)
    );
  }, [jobs, project, names, turn]);
  const known = ids?.map(id => jobs.get(id)).filter((job): job is Job => job !== undefined);
  return { jobs: known, error, reload: () => setTurn(turn + 1) };
}
