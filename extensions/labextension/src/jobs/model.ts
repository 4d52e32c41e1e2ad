import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Client } from '../api/client';
import { Live } from '../api/live';
import type { ListQuery, News, Store } from '../api/resources';
import type {
  Job,
  JobState,
  JobStatus,
  LiveMessage,
  NewJob,
  Page,
  PlatformEvent,
  QueuePlace
} from '../api/types';
import { attemptsAfter } from './attempts';
import { isActive } from './states';

/** Where a job answers: `/projects/{project}/jobs/{name}`. */
export function jobPath(project: string, name: string, ...rest: string[]): string {
  return ['/projects', encodeURIComponent(project), 'jobs', encodeURIComponent(name), ...rest].join('/');
}

/**
 * Every job that the page has seen, kept true by the project's events.
 * An action shows at once and is taken back when the service refuses it.
 */
export class Jobs implements Store<Job>, IDisposable {
  constructor(
    readonly client: Client,
    readonly live: Live
  ) {}

  /** A job was put, removed, or told of for the first time. */
  get news(): ISignal<this, News> {
    return this._news;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  get(id: string): Job | undefined {
    return this._jobs.get(id);
  }

  /** The job of that name in a project, where the page knows it. */
  find(project: string, name: string): Job | undefined {
    for (const job of this._jobs.values()) {
      if (job.name === name && job.project === project) {
        return job;
      }
    }
    return undefined;
  }

  put(...jobs: Job[]): void {
    for (const job of jobs) {
      this._jobs.set(job.id, job);
      this._news.emit({ id: job.id, kind: 'put' });
    }
  }

  /** Follow a project's events and queue for as long as the answer lives. */
  followProject(projectId: string, onResumed: () => void): IDisposable {
    return this.live.follow(`project:${projectId}`, {
      onMessage: message => this.receive(message),
      onResumed
    });
  }

  /** Follow one job's progress. */
  followJob(id: string): IDisposable {
    return this.live.follow(`job:${id}`, { onMessage: message => this.receive(message) });
  }

  /** A page of a project's jobs; the caller puts them. */
  async list(project: string, query: ListQuery): Promise<Page<Job>> {
    return this.read(async () => {
      const path = `/projects/${encodeURIComponent(project)}/jobs`;
      const page = await this.client.get<Page<Job>>(path, { query });
      return { ...page, items: page.items.map(job => this.brought(job)) };
    });
  }

  async fetch(project: string, name: string): Promise<Job> {
    return this.read(async () => {
      const job = this.brought(await this.client.get<Job>(jobPath(project, name)));
      this.put(job);
      return job;
    });
  }

  async submit(project: string, job: NewJob): Promise<Job> {
    const made = await this.client.post<Job>(`/projects/${encodeURIComponent(project)}/jobs`, job);
    this.put(made);
    return made;
  }

  async stop(job: Job): Promise<void> {
    await this.act(job, 'stop', { state: 'STOPPING' });
  }

  async retry(job: Job): Promise<void> {
    await this.act(job, 'retry', {
      state: 'QUEUED',
      reason: null,
      message: null,
      ended_at: null,
      started_at: null
    });
  }

  /** A new job with the same spec. */
  async rerun(job: Job): Promise<Job> {
    const made = await this.client.post<Job>(jobPath(job.project, job.name, 'rerun'), {});
    this.put(made);
    return made;
  }

  async remove(job: Job): Promise<void> {
    this.forget(job.id);
    try {
      await this.client.delete(jobPath(job.project, job.name));
    } catch (error) {
      this.put(job);
      throw error;
    }
  }

  /** Bring a deleted job back. */
  async restore(job: Job): Promise<void> {
    this.put(await this.client.post<Job>(jobPath(job.project, job.id, 'restore'), {}));
  }

  dispose(): void {
    this._disposed = true;
    this._jobs.clear();
    Signal.clearData(this);
  }

  private async act(job: Job, verb: string, expected: Partial<JobStatus>): Promise<void> {
    this.put({ ...job, status: { ...job.status, ...expected } });
    try {
      this.put(await this.client.post<Job>(jobPath(job.project, job.name, verb)));
    } catch (error) {
      this.put(job);
      throw error;
    }
  }

  /** An answer may be older than an event that overtook it: what came meanwhile is applied to it again. */
  private async read<T>(ask: () => Promise<T>): Promise<T> {
    this._reads += 1;
    try {
      return await ask();
    } finally {
      this._reads -= 1;
      if (this._reads === 0) {
        this._meanwhile.clear();
      }
    }
  }

  private brought(job: Job): Job {
    const data = this._meanwhile.get(job.id);
    return data ? { ...job, status: statusAfter(job.status, data) } : job;
  }

  private receive(message: LiveMessage): void {
    if (message.type === 'event' && message.event.subject.kind === 'job') {
      this.apply(message.event);
    } else if (message.type === 'progress') {
      this.change(message.data.id ?? message.topic.slice('job:'.length), { progress: message.data });
    } else if (message.type === 'queue') {
      Object.entries(message.items).forEach(([id, queue]) => this.placed(id, queue));
    }
  }

  private apply(event: PlatformEvent): void {
    const { id, name } = event.subject;
    const known = this._jobs.get(id);
    if (this._reads > 0 && event.kind === 'job.changed') {
      this._meanwhile.set(id, event.data);
    }
    if (event.kind === 'job.deleted') {
      this.forget(id);
    } else if (!known && event.data.part_of) {
      // Lists leave out what belongs to something larger, such as a trial.
      return;
    } else if (!known) {
      this._news.emit({ id, kind: 'unknown' });
    } else if (event.kind === 'job.changed') {
      const status = statusAfter(known.status, event.data);
      this.put({ ...known, name, status });
    }
  }

  private placed(id: string, queue: QueuePlace): void {
    if (this._jobs.get(id)?.status.state === 'QUEUED') {
      this.change(id, { queue });
    }
  }

  private change(id: string, status: Partial<JobStatus>): void {
    const job = this._jobs.get(id);
    if (job) {
      this.put({ ...job, status: { ...job.status, ...status } });
    }
  }

  private forget(id: string): void {
    if (this._jobs.delete(id)) {
      this._news.emit({ id, kind: 'removed' });
    }
  }

  private readonly _jobs = new Map<string, Job>();
  private readonly _meanwhile = new Map<string, PlatformEvent['data']>();
  private _reads = 0;
  private readonly _news = new Signal<this, News>(this);
  private _disposed = false;
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
