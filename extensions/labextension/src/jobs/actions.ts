import type { Job } from '../api/types';
import type { Himalia } from '../context';
import { confirm, removeAsked, told } from '../ui/confirm';
import { isActive } from './states';

/** What a person can do with a job; each tells its own failure. Shared by view, list and commands. */

export function canStop(job: Job): boolean {
  return isActive(job.status.state) && job.status.state !== 'STOPPING';
}

export function canRerun(job: Job): boolean {
  return !isActive(job.status.state);
}

export function canRetry(job: Job): boolean {
  return job.status.state === 'FAILED' || job.status.state === 'STOPPED';
}

export function canDelete(job: Job): boolean {
  return !isActive(job.status.state);
}

export async function stop({ jobs, settings, trans }: Himalia, job: Job): Promise<void> {
  const agreed =
    !settings.confirmStop ||
    (await confirm(
      trans.__('Stop “%1”?', job.name),
      trans.__('What it has printed and written so far is kept.'),
      trans.__('Stop'),
      trans
    ));
  if (agreed) {
    await told(() => jobs.stop(job), trans.__('“%1” was not stopped.', job.name), trans);
  }
}

export async function retry({ jobs, trans }: Himalia, job: Job): Promise<void> {
  await told(() => jobs.retry(job), trans.__('“%1” was not started again.', job.name), trans);
}

/** Run the same again as a new job, and open it. */
export async function rerun(himalia: Himalia, job: Job): Promise<void> {
  const { jobs, trans } = himalia;
  const made = await told(() => jobs.rerun(job), trans.__('“%1” was not run again.', job.name), trans);
  if (made) {
    await openJob(himalia, made);
  }
}

/** Delete after a question; true when it is gone. Who takes that back goes on by `restored`. */
export function remove(
  { jobs, trans }: Himalia,
  job: Job,
  restored: () => unknown = () => undefined
): Promise<boolean> {
  return removeAsked(
    job.name,
    trans.__('Its log, outputs and metrics go with it. For 30 days it can be restored.'),
    { remove: () => jobs.remove(job), restore: () => jobs.restore(job).then(restored) },
    trans
  );
}

export function openJob({ app }: Himalia, job: Job): Promise<unknown> {
  return app.commands.execute('himalia:job-open', { project: job.project, name: job.name, id: job.id });
}
