import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError } from '../api/client';

/** Ask before something that cannot be taken back; true when the person agrees. Cancel has the focus. */
export async function confirm(
  title: string,
  body: string,
  accept: string,
  trans: TranslationBundle
): Promise<boolean> {
  const { button } = await showDialog({
    title,
    body,
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: accept })],
    defaultButton: 0
  });
  return button.accept;
}

/** Tell that an action was refused, and why, with the detail to copy. */
export function refused(what: string, error: unknown, trans: TranslationBundle): void {
  const told = error instanceof Error ? error : new Error(String(error));
  const detail =
    told instanceof ApiError
      ? JSON.stringify({ code: told.code, ...told.details }, null, 2)
      : (told.stack ?? '');
  Notification.error(`${what} ${told.message}`, {
    autoClose: false,
    actions: [
      {
        label: trans.__('Copy detail'),
        callback: () => void navigator.clipboard.writeText(`${told.message}\n${detail}`)
      }
    ]
  });
}

/** What `act` answers; where it is refused that is told, and the answer is `undefined`. */
export async function told<T>(
  act: () => Promise<T>,
  failure: string,
  trans: TranslationBundle
): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    refused(failure, error, trans);
    return undefined;
  }
}

/** Tell that a thing is deleted, and offer for a while to take that back. */
export function offerUndo(name: string, restore: () => Promise<unknown>, trans: TranslationBundle): void {
  Notification.info(trans.__('“%1” is deleted.', name), {
    autoClose: 8000,
    actions: [
      {
        label: trans.__('Undo'),
        callback: () => void told(restore, trans.__('“%1” was not restored.', name), trans)
      }
    ]
  });
}

/** Delete after a question; true when it is gone. A notice offers to take it back. */
export async function removeAsked(
  name: string,
  consequence: string,
  acts: { remove: () => Promise<void>; restore: () => Promise<unknown> },
  trans: TranslationBundle
): Promise<boolean> {
  if (!(await confirm(trans.__('Delete “%1”?', name), consequence, trans.__('Delete'), trans))) {
    return false;
  }
  const gone = await told(
    () => acts.remove().then(() => true),
    trans.__('“%1” was not deleted.', name),
    trans
  );
  if (gone) {
    offerUndo(name, acts.restore, trans);
  }
  return gone === true;
}
