import { Notification } from '@jupyterlab/apputils';
import { type INotebookTracker, NotebookActions } from '@jupyterlab/notebook';

import type { DatasetVersion } from '../api/types';
import type { Himalia } from '../context';
import { told } from '../ui/confirm';
import { copyText } from '../ui/copy';

/** Lay a version out, and put a line that names its folder into the notebook in front, or into the clipboard. */
export async function putIntoNotebook(
  himalia: Himalia,
  notebooks: INotebookTracker | null,
  version: DatasetVersion
): Promise<void> {
  const { app, datasets, trans } = himalia;
  const name = `${version.dataset}@${version.number}`;
  const found = await told(
    () => datasets.checkout(version),
    trans.__('“%1” cannot be used in a notebook now.', name),
    trans
  );
  if (!found) {
    return;
  }
  const line = `${variable(version.dataset)} = ${JSON.stringify(found.path)}  # ${name}, read-only`;
  const notebook = notebooks?.currentWidget;
  if (!notebook || notebook.isDisposed || notebook.model?.readOnly) {
    const copy = { label: trans.__('Copy it'), callback: () => void copyText(line) };
    if (await copyText(line)) {
      const told = trans.__('No notebook is open. The line that names “%1” is copied: paste it.', name);
      Notification.info(told, { autoClose: 8000 });
    } else {
      Notification.info(`${trans.__('No notebook is open. This line names “%1”:', name)} ${line}`, {
        autoClose: false,
        actions: [copy]
      });
    }
    return;
  }
  NotebookActions.insertBelow(notebook.content);
  const cell = notebook.content.activeCell;
  if (cell) {
    cell.model.sharedModel.setSource(line);
  }
  app.shell.activateById(notebook.id);
}

const KEYWORDS =
  'and as assert async await break class continue def del elif else except finally for from global if import in is ' +
  'lambda nonlocal not or pass raise return try while with yield';

/** A name of Python's for a dataset. */
function variable(name: string): string {
  const plain = name.replace(/-/g, '_');
  return /^\d/.test(plain) || KEYWORDS.split(' ').includes(plain) ? `data_${plain}` : plain;
}
