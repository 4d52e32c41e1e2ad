import { PathExt } from '@jupyterlab/coreutils';

import { ApiError } from '../api/client';
import type { Job, JobSpec, Page, Profile, Runnable, SentSnapshot } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { useLoaded } from '../ui/hooks';
import { openModal } from '../ui/modal';
import { openJob } from './actions';
import type { Inputs } from './inputs';
import { FormToCome, RunForm, type Wish } from './runform';

/** Ask how a notebook or script is to run, then run it as a job and open the job. */
export function runAsJob(himalia: Himalia, path: string, inputs: Inputs = {}): void {
  const title = himalia.trans.__('Run “%1” as a job', PathExt.basename(path));
  openModal(himalia, title, close => <Prepared path={path} inputs={inputs} close={close} />);
}

interface PreparedProps {
  path: string;
  inputs: Inputs;
  close: () => void;
}

function Prepared({ path, inputs, close }: PreparedProps): JSX.Element {
  const himalia = useHimalia();
  const { client, server } = himalia;
  const { value, error, reload } = useLoaded(async () => {
    await saveOpen(himalia, path);
    const [runnable, profiles] = await Promise.all([
      server.describe(path),
      client.get<Page<Profile>>('/profiles')
    ]);
    return { runnable, profiles: profiles.items };
  }, [path]);
  if (error || !value) {
    return <FormToCome error={error} retry={reload} close={close} />;
  }
  return (
    <RunForm
      runnable={value.runnable}
      profiles={value.profiles}
      inputs={inputs}
      cancel={close}
      submit={async (wish, tell) => {
        const job = await submit(himalia, value.runnable, wish, tell);
        // Before the job's view: closing gives the focus back, and the view is to keep it.
        close();
        await openJob(himalia, job);
      }}
    />
  );
}

async function submit(
  himalia: Himalia,
  runnable: Runnable,
  wish: Wish,
  tell: (step: string) => void
): Promise<Job> {
  const { project, snapshot } = await sendCode(himalia, runnable.path, tell);
  const file = PathExt.basename(runnable.path);
  const spec: JobSpec = {
    kind: runnable.kind,
    ...(runnable.kind === 'notebook' ? { notebook: file } : { script: file }),
    parameters: wish.parameters,
    ...(Object.keys(wish.inputs).length > 0 ? { inputs: wish.inputs } : {}),
    profile: wish.profile,
    size: wish.size,
    replicas: wish.replicas,
    snapshot: snapshot.digest,
    requirements: wish.useRequirements ? snapshot.requirements : null,
    retries: wish.retries,
    time_limit_s: wish.timeLimit
  };
  return himalia.jobs.create(project, wish.name ? { name: wish.name, spec } : { spec });
}

/** Send a file and the code beside it to the current project, as the person sees them now. */
export async function sendCode(
  himalia: Himalia,
  path: string,
  tell: (step: string) => void
): Promise<{ project: string; snapshot: SentSnapshot }> {
  const { projects, server, trans } = himalia;
  const project = projects.current;
  if (!project) {
    throw (
      projects.error ??
      new ApiError(0, 'unreachable', trans.__('Your projects are not loaded yet. Try again.'))
    );
  }
  await saveOpen(himalia, path);
  tell(trans.__('Sending the code…'));
  const snapshot = await server.snapshot(path, project.name);
  tell(trans.__('Submitting…'));
  return { project: project.name, snapshot };
}

/** What runs is what the person sees: an open document with unsaved changes is saved first. */
export async function saveOpen({ docManager }: Himalia, path: string): Promise<void> {
  const widget = docManager.findWidget(path);
  const context = widget && docManager.contextForWidget(widget);
  if (context?.model.dirty && !context.model.readOnly) {
    await context.save();
  }
}
