import { type Himalia, useHimalia } from '../context';
import { Button } from '../ui/basics';
import { told } from '../ui/confirm';

interface TensorBoardProps {
  project: string;
  /** Names of those whose runs are shown. */
  jobs: readonly string[];
}

/** Shows what some jobs logged for TensorBoard. */
export function TensorBoardButton({ project, jobs }: TensorBoardProps): JSX.Element {
  const himalia = useHimalia();
  return (
    <Button
      title={himalia.trans.__('Show what they logged for TensorBoard, in a tab of its own')}
      disabled={jobs.length === 0}
      onClick={() => openTensorBoard(himalia, project, jobs)}
    >
      TensorBoard
    </Button>
  );
}

/** Show the runs of some jobs, and no others, in TensorBoard, which has a tab of the browser for itself. */
async function openTensorBoard(
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
