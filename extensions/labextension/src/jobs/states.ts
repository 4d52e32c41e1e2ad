import type { TranslationBundle } from '@jupyterlab/translation';

import type { Attempt, Job, JobState, JobStatus } from '../api/types';
import { duration } from '../ui/format';

export const STATES: readonly JobState[] = [
  'QUEUED',
  'STARTING',
  'RUNNING',
  'STOPPING',
  'SUCCEEDED',
  'FAILED',
  'STOPPED'
];

export function isActive(state: JobState): boolean {
  return state === 'QUEUED' || state === 'STARTING' || state === 'RUNNING' || state === 'STOPPING';
}

/** Seconds from the start of an attempt, or of a job's latest one, to its end, or to `now` while it runs. */
export function ranFor(status: Pick<JobStatus, 'started_at' | 'ended_at'>, now: number): number | null {
  if (!status.started_at) {
    return null;
  }
  const end = status.ended_at ? Date.parse(status.ended_at) : now;
  return Math.max(0, (end - Date.parse(status.started_at)) / 1000);
}

/** Seconds that the job waited for its first start. */
export function waitedFor(job: Job): number | null {
  const { queued_at, started_at, attempts } = job.status;
  const start = attempts[0]?.started_at ?? started_at;
  return queued_at && start ? Math.max(0, (Date.parse(start) - Date.parse(queued_at)) / 1000) : null;
}

/** 0 to 1, or null where the job does not say how far it is. */
export function fraction(status: JobStatus): number | null {
  const progress = status.progress;
  if (!progress || status.state !== 'RUNNING') {
    return null;
  }
  if (typeof progress.fraction === 'number') {
    return Math.min(1, Math.max(0, progress.fraction));
  }
  return progress.cell !== undefined && progress.cells ? (progress.cell - 1) / progress.cells : null;
}

/** The sentence beside a job's state: why it is so, how far it is, how long it took. */
export function sentence(status: JobStatus, now: number, trans: TranslationBundle): string {
  const ran = ranFor(status, now);
  const time = ran === null ? '' : duration(ran);
  switch (status.state) {
    case 'QUEUED':
      if (status.environment_job && !status.queue?.message) {
        return trans.__('Building environment…');
      }
      return status.queue?.message ?? status.message ?? trans.__('Waiting for its turn');
    case 'STARTING':
      return status.progress?.message ?? status.message ?? '';
    case 'RUNNING':
      return [progressText(status, trans), time].filter(Boolean).join(' · ');
    case 'SUCCEEDED':
      return time ? trans.__('Took %1', time) : '';
    case 'FAILED':
      return status.message ?? reasonText(status.reason, trans);
    default:
      return status.message ?? '';
  }
}

export function progressText(status: JobStatus, trans: TranslationBundle): string {
  const progress = status.progress;
  const parts: string[] = [];
  if (progress?.cell !== undefined && progress.cells) {
    parts.push(trans.__('Cell %1 of %2', progress.cell, progress.cells));
  }
  if (progress?.message) {
    parts.push(progress.message);
  }
  return parts.join(' · ');
}

/** Where an attempt or a rank is or was, and which accelerators it was given: `node-1, nvidia.com/gpu 0 and 2`. */
export function placeText({ machine, devices }: Pick<Attempt, 'machine' | 'devices'>): string {
  const given = Object.entries(devices ?? {}).map(([name, named]) =>
    [name, named.join(' and ')].filter(Boolean).join(' ')
  );
  return machine ? [machine, ...given].join(', ') : '';
}

/** What a reason's word means. */
export function reasonText(reason: string | null, trans: TranslationBundle): string {
  const texts: { [reason: string]: string } = {
    user_error: trans.__('The code raised an error.'),
    out_of_memory: trans.__('It needed more memory than its size allows.'),
    time_limit: trans.__('It ran longer than its time limit.'),
    bad_input: trans.__('Something that it needs could not be fetched.'),
    environment_missing: trans.__('Its environment does not exist here.'),
    environment_failed: trans.__('The packages of requirements.txt could not be installed.'),
    lost: trans.__('Contact with it was lost.'),
    preempted: trans.__('It made room for work with a higher priority.'),
    peer_failed: trans.__('Another rank failed, so this one was ended.'),
    platform_stopped: trans.__('The platform was stopped.'),
    stopped_by_user: trans.__('It was stopped.')
  };
  return reason ? (texts[reason] ?? reason) : '';
}

/** What to do about a failure, where that is known. */
export function advice(reason: string | null, trans: TranslationBundle): string {
  const texts: { [reason: string]: string } = {
    user_error: trans.__('The log and the output notebook show where. Mend the code and run it again.'),
    out_of_memory: trans.__('Change and run it with a larger size, or work on less data at a time.'),
    time_limit: trans.__('Change and run it with a longer time limit.'),
    environment_missing: trans.__(
      'Choose another profile, or ask your administrator to create the environment.'
    ),
    environment_failed: trans.__(
      'Often a package or version does not exist. Mend requirements.txt and run it again.'
    ),
    lost: trans.__('Retry starts it again from the beginning.')
  };
  return reason ? (texts[reason] ?? '') : '';
}

/** What a job runs, in a few words. */
export function whatRuns(job: Job): string {
  const { spec } = job;
  return spec.notebook ?? spec.script ?? spec.command?.join(' ') ?? '';
}
