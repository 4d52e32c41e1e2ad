import { useMemo, useState } from 'react';

import type { Endpoint } from '../api/types';
import { useHimalia } from '../context';
import { Loading } from '../ui/basics';
import { GrowingLog } from '../ui/growinglog';
import { stateWord } from '../ui/words';
import { modelOf, newestFirst } from './model';

/** What the server of a revision printed, at each of its attempts: an earlier one may tell why the next began. */
export function EndpointLog({ endpoint }: { endpoint: Endpoint }): JSX.Element {
  const { endpoints, trans } = useHimalia();
  const revisions = newestFirst(endpoint);
  const [wanted, setWanted] = useState<number>();
  const [chosen, setChosen] = useState<number>();
  const revision = revisions.find(each => each.number === wanted) ?? revisions[0];
  const number = revision?.number ?? 0;
  const latest = Math.max(1, revision?.attempt ?? 1);
  const attempt = chosen !== undefined && chosen <= latest ? chosen : latest;
  const query = useMemo(() => ({ revision: number, attempt }), [number, attempt]);
  if (!revision) {
    return <Loading />;
  }
  const isActive = revision.state === 'RUNNING' || revision.state === 'STARTING';
  return (
    <div className="hm-EndpointLog">
      <div className="hm-EndpointLog-bar">
        <label>
          {trans.__('Revision')}{' '}
          <select
            className="hm-Input"
            value={revision.number}
            onChange={event => {
              setWanted(Number(event.target.value));
              setChosen(undefined);
            }}
          >
            {revisions.map(each => (
              <option key={each.number} value={each.number}>
                {each.number} · {modelOf(each)} · {stateWord(each.state, trans)}
              </option>
            ))}
          </select>
        </label>
        {latest > 1 && (
          <label>
            {trans.__('Attempt')}{' '}
            <select
              className="hm-Input"
              value={attempt}
              onChange={event => setChosen(Number(event.target.value))}
            >
              {Array.from({ length: latest }, (_, before) => latest - before).map(each => (
                <option key={each} value={each}>
                  {each}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <GrowingLog
        key={`${revision.id} ${attempt}`}
        path={endpoints.path(endpoint.project, endpoint.name, 'log')}
        query={query}
        id={revision.id}
        attempt={attempt}
        growing={isActive && attempt === latest}
        file={`${endpoint.name}-${revision.number}-${attempt}.log`}
      />
    </div>
  );
}
