import type { Himalia } from '../context';
import { told } from '../ui/confirm';

/** Show the runs of some jobs, and no others, in TensorBoard, which has a tab of the browser for itself. */
export async function openTensorBoard(
  { server, trans }: Himalia,
  project: string,
  jobs: readonly string[]
): Promise<void> {
  // Opened by the press itself: later the browser would take it for an advertisement.
  const tab = window.open('', '_blank');
  const address = await told(
    () => server.tensorboard(project, jobs),
    trans.__('TensorBoard does not show them.'),
    trans
  );
  if (address !== undefined && tab) {
    tab.location.href = address;
  } else {
    tab?.close();
  }
}
