import { Notification } from '@jupyterlab/apputils';

import type { Himalia } from '../context';
import { refused } from '../ui/confirm';
import { stopOverlay } from './model';

const SCHEMA = 'urn:himalia:events:overlay:v1';

/** What the server extension tells of a kernel that waits for its packages (events/overlay.yaml). */
interface BuildNews {
  id: string;
  project: string;
  kernel: string;
  state: 'building' | 'ready' | 'failed' | 'stopped' | 'lost';
  message: string;
}

/** Tell in Lab that a kernel waits for its packages, with their log and a way to cancel, and how it ended. */
export function tellBuilds(himalia: Himalia): void {
  const notices = new Map<string, string>();
  himalia.app.serviceManager.events.stream.connect((_, event) => {
    if (event.schema_id === SCHEMA) {
      tell(himalia, notices, event as unknown as BuildNews);
    }
  });
}

function tell(himalia: Himalia, notices: Map<string, string>, news: BuildNews): void {
  const { app, trans } = himalia;
  const { id, project, kernel, state } = news;
  const showLog = {
    label: trans.__('Show log'),
    callback: (event: MouseEvent) => {
      event.preventDefault(); // the notice stays
      void app.commands.execute('himalia:overlay-open', { project, id, kernel });
    }
  };
  const shown = notices.get(id);
  if (state === 'building') {
    if (shown === undefined) {
      const cancel = {
        label: trans.__('Cancel'),
        callback: (event: MouseEvent) => {
          event.preventDefault();
          stopOverlay(himalia, project, id).catch((error: unknown) =>
            refused(trans.__('The installation was not cancelled.'), error, trans)
          );
        }
      };
      const text = trans.__(
        'Installing the packages of “%1”. The kernel starts when they are there.',
        kernel
      );
      notices.set(
        id,
        Notification.emit(text, 'in-progress', { autoClose: false, actions: [showLog, cancel] })
      );
    }
    return;
  }
  if (shown === undefined) {
    return;
  }
  notices.delete(id);
  switch (state) {
    case 'ready':
      Notification.update({
        id: shown,
        message: trans.__('The packages of “%1” are installed.', kernel),
        type: 'success',
        autoClose: 5000,
        actions: [showLog]
      });
      break;
    case 'failed':
      Notification.update({
        id: shown,
        message: trans.__('The packages of “%1” could not be installed. The log says why.', kernel),
        type: 'error',
        autoClose: false,
        actions: [showLog]
      });
      break;
    default:
      Notification.dismiss(shown);
  }
}
