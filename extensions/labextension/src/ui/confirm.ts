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
