import { useEffect, useState } from 'react';

import { ApiError } from '../api/client';
import type { Job } from '../api/types';
import { Himalia, useHimalia } from '../context';
import { Button, Empty, Failure, Loading, When } from '../ui/basics';
import { useSignal } from '../ui/hooks';
import { openMlflow } from '../tracking/views';
import { Item } from '../ui/item';
import { LineageGraph } from '../ui/lineage';
import { StateBadge } from '../ui/state';
import { View } from '../ui/view';
import { stateWord } from '../ui/words';
import { canDelete, canRerun, canRetry, canStop, remove, rerun, retry, stop } from './actions';
import { runChanged } from './again';
import { JobLog } from './log';
import { JobMetrics } from './metrics';
import { JobOutputs } from './outputs';
import { JobOverview } from './overview';
import { isActive, whatRuns } from './states';

export type JobPlace = {
  project: string;
  name: string;
};

/** One job in the main area; restored by project and name when Lab reloads. */
export class JobView extends View {
  constructor(
    himalia: Himalia,
    readonly place: JobPlace
  ) {
    super(himalia);
    this.id = `himalia-job-${place.project}-${place.name}`;
    this.title.label = place.name;
    this.title.caption = himalia.trans.__('Job %1 of project %2', place.name, place.project);
  }

  protected content(): JSX.Element {
    return <Content place={this.place} close={() => this.close()} />;
  }
}

function Content({ place, close }: { place: JobPlace; close: () => void }): JSX.Element {
  const { trans } = useHimalia();
  const { job, error, reload } = useJob(place);
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty title={trans.__('This job is gone')} action={{ label: trans.__('Close'), run: close }}>
        {trans.__('“%1” was deleted or never was in the project “%2”.', place.name, place.project)}
      </Empty>
    );
  }
  if (!job) {
    return error ? <Failure error={error} retry={reload} /> : <Loading />;
  }
  return <Shown job={job} close={close} />;
}

function Shown({ job, close }: { job: Job; close: () => void }): JSX.Element {
  const { trans } = useHimalia();
  const [tab, setTab] = useState('overview');
  const { spec, status } = job;
  return (
    <Item
      title={job.name}
      badge={<StateBadge state={status.state} />}
      subtitle={
        <>
          {[whatRuns(job), [spec.profile, spec.size].filter(Boolean).join(', '), job.created_by?.name]
            .filter(Boolean)
            .join(' · ')}{' '}
          · <When at={job.created_at} />
        </>
      }
      actions={<Actions job={job} close={close} />}
      live={trans.__('%1: %2', job.name, stateWord(status.state, trans))}
      tab={tab}
      onTab={setTab}
      tabs={[
        {
          name: 'overview',
          label: trans.__('Overview'),
          content: () => <JobOverview job={job} showLog={() => setTab('log')} />
        },
        { name: 'log', label: trans.__('Log'), content: () => <JobLog job={job} /> },
        {
          name: 'outputs',
          label: trans.__('Outputs'),
          count: status.outputs?.count,
          content: () => <JobOutputs job={job} />
        },
        {
          name: 'metrics',
          label: trans.__('Metrics'),
          count: Object.keys(status.metrics).length,
          content: () => <JobMetrics job={job} />
        },
        {
          name: 'lineage',
          label: trans.__('Lineage'),
          content: () => <LineageGraph project={job.project} of={`job:${job.id}`} />
        }
      ]}
    />
  );
}

function Actions({ job, close }: { job: Job; close: () => void }): JSX.Element {
  const himalia = useHimalia();
  const { trans } = himalia;
  const removeAndClose = async () => {
    if (await remove(himalia, job)) {
      close();
    }
  };
  return (
    <>
      {canStop(job) && (
        <Button kind="warn" onClick={() => void stop(himalia, job)}>
          {trans.__('Stop')}
        </Button>
      )}
      {canRetry(job) && (
        <Button
          onClick={() => void retry(himalia, job)}
          title={trans.__('Try the same job once more, from the beginning')}
        >
          {trans.__('Retry')}
        </Button>
      )}
      {canRerun(job) && (
        <Button
          kind="accept"
          onClick={() => void rerun(himalia, job)}
          title={trans.__('Make a new job like this one')}
        >
          {trans.__('Run again')}
        </Button>
      )}
      {canRerun(job) && (
        <Button
          onClick={() => runChanged(himalia, job)}
          title={trans.__('Choose other parameters or another size, and run the same code as a new job')}
        >
          {trans.__('Change and run…')}
        </Button>
      )}
      {job.status.attempt > 0 && (
        <Button
          onClick={() => void openMlflow(himalia, job.project, job.name)}
          title={trans.__('See the run of this job in MLflow, with its artifacts')}
        >
          {trans.__('MLflow')}
        </Button>
      )}
      {canDelete(job) && <Button onClick={() => void removeAndClose()}>{trans.__('Delete')}</Button>}
    </>
  );
}

/** The job of a place, kept true: from what the page knows at once, then from the service. */
function useJob(place: JobPlace): { job: Job | undefined; error: Error | undefined; reload: () => void } {
  const { jobs } = useHimalia();
  const { project, name } = place;
  const [turn, setTurn] = useState(0);
  const [error, setError] = useState<Error>();
  const [id, setId] = useState(() => jobs.find(project, name)?.id);
  useSignal(jobs.news);
  const job = id === undefined ? undefined : jobs.get(id);
  const ended = job !== undefined && !isActive(job.status.state);
  const attempt = job?.status.attempt;
  useEffect(() => {
    // Also when it or an attempt ends: an event tells the state, the job's own answer also usage and outputs.
    jobs.fetch(project, name).then(
      found => {
        setId(found.id);
        setError(undefined);
      },
      (failure: Error) => setError(failure)
    );
  }, [jobs, project, name, turn, ended, attempt]);
  const projectId = useProjectId(project);
  useEffect(() => {
    if (id === undefined || projectId === undefined) {
      return undefined;
    }
    const reload = () => setTurn(count => count + 1);
    const following = [jobs.followProject(projectId, reload), jobs.followJob(id)];
    return () => following.forEach(each => each.dispose());
  }, [jobs, id, projectId]);
  return { job, error, reload: () => setTurn(turn + 1) };
}

function useProjectId(project: string): string | undefined {
  const { projects } = useHimalia();
  useSignal(projects.changed);
  return projects.all.find(each => each.name === project || each.id === project)?.id;
}
