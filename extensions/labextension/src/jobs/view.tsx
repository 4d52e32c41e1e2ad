import { useEffect, useRef, useState } from 'react';

import type { Job } from '../api/types';
import { Himalia, useHimalia } from '../context';
import { Button, When } from '../ui/basics';
import { leftModel, registerOfJob } from '../models/choose';
import { openMlflow } from '../tracking/views';
import { runIcon } from '../ui/icons';
import { Item } from '../ui/item';
import { LineageGraph } from '../ui/lineage';
import type { Place } from '../ui/opened';
import { StateBadge } from '../ui/state';
import { ThingView } from '../ui/thingview';
import { stateWord } from '../ui/words';
import { canDelete, canRerun, canRetry, canStop, openJob, remove, rerun, retry, stop } from './actions';
import { runChanged } from './again';
import { JobLog } from './log';
import { JobMetrics } from './metrics';
import { JobOutputs } from './outputs';
import { JobOverview } from './overview';
import { isActive, whatRuns } from './states';

/** One job in the main area; restored by project and name when Lab reloads. */
export class JobView extends ThingView<Job> {
  constructor(himalia: Himalia, place: Place) {
    const { jobs, trans } = himalia;
    super(himalia, place, {
      store: jobs,
      icon: runIcon,
      caption: at => trans.__('Job %1 of project %2', at.name, at.project),
      gone: trans.__('This job is gone')
    });
  }

  protected shown(job: Job): JSX.Element {
    return <Shown job={job} close={() => this.close()} />;
  }
}

function Shown({ job, close }: { job: Job; close: () => void }): JSX.Element {
  const { trans } = useHimalia();
  const [tab, setTab] = useState('overview');
  const { spec, status } = job;
  useNewsOf(job);
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

/** Its progress; and when it or an attempt ends, its usage and outputs, which no event tells. */
function useNewsOf({ id, project, name, status: { state, attempt } }: Job): void {
  const { jobs } = useHimalia();
  useEffect(() => {
    const following = jobs.followJob(id);
    return () => following.dispose();
  }, [jobs, id]);
  const active = isActive(state);
  const seen = useRef({ active, attempt });
  useEffect(() => {
    if (seen.current.active !== active || seen.current.attempt !== attempt) {
      seen.current = { active, attempt };
      jobs
        .fetch(project, name)
        .catch((error: unknown) => console.warn(`Himalia: “${name}” was not read again`, error));
    }
  }, [jobs, project, name, active, attempt]);
}

function Actions({ job, close }: { job: Job; close: () => void }): JSX.Element {
  const himalia = useHimalia();
  const { trans } = himalia;
  const hasModel = leftModel(job);
  const removeAndClose = async () => {
    if (await remove(himalia, job, () => openJob(himalia, job))) {
      close();
    }
  };
  return (
    <>
      {canStop(job) && (
        <Button kind="warn" onClick={() => stop(himalia, job)}>
          {trans.__('Stop')}
        </Button>
      )}
      {hasModel && (
        <Button
          kind="accept"
          title={trans.__('Make the model that this job left a version of a registered model')}
          onClick={() => registerOfJob(himalia, job)}
        >
          {trans.__('Register model')}
        </Button>
      )}
      {canRetry(job) && (
        <Button
          onClick={() => retry(himalia, job)}
          title={trans.__('Try the same job once more, from the beginning')}
        >
          {trans.__('Retry')}
        </Button>
      )}
      {canRerun(job) && (
        <Button
          kind={hasModel ? 'plain' : 'accept'}
          onClick={() => rerun(himalia, job)}
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
          onClick={() => openMlflow(himalia, job.project, job.name)}
          title={trans.__('See the run of this job in MLflow, with its artifacts')}
        >
          {trans.__('MLflow')}
        </Button>
      )}
      {canDelete(job) && <Button onClick={() => removeAndClose()}>{trans.__('Delete')}</Button>}
    </>
  );
}
