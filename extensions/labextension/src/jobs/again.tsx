import type { Job, Json, Page, Profile, Runnable, Schema } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { useLoaded } from '../ui/hooks';
import { openModal } from '../ui/modal';
import { openJob } from './actions';
import type { Inputs } from './inputs';
import { defaultSize } from './profiles';
import { FormToCome, RunForm, type Start, type Wish } from './runform';

/** Ask what is to differ from a job, then run its code as a new one and open that. */
export function runChanged(himalia: Himalia, job: Job): void {
  const title = himalia.trans.__('Change “%1” and run it', job.name);
  openModal(himalia, title, close => <Changed job={job} close={close} />);
}

function Changed({ job, close }: { job: Job; close: () => void }): JSX.Element {
  const himalia = useHimalia();
  const { client } = himalia;
  const { value, error, reload } = useLoaded(() => client.get<Page<Profile>>('/profiles'), [job.id]);
  if (error || !value) {
    return <FormToCome error={error} retry={reload} close={close} />;
  }
  return (
    <RunForm
      runnable={runnableOf(job)}
      profiles={value.items}
      start={startOf(job, value.items)}
      inputs={(job.spec as { inputs?: Inputs }).inputs}
      cancel={close}
      submit={async wish => {
        const made = await submit(himalia, job, wish);
        // Before the job's view: closing gives the focus back, and the view is to keep it.
        close();
        await openJob(himalia, made);
      }}
    />
  );
}

function submit({ jobs }: Himalia, job: Job, wish: Wish): Promise<Job> {
  const { name, parameters, inputs, profile, size, replicas, retries, timeLimit } = wish;
  const spec = { ...job.spec, parameters, inputs, profile, size, replicas, retries, time_limit_s: timeLimit };
  return jobs.create(job.project, { ...(name ? { name } : {}), labels: job.labels, spec });
}

/** What a job was given is all that is known of its parameters. */
function runnableOf({ spec }: Job): Runnable {
  const values = Object.entries((spec.parameters ?? {}) as { [name: string]: Json });
  return {
    path: spec.notebook ?? spec.script ?? '',
    kind: spec.kind === 'notebook' ? 'notebook' : 'script',
    kernel: null,
    parameters: { properties: Object.fromEntries(values.map(([name, value]) => [name, schemaOf(value)])) },
    inputs: [],
    cells: 0,
    requirements: null
  };
}

function schemaOf(value: Json): Schema {
  // A number without a fraction may be one of a parameter that takes fractions.
  const type = ['number', 'string', 'boolean'].find(each => each === typeof value);
  return { type, default: value };
}

function startOf({ spec }: Job, profiles: Profile[]): Start {
  const size = spec.size ?? defaultSize(profiles, spec.profile)?.name ?? '';
  const minutes = typeof spec.time_limit_s === 'number' ? String(spec.time_limit_s / 60) : '';
  const [replicas, retries] = [String(spec.replicas ?? 1), String(spec.retries ?? 0)];
  return { choice: { profile: spec.profile, size }, replicas, retries, minutes };
}
