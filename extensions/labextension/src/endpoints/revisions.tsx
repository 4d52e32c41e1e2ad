import type { Endpoint, EndpointRevision } from '../api/types';
import { useHimalia } from '../context';
import { Button, Scroll, When } from '../ui/basics';
import { StateBadge } from '../ui/state';
import { rollback } from './deploy';
import { modelOf, newestFirst } from './model';
import { canShare, shareCalls } from './traffic';

/** All that the endpoint ever answered with, newest first, and the way back to each. */
export function Revisions({ endpoint }: { endpoint: Endpoint }): JSX.Element {
  const himalia = useHimalia();
  const { trans } = himalia;
  const revisions = newestFirst(endpoint);
  return (
    <div className="hm-Versions">
      {canShare(endpoint) && (
        <p>
          <Button onClick={() => shareCalls(himalia, endpoint)}>{trans.__('Share calls…')}</Button>
        </p>
      )}
      <Scroll label={trans.__('Revisions')}>
        <table className="hm-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Revision')}</th>
              <th scope="col">{trans.__('Model')}</th>
              <th scope="col">{trans.__('State')}</th>
              <th scope="col">{trans.__('Share of calls')}</th>
              <th scope="col">{trans.__('Profile')}</th>
              <th scope="col">{trans.__('Made')}</th>
              <th scope="col">{trans.__('Why')}</th>
              <th scope="col">
                <span className="hm-mod-hidden">{trans.__('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {revisions.map(each => (
              <RevisionRow key={each.number} endpoint={endpoint} revision={each} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </div>
  );
}

function RevisionRow({
  endpoint,
  revision
}: {
  endpoint: Endpoint;
  revision: EndpointRevision;
}): JSX.Element {
  const himalia = useHimalia();
  const { app, trans } = himalia;
  const { number, model, state, ready, weight, spec, message, packages } = revision;
  const openModel = () =>
    void app.commands.execute('himalia:model-open', {
      project: endpoint.project,
      name: model?.name,
      version: Number(model?.version)
    });
  return (
    <tr>
      <th scope="row">{number}</th>
      <td>
        {model ? (
          <button type="button" className="hm-Link" onClick={openModel}>
            {modelOf(revision)}
          </button>
        ) : (
          trans.__('uploaded files')
        )}
      </td>
      <td>
        <StateBadge state={ready ? 'READY' : state} />
      </td>
      <td>{weight} %</td>
      <td>
        {[spec.profile, spec.size].filter(Boolean).join(', ')}
        {packages && packages.length > 0 && (
          <details>
            <summary>{trans._n('%1 package more', '%1 packages more', packages.length)}</summary>
            {packages.join(', ')}
          </details>
        )}
      </td>
      <td>
        <When at={revision.created_at} /> · {revision.created_by.name}
      </td>
      <td>{message}</td>
      <td className="hm-Table-actions">
        {weight === 0 && (
          <Button
            title={trans.__('Answer with revision %1 from now on, without a pause', number)}
            onClick={() => rollback(himalia, endpoint, number)}
          >
            {trans.__('Roll back to it')}
          </Button>
        )}
      </td>
    </tr>
  );
}
