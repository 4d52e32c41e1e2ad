import type { Attempt, Job } from '../api/types';
import { useHimalia } from '../context';
import { Bar, Button, Pairs, Scroll, Value, When } from '../ui/basics';
import { bytes, duration, number } from '../ui/format';
import { useNow } from '../ui/hooks';
import { StateBadge } from '../ui/state';
import { Ranks } from './ranks';
import {
  advice,
  fraction,
  isActive,
  placeText,
  ranFor,
  reasonText,
  sentence,
  waitedFor,
  whatRuns
} from './states';

/** What a job was asked to do and what became of it. */
export function JobOverview({ job, showLog }: { job: Job; showLog: () => void }): JSX.Element {
  const { trans } = useHimalia();
  const parameters = Object.entries(job.spec.parameters ?? {});
  const results = Object.entries(job.status.metrics);
  const last = job.status.attempts[job.status.attempts.length - 1] as Attempt | undefined;
  return (
    <div className="hm-Overview">
      <Now job={job} showLog={showLog} />
      {results.length > 0 && (
        <section>
          <h3>{trans.__('Results')}</h3>
          <Pairs pairs={results.map(([name, value]) => [name, number(value)])} />
        </section>
      )}
      <section>
        <h3>{trans.__('Parameters')}</h3>
        {parameters.length > 0 ? (
          <Pairs pairs={parameters.map(([name, value]) => [name, <Value key="v" of={value} />])} />
        ) : (
          <p className="hm-Quiet">{trans.__('None: it runs as it is written.')}</p>
        )}
      </section>
      <section>
        <h3>{trans.__('What runs')}</h3>
        <Specification job={job} />
      </section>
      {job.status.attempts.length > 0 && (
        <section>
          <h3>{trans.__('Attempts')}</h3>
          <Attempts attempts={job.status.attempts} />
        </section>
      )}
      {last?.ranks && last.ranks.length > 0 && (
        <section>
          <h3>{trans.__('Ranks')}</h3>
          <Ranks attempt={last} />
        </section>
      )}
    </div>
  );
}

/** The state in words, how far it is, and after a failure what to do. */
function Now({ job, showLog }: { job: Job; showLog: () => void }): JSX.Element {
  const { trans } = useHimalia();
  const { status } = job;
  const now = useNow(1000, isActive(status.state));
  const done = fraction(status);
  const ran = ranFor(status, now);
  const waited = waitedFor(job);
  const told = sentence(status, now, trans);
  return (
    <section className="hm-Now" data-state={status.state}>
      {told && <p>{told}</p>}
      {status.state === 'FAILED' && advice(status.reason, trans) && (
        <p className="hm-Quiet">{advice(status.reason, trans)}</p>
      )}
      {hasEnvironmentLog(status) && (
        <p>
          <Button onClick={showLog}>{trans.__('Show its log')}</Button>
        </p>
      )}
      {done !== null && <Bar value={done} label={trans.__('Progress')} />}
      <Pairs
        pairs={[
          [trans.__('Submitted'), <When key="when" at={job.created_at} />],
          [trans.__('Waited'), waited === null ? null : duration(waited)],
          [trans.__('Ran for'), ran === null ? null : duration(ran)]
        ]}
      />
    </section>
  );
}

/** Whether what the person wants to see now is how the job's environment is made. */
function hasEnvironmentLog({ environment_job, reason, state }: Job['status']): boolean {
  return Boolean(environment_job) && (state === 'QUEUED' || reason === 'environment_failed');
}

function Specification({ job }: { job: Job }): JSX.Element {
  const { trans } = useHimalia();
  const { spec } = job;
  const labels = Object.entries(job.labels);
  return (
    <Pairs
      pairs={[
        [
          {
            notebook: trans.__('Notebook'),
            script: trans.__('Script'),
            command: trans.__('Command')
          }[spec.kind ?? 'notebook'],
          <code key="what">{whatRuns(job)}</code>
        ],
        ...Object.entries(job.status.inputs ?? {}).map(([name, input]): [string, JSX.Element] => [
          trans.__('Input %1', name),
          <InputLink key={name} project={job.project} dataset={input.dataset} version={input.version} />
        ]),
        [trans.__('Profile'), [spec.profile, spec.size].filter(Boolean).join(', ')],
        [trans.__('Replicas'), (spec.replicas ?? 1) > 1 ? String(spec.replicas) : null],
        [trans.__('Environment'), spec.environment],
        [trans.__('Requirements'), spec.requirements ? <code key="r">{spec.requirements}</code> : null],
        [trans.__('Code'), spec.snapshot ? <Digest key="s" digest={spec.snapshot} /> : null],
        [trans.__('Time limit'), spec.time_limit_s ? duration(spec.time_limit_s) : null],
        [trans.__('Retries'), spec.retries ? String(spec.retries) : null],
        [trans.__('Secrets'), spec.secrets?.join(', ')],
        [trans.__('Labels'), labels.map(([name, value]) => `${name}=${value}`).join(', ')]
      ]}
    />
  );
}

/** The version that a job reads; it opens its dataset. */
function InputLink(props: { project: string; dataset: string; version: number }): JSX.Element {
  const { app } = useHimalia();
  const { project, dataset, version } = props;
  return (
    <button
      type="button"
      className="hm-Link"
      onClick={() => void app.commands.execute('himalia:dataset-open', { project, name: dataset, version })}
    >
      {dataset}@{version}
    </button>
  );
}

function Digest({ digest }: { digest: string }): JSX.Element {
  return <code title={digest}>{digest.slice(0, 12)}</code>;
}

function Attempts({ attempts }: { attempts: Attempt[] }): JSX.Element {
  const { trans } = useHimalia();
  return (
    <Scroll label={trans.__('Attempts')}>
      <table className="hm-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Attempt')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('Why')}</th>
            <th scope="col">{trans.__('Machine')}</th>
            <th scope="col">{trans.__('Started')}</th>
            <th scope="col">{trans.__('Ran for')}</th>
            <th scope="col">{trans.__('Processor time')}</th>
            <th scope="col">{trans.__('Most memory')}</th>
            <th scope="col">{trans.__('Exit code')}</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map(attempt => (
            <AttemptRow key={attempt.attempt} attempt={attempt} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function AttemptRow({ attempt }: { attempt: Attempt }): JSX.Element {
  const { trans } = useHimalia();
  const { started_at, ended_at, usage } = attempt;
  const now = useNow(1000, started_at !== null && ended_at === null);
  const wall = usage?.wall_s ?? ranFor({ started_at, ended_at }, now);
  return (
    <tr>
      <td>{attempt.attempt}</td>
      <td>
        <StateBadge state={attempt.state} />
      </td>
      <td>{attempt.message ?? reasonText(attempt.reason, trans)}</td>
      <td>{placeText(attempt)}</td>
      <td>
        <When at={started_at} />
      </td>
      <td>{wall === null ? '' : duration(wall)}</td>
      <td>{typeof usage?.cpu_s === 'number' ? duration(usage.cpu_s) : ''}</td>
      <td>{typeof usage?.max_memory_bytes === 'number' ? bytes(usage.max_memory_bytes) : ''}</td>
      <td>{attempt.exit_code ?? ''}</td>
    </tr>
  );
}
