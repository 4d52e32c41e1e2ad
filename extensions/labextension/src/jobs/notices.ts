import { Notification } from '@jupyterlab/apputils';
import { IDisposable } from '@lumino/disposable';

import type { Job, JobState, PlatformEvent } from '../api/types';
import type { Himalia } from '../context';
import { duration } from '../ui/format';
import { isActive, reasonText } from './states';

/**
 * Tell in Lab when one of the person's jobs ends. The topic is followed from now on, without an id to begin at:
 * what ended before the page was there is not told.
 */
export function tellEnds(himalia: Himalia): IDisposable {
  const told = new Set<string>();
  return himalia.live.follow('me', {
    onMessage: message => {
      // Of the parts of something larger, such as trials, only the whole is worth a notice.
      if (message.type !== 'event' || message.event.subject.kind !== 'job' || message.event.data.part_of) {
        return;
      }
      const { id, data } = message.event;
      const key = `${message.event.subject.id}-${Number(data.attempt ?? id)}`;
      if (himalia.settings.notices && !told.has(key) && hasEnded(data)) {
        told.add(key);
        notice(himalia, message.event);
      }
    }
  });
}

function hasEnded(data: PlatformEvent['data']): boolean {
  return typeof data.state === 'string' && !isActive(data.state as JobState);
}

function notice({ app, jobs, projects, trans }: Himalia, event: PlatformEvent): void {
  const { data, subject } = event;
  const project = projects.all.find(each => each.id === event.project)?.name ?? event.project ?? '';
  const options = {
    autoClose: 10_000,
    actions: [
      {
        label: trans.__('Open'),
        callback: () =>
          void app.commands.execute('himalia:job-open', { project, name: subject.name, id: subject.id })
      }
    ]
  };
  const message =
    typeof data.message === 'string' ? data.message : reasonText(data.reason as string | null, trans);
  switch (data.state) {
    case 'SUCCEEDED':
      Notification.success(
        succeeded(subject.name, ranFor(jobs.get(subject.id), data.changed_at), trans),
        options
      );
      break;
    case 'FAILED':
      Notification.error(trans.__('“%1” failed. %2', subject.name, message), options);
      break;
    default:
      Notification.info(trans.__('“%1” was stopped.', subject.name), options);
  }
}

function succeeded(name: string, seconds: number | undefined, trans: Himalia['trans']): string {
  return seconds === undefined
    ? trans.__('“%1” succeeded.', name)
    : trans.__('“%1” succeeded after %2.', name, duration(seconds));
}

/** How long it ran, where the page knows when it started. */
function ranFor(job: Job | undefined, ended: unknown): number | undefined {
  const started = job?.status.started_at;
  return started && typeof ended === 'string'
    ? Math.max(0, (Date.parse(ended) - Date.parse(started)) / 1000)
    : undefined;
}
