import { Dialog, showDialog } from '@jupyterlab/apputils';
import { FileDialog, IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { INotebookTracker } from '@jupyterlab/notebook';

import type { Job } from '../api/types';
import type { Himalia } from '../context';
import { runIcon } from '../ui/icons';
import { canDelete, canRerun, canRetry, canStop, openJob, remove, rerun, retry, stop } from './actions';
import { runChanged } from './again';
import type { Inputs } from './inputs';
import { runAsJob } from './run';
import type { Selection } from './selection';

/** At most so many jobs fit side by side. */
const MOST_COMPARED = 6;

/** Running a file as a job: from the notebook, the file browser, the palette and the launcher. */
export function addRunCommands(
  himalia: Himalia,
  notebooks: INotebookTracker | null,
  browser: IDefaultFileBrowser | null
): string[] {
  const { app, docManager, trans } = himalia;
  const label = trans.__('Run as job');
  app.commands.addCommand('himalia:run-notebook', {
    label,
    caption: trans.__('Run this notebook as a job, also when the browser is closed'),
    icon: runIcon,
    isEnabled: () => notebooks?.currentWidget !== null && notebooks?.currentWidget !== undefined,
    execute: () => {
      const panel = notebooks?.currentWidget;
      if (panel) {
        runAsJob(himalia, docManager.services.contents.localPath(panel.context.path));
      }
    }
  });
  app.commands.addCommand('himalia:run-file', {
    label,
    icon: runIcon,
    execute: () => {
      const chosen = browser?.selectedItems().next().value as { path: string } | undefined;
      if (chosen) {
        runAsJob(himalia, docManager.services.contents.localPath(chosen.path));
      }
    }
  });
  app.commands.addCommand('himalia:run-choose', {
    label: trans.__('Run a file as a job…'),
    caption: trans.__('Choose a notebook or Python file and run it as a job'),
    icon: runIcon,
    execute: () => runFileAsJob(himalia)
  });
  return ['himalia:run-notebook', 'himalia:run-choose'];
}

/** Let the person choose a file and run it as a job, with `inputs` to begin with. */
export async function runFileAsJob(himalia: Himalia, inputs: Inputs = {}): Promise<void> {
  const { docManager, trans } = himalia;
  const { value } = await FileDialog.getOpenFiles({
    manager: docManager,
    title: trans.__('Run which notebook or Python file?'),
    label: trans.__('You choose its parameters and where it runs next.'),
    filter: model => (/\.(ipynb|py)$/.test(model.path) || model.type === 'directory' ? {} : null)
  });
  const file = value?.find(model => model.type !== 'directory');
  if (file) {
    runAsJob(himalia, docManager.services.contents.localPath(file.path), inputs);
  }
}

/** What can be done with the job under the context menu. */
export function addJobCommands(himalia: Himalia, selection: Selection): void {
  const { app, trans } = himalia;
  const clicked = (): Job | undefined => {
    const row = app.contextMenuHitTest(node => node.classList.contains('hm-JobRow'));
    return row?.dataset.key === undefined ? undefined : himalia.jobs.get(row.dataset.key);
  };
  const add = (name: string, label: string, can: (job: Job) => boolean, act: (job: Job) => unknown) =>
    app.commands.addCommand(`himalia:job-${name}`, {
      label,
      isVisible: () => {
        const job = clicked();
        return job !== undefined && can(job);
      },
      execute: () => {
        const job = clicked();
        return job && act(job);
      }
    });
  add('stop', trans.__('Stop'), canStop, job => stop(himalia, job));
  add('rerun', trans.__('Run again'), canRerun, job => rerun(himalia, job));
  add('change', trans.__('Change and run…'), canRerun, job => runChanged(himalia, job));
  add('retry', trans.__('Retry'), canRetry, job => retry(himalia, job));
  add('delete', trans.__('Delete'), canDelete, job => remove(himalia, job));
  app.commands.addCommand('himalia:job-compare', {
    label: () =>
      selection.ids.size < 2
        ? trans.__('Select to compare')
        : trans.__('Compare %1 selected jobs', selection.ids.size),
    execute: () => compare(himalia, selection, clicked())
  });
}

async function compare(himalia: Himalia, selection: Selection, job: Job | undefined): Promise<void> {
  const { app, jobs, trans } = himalia;
  if (selection.ids.size < 2) {
    if (job && !selection.ids.has(job.id)) {
      selection.toggle(job.id);
    }
    return;
  }
  const chosen = [...selection.ids].map(id => jobs.get(id)).filter((each): each is Job => each !== undefined);
  if (chosen.length > MOST_COMPARED) {
    await showDialog({
      title: trans.__('Too many jobs'),
      body: trans.__('At most %1 jobs fit side by side. Select fewer.', MOST_COMPARED),
      buttons: [Dialog.okButton()]
    });
    return;
  }
  await app.commands.execute('himalia:compare-open', {
    project: chosen[0].project,
    names: chosen.map(each => each.name)
  });
}

export { openJob };
