import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError } from '../api/client';
import { copyText } from './copy';
import { type Users, usersIn, usersText } from './users';

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

/** Ask which of several ways is meant, the last of them proposed: its place, or `undefined` for none. */
export async function ask(
  title: string,
  body: string,
  ways: string[],
  trans: TranslationBundle
): Promise<number | undefined> {
  const { button } = await showDialog({
    title,
    body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      ...ways.map(label => Dialog.okButton({ label }))
    ],
    defaultButton: ways.length
  });
  return button.accept ? ways.indexOf(button.label) : undefined;
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
        callback: () => void copyText(`${told.message}\n${detail}`)
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

export interface Removal {
  /** With `cascade`, also where other things use it. */
  remove: (query: { cascade?: string }) => Promise<unknown>;
  restore: () => Promise<unknown>;
  /** Whether it may be deleted while something uses it, after another question. */
  whileUsed?: boolean;
}

/** Delete after a question, and another where the thing is in use; true when it is gone. A notice offers to undo it. */
export async function removeAsked(
  name: string,
  consequence: string,
  { remove, restore, whileUsed }: Removal,
  trans: TranslationBundle
): Promise<boolean> {
  if (!(await confirm(trans.__('Delete “%1”?', name), consequence, trans.__('Delete'), trans))) {
    return false;
  }
  const act = async () => {
    try {
      await remove({});
    } catch (error) {
      const users = whileUsed ? usersIn(error) : undefined;
      if (!users) {
        throw error;
      }
      if (!(await confirmUsed(name, users, trans))) {
        return false;
      }
      await remove({ cascade: 'true' });
    }
    return true;
  };
  const gone = await told(act, trans.__('“%1” was not deleted.', name), trans);
  if (gone) {
    offerUndo(name, restore, trans);
  }
  return gone === true;
}

function confirmUsed(name: string, users: Users[], trans: TranslationBundle): Promise<boolean> {
  return confirm(
    trans.__('Delete “%1” although it is in use?', name),
    trans.__(
      'It is used by %1. What uses it stays, but cannot be repeated without it.',
      usersText(users, trans)
    ),
    trans.__('Delete all the same'),
    trans
  );
}
