import type { TranslationBundle } from '@jupyterlab/translation';

/** A state as a person reads it. */
export function stateWord(state: string, trans: TranslationBundle): string {
  const words: { [state: string]: string } = {
    QUEUED: trans.__('Queued'),
    WAITING: trans.__('Waiting'),
    PENDING: trans.__('Waiting'),
    STARTING: trans.__('Starting'),
    RUNNING: trans.__('Running'),
    READY: trans.__('Ready'),
    UPDATING: trans.__('Updating'),
    UNAVAILABLE: trans.__('Not available'),
    STOPPING: trans.__('Stopping'),
    SUCCEEDED: trans.__('Succeeded'),
    COMPLETE: trans.__('Complete'),
    COMPLETED: trans.__('Completed'),
    FAILED: trans.__('Failed'),
    STOPPED: trans.__('Stopped'),
    PRUNED: trans.__('Pruned'),
    DRAFT: trans.__('Not complete'),
    DELETED: trans.__('Deleted')
  };
  return words[state] ?? state;
}
