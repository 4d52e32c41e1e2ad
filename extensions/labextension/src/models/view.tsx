import { useEffect, useState } from 'react';

import type { Model, ModelVersion } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Empty, Failure, Loading, When } from '../ui/basics';
import { bytes } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { modelIcon } from '../ui/icons';
import { Item } from '../ui/item';
import { LineageGraph } from '../ui/lineage';
import type { Place } from '../ui/opened';
import { VersionChoice } from '../ui/versionchoice';
import { ThingView } from '../ui/thingview';
import { Actions } from './actions';
import { Card } from './card';
import { Evaluations } from './evaluations';
import { ModelFiles } from './files';
import { VersionOverview } from './overview';

/** One model in the main area: a version of it is looked at. */
export class ModelView extends ThingView<Model> {
  constructor(himalia: Himalia, place: Place) {
    const { models, trans } = himalia;
    super(himalia, place, {
      store: models,
      icon: modelIcon,
      caption: at => trans.__('Model %1 of project %2', at.name, at.project),
      gone: trans.__('This model is gone')
    });
  }

  /** The version that is looked at. */
  version: ModelVersion | undefined;

  protected shown(model: Model): JSX.Element {
    return <Shown model={model} view={this} />;
  }
}

function Shown({ model, view }: { model: Model; view: ModelView }): JSX.Element {
  const { models, trans } = useHimalia();
  const { place } = view;
  const [wanted, setWanted] = useState<number>();
  const [tab, setTab] = useState('overview');
  const { value, error, reload } = useLoaded(
    signal => models.versions(model, { limit: 100 }, signal),
    [models, model]
  );
  // A version that was just made is what the person wants to see, unless another one was asked for.
  useEffect(() => setWanted(undefined), [model.status.latest]);
  useEffect(() => setWanted(place.version), [place]);
  const versions = value?.items ?? [];
  const version = versions.find(each => each.number === wanted) ?? versions[0];
  useEffect(() => void (view.version = version), [view, version]);
  if (error && !value) {
    return <Failure error={error} retry={reload} />;
  }
  const ofVersion = (draw: (version: ModelVersion) => JSX.Element) => () =>
    version ? draw(version) : <NoVersion isLoaded={value !== undefined} />;
  return (
    <Item
      title={model.name}
      badge={version && <VersionChoice number={version.number} versions={versions} onVersion={setWanted} />}
      subtitle={
        <>
          {version && `${bytes(version.status.size)} · ${version.created_by.name} · `}
          <When at={version?.created_at ?? model.created_at} />
        </>
      }
      actions={<Actions model={model} version={version} close={() => view.close()} />}
      above={version?.status.problem ? <p className="hm-Note">{version.status.problem}</p> : undefined}
      live={
        version
          ? trans.__('%1, version %2', model.name, version.number)
          : trans.__('%1, no version yet', model.name)
      }
      tab={tab}
      onTab={setTab}
      tabs={[
        {
          name: 'overview',
          label: trans.__('Overview'),
          content: ofVersion(each => <VersionOverview version={each} />)
        },
        {
          name: 'evaluations',
          label: trans.__('Evaluations'),
          content: ofVersion(each => <Evaluations key={each.id} version={each} />)
        },
        {
          name: 'card',
          label: trans.__('Card'),
          content: ofVersion(each => <Card key={each.id} version={each} />)
        },
        {
          name: 'files',
          label: trans.__('Files'),
          count: version?.status.files,
          content: ofVersion(each => <ModelFiles key={each.id} version={each} />)
        },
        {
          name: 'lineage',
          label: trans.__('Lineage'),
          content: ofVersion(each => <LineageGraph project={model.project} of={`model:${each.id}`} />)
        }
      ]}
    />
  );
}

function NoVersion({ isLoaded }: { isLoaded: boolean }): JSX.Element {
  const { trans } = useHimalia();
  return isLoaded ? (
    <Empty title={trans.__('No version yet')}>
      {trans.__('Register the model that a job left, or that of the best trial of an experiment.')}
    </Empty>
  ) : (
    <Loading />
  );
}
