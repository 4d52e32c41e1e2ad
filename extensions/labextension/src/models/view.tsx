import { useEffect, useState } from 'react';

import type { Model, ModelVersion } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { deploy } from '../endpoints/deploy';
import { Button, Empty, Failure, Loading, When } from '../ui/basics';
import { confirm, told } from '../ui/confirm';
import { bytes } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { modelIcon } from '../ui/icons';
import { Item } from '../ui/item';
import { LineageGraph } from '../ui/lineage';
import { Opened, type Place } from '../ui/opened';
import { saveAs } from '../ui/save';
import { VersionChoice } from '../ui/versionchoice';
import { View } from '../ui/view';
import { Card } from './card';
import { evaluateModel } from './evaluate';
import { Evaluations } from './evaluations';
import { ModelFiles } from './files';
import { VersionOverview } from './overview';

/** One model in the main area: a version of it is looked at. */
export class ModelView extends View {
  constructor(
    himalia: Himalia,
    private readonly place: Place
  ) {
    super(himalia);
    this.title.label = place.name;
    this.title.icon = modelIcon;
    this.title.caption = himalia.trans.__('Model %1 of project %2', place.name, place.project);
  }

  protected content(): JSX.Element {
    return (
      <Opened
        place={this.place}
        store={this.himalia.models}
        gone={this.himalia.trans.__('This model is gone')}
        close={() => this.close()}
      >
        {model => <Shown model={model} close={() => this.close()} />}
      </Opened>
    );
  }
}

function Shown({ model, close }: { model: Model; close: () => void }): JSX.Element {
  const { models, trans } = useHimalia();
  const [wanted, setWanted] = useState<number>();
  const [tab, setTab] = useState('overview');
  const { value, error, reload } = useLoaded(signal => models.versions(model, signal), [models, model]);
  // A version that was just made is what the person wants to see.
  useEffect(() => setWanted(undefined), [model.status.latest]);
  if (error && !value) {
    return <Failure error={error} retry={reload} />;
  }
  const versions = value?.items ?? [];
  const version = versions.find(each => each.number === wanted) ?? versions[0];
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
      actions={<Actions model={model} version={version} close={close} />}
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

interface ActionsProps {
  model: Model;
  version: ModelVersion | undefined;
  close: () => void;
}

function Actions({ model, version, close }: ActionsProps): JSX.Element {
  const himalia = useHimalia();
  const { models, trans } = himalia;
  const download = async (of: ModelVersion) => {
    const content = await told(() => models.download(of), trans.__('It was not downloaded.'), trans);
    if (content) {
      saveAs(`${of.model}-${of.number}.tar`, content);
    }
  };
  const remove = async () => {
    const agreed = await confirm(
      trans.__('Delete “%1”?', model.name),
      trans.__('All its versions go with it. This cannot be taken back.'),
      trans.__('Delete'),
      trans
    );
    const gone =
      agreed &&
      (await told(
        () => models.remove(model).then(() => true),
        trans.__('“%1” was not deleted.', model.name),
        trans
      ));
    if (gone) {
      close();
    }
  };
  const usable = version && !version.status.problem;
  return (
    <>
      {usable && (
        <Button
          kind="accept"
          title={trans.__('Serve this version at an address of its own')}
          onClick={() => void deploy(himalia, version)}
        >
          {trans.__('Deploy')}
        </Button>
      )}
      {usable && (
        <Button
          title={trans.__('Measure this version on a dataset, as a job')}
          onClick={() => evaluateModel(himalia, version)}
        >
          {trans.__('Evaluate…')}
        </Button>
      )}
      {version && <Button onClick={() => void download(version)}>{trans.__('Download')}</Button>}
      <Button onClick={() => void remove()}>{trans.__('Delete')}</Button>
    </>
  );
}
