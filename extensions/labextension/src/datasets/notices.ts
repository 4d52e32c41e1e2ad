import type { ILabStatus } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IDisposable } from '@lumino/disposable';

import type { Himalia } from '../context';
import type { Upload } from './upload';

/** Tell how an upload ended that nobody looks at, and let Lab ask before a page is left that still sends one. */
export function watchUploads(himalia: Himalia, status: ILabStatus | null): void {
  const { datasets } = himalia;
  let dirty: IDisposable | undefined;
  datasets.uploadsChanged.connect((_, upload) => {
    if (datasets.uploads.size > 0) {
      dirty ??= status?.setDirty();
    } else {
      dirty?.dispose();
      dirty = undefined;
    }
    tellEnd(himalia, upload);
  });
}

function tellEnd({ app, trans }: Himalia, { draft, stage, version, isSame, error }: Upload): void {
  const { project, dataset: name } = draft;
  const options = {
    autoClose: stage === 'done' ? 10_000 : (false as const),
    actions: [
      {
        label: trans.__('Open'),
        callback: () => void app.commands.execute('himalia:dataset-open', { project, name })
      }
    ]
  };
  const isSeen = [...app.shell.widgets('main')].some(
    ({ id, isVisible }) => isVisible && id === `himalia-dataset:${project}/${name}`
  );
  if (stage === 'done' && isSame) {
    // The version that is there looks as it did.
    Notification.info(trans.__('Nothing differs from version %1 of “%2”.', version ?? 0, name), options);
  } else if (isSeen && !document.hidden) {
    return;
  } else if (stage === 'done') {
    Notification.success(trans.__('Version %1 of “%2” is made.', version ?? 0, name), options);
  } else if (stage === 'failed' || stage === 'behind') {
    Notification.error(trans.__('The upload into “%1” stopped. %2', name, error?.message ?? ''), options);
  }
}
