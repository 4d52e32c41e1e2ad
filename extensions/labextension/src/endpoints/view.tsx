import { useMemo, useState } from 'react';

import type { Endpoint, ModelVersion, Page } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Button, Failure, Loading, When } from '../ui/basics';
import { confirm, removeAsked, told } from '../ui/confirm';
import { Field } from '../ui/form';
import { GrowingLog } from '../ui/growinglog';
import { useLoaded } from '../ui/hooks';
import { endpointIcon } from '../ui/icons';
import { Item } from '../ui/item';
import { LineageGraph } from '../ui/lineage';
import { FormFooter, openModal } from '../ui/modal';
import { Opened, type Place } from '../ui/opened';
import { StateBadge } from '../ui/state';
import { View } from '../ui/view';
import { stateWord } from '../ui/words';
import { Calls } from './calls';
import { Traffic } from './charts';
import { rollback, update } from './deploy';
import { modelOf, servingRevision } from './model';
import { Revisions } from './revisions';

/** One endpoint in the main area. */
export class EndpointView extends View {
  constructor(
    himalia: Himalia,
    private readonly place: Place
  ) {
    super(himalia);
    this.title.label = place.name;
    this.title.icon = endpointIcon;
    this.title.caption = himalia.trans.__('Endpoint %1 of project %2', place.name, place.project);
  }

  protected content(): JSX.Element {
    return (
      <Opened
        place={this.place}
        store={this.himalia.endpoints}
        gone={this.himalia.trans.__('This endpoint is gone')}
        close={() => this.close()}
      >
        {endpoint => <Shown endpoint={endpoint} close={() => this.close()} />}
      </Opened>
    );
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
      live={trans.__('%1: %2', endpoint.name, stateWord(state, trans))}
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
        { name: 'log', label: trans.__('Log'), content: () => <Log endpoint={endpoint} /> },
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

function Actions({ endpoint, close }: { endpoint: Endpoint; close: () => void }): JSX.Element {
  const himalia = useHimalia();
  const { endpoints, trans } = himalia;
  const { name, spec, status } = endpoint;
  const serving = servingRevision(endpoint);
  const hasOlder = (status.revisions ?? []).some(each => serving && each.number < serving.number);
  const stop = async () => {
    const agreed = await confirm(
      trans.__('Stop “%1”?', name),
      trans.__('Calls are refused until it is started again.'),
      trans.__('Stop'),
      trans
    );
    if (agreed) {
      await told(() => endpoints.stop(endpoint), trans.__('“%1” was not stopped.', name), trans);
    }
  };
  const remove = async () => {
    const gone = await removeAsked(
      name,
      trans.__('It stops, and calls are refused. For 30 days it can be restored.'),
      { remove: () => endpoints.remove(endpoint), restore: () => endpoints.restore(endpoint) },
      trans
    );
    if (gone) {
      close();
    }
  };
  return (
    <>
      <Button
        kind="accept"
        title={trans.__('Serve another version of the model, without a pause')}
        onClick={() => chooseUpdate(himalia, endpoint)}
      >
        {trans.__('Update…')}
      </Button>
      {hasOlder && (
        <Button
          title={trans.__('Serve what it served before, without a pause')}
          onClick={() => void rollback(himalia, endpoint)}
        >
          {trans.__('Roll back')}
        </Button>
      )}
      {spec.running ? (
        <Button kind="warn" onClick={() => void stop()}>
          {trans.__('Stop')}
        </Button>
      ) : (
        <Button
          onClick={() =>
            void told(() => endpoints.start(endpoint), trans.__('“%1” was not started.', name), trans)
          }
        >
          {trans.__('Start')}
        </Button>
      )}
      <Button onClick={() => void remove()}>{trans.__('Delete')}</Button>
    </>
  );
}

/** Ask which version is to be served from now on. */
function chooseUpdate(himalia: Himalia, endpoint: Endpoint): void {
  openModal(himalia, himalia.trans.__('Update “%1”', endpoint.name), close => (
    <UpdateForm endpoint={endpoint} close={close} />
  ));
}

function UpdateForm({ endpoint, close }: { endpoint: Endpoint; close: () => void }): JSX.Element {
  const himalia = useHimalia();
  const { client, models, trans } = himalia;
  const serving = servingRevision(endpoint);
  const model = serving?.model?.name ?? '';
  const { value, error, reload } = useLoaded(
    signal =>
      client.get<Page<ModelVersion>>(models.path(endpoint.project, model, 'versions'), {
        query: { limit: 100 },
        signal
      }),
    [client, endpoint.id, model]
  );
  const [wanted, setWanted] = useState<string>();
  const versions = (value?.items ?? []).filter(each => !each.status.problem);
  const version = wanted ?? versions[0]?.name;
  const send = () => {
    if (serving && version) {
      const { profile, size } = serving.spec;
      close();
      void update(himalia, endpoint, { model: version, profile, size });
    }
  };
  return (
    <form
      className="hm-RunForm"
      noValidate
      onSubmit={event => {
        event.preventDefault();
        send();
      }}
    >
      <div className="hm-RunForm-body">
        {error && <Failure error={error} retry={reload} />}
        {!value && !error && <Loading />}
        {value && (
          <Field
            label={trans.__('Version')}
            description={trans.__('It starts beside the present one, and takes over when it is ready.')}
          >
            {attributes => (
              <select
                {...attributes}
                className="hm-Input"
                value={version}
                onChange={event => setWanted(event.target.value)}
              >
                {versions.map(({ name, number, status }) => (
                  <option key={name} value={name}>
                    {[
                      trans.__('Version %1', number),
                      ...status.aliases,
                      serving?.model?.version === String(number) ? trans.__('served now') : ''
                    ]
                      .filter(Boolean)
                      .join(' · ')}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
      </div>
      <FormFooter step={undefined} accept={trans.__('Update')} disabled={!version} cancel={close} />
    </form>
  );
}

/** What the server of a revision printed. */
function Log({ endpoint }: { endpoint: Endpoint }): JSX.Element {
  const { endpoints, trans } = useHimalia();
  const revisions = [...(endpoint.status.revisions ?? [])].sort((one, other) => other.number - one.number);
  const [wanted, setWanted] = useState<number>();
  const revision = revisions.find(each => each.number === wanted) ?? revisions[0];
  const number = revision?.number ?? 0;
  const query = useMemo(() => ({ revision: number }), [number]);
  if (!revision) {
    return <Loading />;
  }
  const attempt = Math.max(1, revision.attempt ?? 1);
  return (
    <div className="hm-EndpointLog">
      <label>
        {trans.__('Revision')}{' '}
        <select
          className="hm-Input"
          value={revision.number}
          onChange={event => setWanted(Number(event.target.value))}
        >
          {revisions.map(each => (
            <option key={each.number} value={each.number}>
              {each.number} · {modelOf(each)} · {stateWord(each.state, trans)}
            </option>
          ))}
        </select>
      </label>
      <GrowingLog
        key={revision.id}
        path={endpoints.path(endpoint.project, endpoint.name, 'log')}
        query={query}
        id={revision.id}
        attempt={attempt}
        growing={revision.state === 'RUNNING' || revision.state === 'STARTING'}
        file={`${endpoint.name}-${revision.number}.log`}
      />
    </div>
  );
}
