import { IDisposable } from '@lumino/disposable';

import { Client } from '../api/client';
import { Live } from '../api/live';
import { Resources } from '../api/resources';
import type { Job, JobState, JobStatus, LiveMessage, PlatformEvent, QueuePlace } from '../api/types';
import { attemptsAfter } from './attempts';
import { isActive } from './states';

/** Where a job answers: `/projects/{project}/jobs/{name}`. */
export function jobPath(project: string, name: string, ...rest: string[]): string {
  return ['/projects', encodeURIComponent(project), 'jobs', encodeURIComponent(name), ...rest].join('/');
}

/** The jobs that the page has seen. Their events say how they stand: nothing is asked for. */
export class Jobs extends Resources<Job> {
  constructor(client: Client, live: Live) {
    super(client, live, 'jobs', 'job');
  }

  /** Follow one job's progress. */
  followJob(id: string): IDisposable {
    return this.live.follow(`job:${id}`, { onMessage: message => this.receive(message) });
  }

  stop(job: Job): Promise<Job> {
    return this.act(job, 'stop', undefined, now => withStatus(now, { state: 'STOPPING' }));
  }

  retry(job: Job): Promise<Job> {
    const again = { state: 'QUEUED', reason: null, message: null, ended_at: null, started_at: null } as const;
    return this.act(job, 'retry', undefined, now => withStatus(now, again));
  }

  /** A new job with the same spec. */
  async rerun(job: Job): Promise<Job> {
    const made = await this.client.create<Job>(jobPath(job.project, job.name, 'rerun'), {});
    this.put(made);
    return made;
  }

  protected override receive(message: LiveMessage): void {
    if (message.type === 'progress') {
      this.change(message.data.id ?? message.topic.slice('job:'.length), { progress: message.data });
    } else if (message.type === 'queue') {
      Object.entries(message.items).forEach(([id, queue]) => this.placed(id, queue));
    } else if (message.type === 'ranks') {
      this.askAgain(message.id);
    } else if (
      message.type === 'event' &&
      message.event.data.part_of &&
      !this.get(message.event.subject.id)
    ) {
      // Lists leave out what belongs to something larger, such as a trial.
      return;
    } else {
      super.receive(message);
    }
  }

  protected override learn(known: Job, event: PlatformEvent): void {
    if (event.kind === 'job.changed') {
      this.put({ ...known, name: event.subject.name, status: statusAfter(known.status, event.data) });
      this.askIfReading(known.id);
    }
  }

  /** What the ranks of a distributed job do is told by no event. */
  private askAgain(id: string): void {
    const job = this.get(id);
    if (job) {
      this.fetch(job.project, job.name).catch((error: unknown) =>
        console.warn(`Himalia: “${job.name}” was not read again`, error)
      );
    }
  }

  private placed(id: string, queue: QueuePlace): void {
    if (this.get(id)?.status.state === 'QUEUED') {
      this.change(id, { queue });
    }
  }

  private change(id: string, status: Partial<JobStatus>): void {
    const job = this.get(id);
    if (job) {
      this.put(withStatus(job, status));
    }
  }
}

function withStatus(job: Job, status: Partial<JobStatus>): Job {
  return { ...job, status: { ...job.status, ...status } };
}

/** The status that an event's data makes of the one before. */
export function statusAfter(before: JobStatus, data: { [name: string]: unknown }): JobStatus {
  const { state = before.state, attempt = before.attempt } = data as { state?: JobState; attempt?: number };
  if (state === before.state && attempt === before.attempt) {
    return before;
  }
  const at = typeof data.changed_at === 'string' ? data.changed_at : new Date().toISOString();
  const { reason = null, message = null } = data as { reason?: string | null; message?: string | null };
  const ended = !isActive(state);
  const begins = state === 'QUEUED' || state === 'STARTING';
  return {
    ...before,
    state,
    attempt,
    attempts: attemptsAfter(before.attempts, { attempt, state, reason, message, at }),
    reason,
    message,
    queue: state === 'QUEUED' ? before.queue : null,
    progress: ended || attempt !== before.attempt ? null : before.progress,
    started_at: begins ? null : state === 'RUNNING' ? at : before.started_at,
    ended_at: ended ? at : null
  };
}
