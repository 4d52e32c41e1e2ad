import type { Endpoint } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Button } from '../ui/basics';
import { confirm, removeAsked, told } from '../ui/confirm';
import { rollback } from './deploy';
import { servingRevision } from './model';
import { canUpdate, chooseUpdate } from './update';

/** Whether there is a revision before the present one. */
export function canRollBack(endpoint: Endpoint): boolean {
  const serving = servingRevision(endpoint);
  return (endpoint.status.revisions ?? []).some(each => serving && each.number < serving.number);
}

/** End an endpoint's servers after a question. */
export async function stop({ endpoints, trans }: Himalia, endpoint: Endpoint): Promise<void> {
  const agreed = await confirm(
    trans.__('Stop “%1”?', endpoint.name),
    trans.__('Calls are refused until it is started again.'),
    trans.__('Stop'),
    trans
  );
  if (agreed) {
    await told(() => endpoints.stop(endpoint), trans.__('“%1” was not stopped.', endpoint.name), trans);
  }
}

export async function start({ endpoints, trans }: Himalia, endpoint: Endpoint): Promise<void> {
  await told(() => endpoints.start(endpoint), trans.__('“%1” was not started.', endpoint.name), trans);
}

/** What can be done with an endpoint as it is now. */
export function Actions({ endpoint, close }: { endpoint: Endpoint; close: () => void }): JSX.Element {
  const himalia = useHimalia();
  const { app, endpoints, trans } = himalia;
  const { project, name } = endpoint;
  const open = () => app.commands.execute('himalia:endpoint-open', { project, name });
  const remove = async () => {
    const gone = await removeAsked(
      endpoint.name,
      trans.__('It stops, and calls are refused. For 30 days it can be restored.'),
      // The question has said that it stops.
      {
        remove: () => endpoints.remove(endpoint, { cascade: 'true' }),
        restore: async () => {
          await endpoints.restore(endpoint);
          if (endpoint.spec.running) {
            await endpoints.start(endpoint);
          }
          await open();
        }
      },
      trans
    );
    if (gone) {
      close();
    }
  };
  return (
    <>
      {canUpdate(endpoint) && (
        <Button
          kind="accept"
          title={trans.__('Serve another version of the model, without a pause')}
          onClick={() => chooseUpdate(himalia, endpoint)}
        >
          {trans.__('Update…')}
        </Button>
      )}
      {canRollBack(endpoint) && (
        <Button
          title={trans.__('Serve what it served before, without a pause')}
          onClick={() => rollback(himalia, endpoint)}
        >
          {trans.__('Roll back')}
        </Button>
      )}
      {endpoint.spec.running ? (
        <Button kind="warn" onClick={() => stop(himalia, endpoint)}>
          {trans.__('Stop')}
        </Button>
      ) : (
        <Button onClick={() => start(himalia, endpoint)}>{trans.__('Start')}</Button>
      )}
      <Button onClick={remove}>{trans.__('Delete')}</Button>
    </>
  );
}
