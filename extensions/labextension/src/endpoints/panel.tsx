import { memo } from 'react';

import type { Endpoint, Project } from '../api/types';
import { useHimalia } from '../context';
import { When } from '../ui/basics';
import { ListPanel, TwoLines } from '../ui/listpanel';
import { StateBadge } from '../ui/state';
import { stateWord } from '../ui/words';
import { modelOf, servingRevision, STATES } from './model';

/** The project's endpoints. */
export function EndpointsPanel({ project }: { project: Project }): JSX.Element {
  const { app, endpoints, trans } = useHimalia();
  return (
    <ListPanel
      project={project}
      store={endpoints}
      label={trans.__('Endpoints')}
      search={trans.__('Search endpoints')}
      states={STATES}
      row={row}
      rowClass="hm-EndpointRow"
      onOpen={({ project: of, name }) =>
        void app.commands.execute('himalia:endpoint-open', { project: of, name })
      }
      nothingFound={trans.__('No endpoint matches this search.')}
      empty={{
        title: trans.__('No endpoints yet'),
        children: trans.__(
          'An endpoint answers requests with a model, at an address that stays. Open a model and press Deploy.'
        ),
        action: {
          label: trans.__('Show models'),
          run: () => void app.commands.execute('himalia:show-models')
        }
      }}
    />
  );
}

function row(endpoint: Endpoint): JSX.Element {
  return <EndpointRow endpoint={endpoint} />;
}

const EndpointRow = memo(function EndpointRow({ endpoint }: { endpoint: Endpoint }): JSX.Element {
  const { trans } = useHimalia();
  const { state, message } = endpoint.status;
  return (
    <TwoLines
      badge={<StateBadge state={state} quiet />}
      name={endpoint.name}
      when={<When at={endpoint.updated_at} />}
    >
      <span>
        {[stateWord(state, trans), modelOf(servingRevision(endpoint)), message].filter(Boolean).join(' · ')}
      </span>
    </TwoLines>
  );
});
