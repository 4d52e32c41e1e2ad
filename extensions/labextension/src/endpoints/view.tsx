import { useState } from 'react';

import type { Endpoint } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { When } from '../ui/basics';
import { endpointIcon } from '../ui/icons';
import { Item } from '../ui/item';
import { LineageGraph } from '../ui/lineage';
import type { Place } from '../ui/opened';
import { StateBadge } from '../ui/state';
import { ThingView } from '../ui/thingview';
import { stateWord } from '../ui/words';
import { Actions } from './actions';
import { Calls } from './calls';
import { Traffic } from './charts';
import { EndpointLog } from './log';
import { modelOf, servingRevision } from './model';
import { Revisions } from './revisions';

/** One endpoint in the main area. */
export class EndpointView extends ThingView<Endpoint> {
  constructor(himalia: Himalia, place: Place) {
    const { endpoints, trans } = himalia;
    super(himalia, place, {
      store: endpoints,
      icon: endpointIcon,
      caption: at => trans.__('Endpoint %1 of project %2', at.name, at.project),
      gone: trans.__('This endpoint is gone')
    });
  }

  protected shown(endpoint: Endpoint): JSX.Element {
    return <Shown endpoint={endpoint} close={() => this.close()} />;
  }
}

function Shown({ endpoint, close }: { endpoint: Endpoint; close: () => void }): JSX.Element {
  const { trans } = useHimalia();
  const [tab, setTab] = useState('call');
  const { state, message, revisions = [] } = endpoint.status;
  const serving = servingRevision(endpoint);
  return (
    <Item
      title={endpoint.name}
      badge={<StateBadge state={state} />}
      subtitle={
        <>
          {[modelOf(serving), serving && trans.__('revision %1', serving.number), endpoint.created_by.name]
            .filter(Boolean)
            .join(' · ')}{' '}
          · <When at={endpoint.created_at} />
        </>
      }
      actions={<Actions endpoint={endpoint} close={close} />}
      above={message ? <p className="hm-Note">{message}</p> : undefined}
      live={[trans.__('%1: %2', endpoint.name, stateWord(state, trans)), message].filter(Boolean).join('. ')}
      tab={tab}
      onTab={setTab}
      tabs={[
        { name: 'call', label: trans.__('Call it'), content: () => <Calls endpoint={endpoint} /> },
        { name: 'traffic', label: trans.__('Traffic'), content: () => <Traffic endpoint={endpoint} /> },
        {
          name: 'revisions',
          label: trans.__('Revisions'),
          count: revisions.length,
          content: () => <Revisions endpoint={endpoint} />
        },
        { name: 'log', label: trans.__('Log'), content: () => <EndpointLog endpoint={endpoint} /> },
        {
          name: 'lineage',
          label: trans.__('Lineage'),
          content: () => (
            <LineageGraph project={endpoint.project} of={`endpoint:${serving?.id ?? endpoint.id}`} />
          )
        }
      ]}
    />
  );
}
