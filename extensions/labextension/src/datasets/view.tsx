import type { INotebookTracker } from '@jupyterlab/notebook';
import { useEffect, useState } from 'react';

import type { Dataset, DatasetVersion } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Button, Empty, Failure, Loading, When } from '../ui/basics';
import { removeAsked } from '../ui/confirm';
import { DropTarget } from '../ui/dropzone';
import { bytes } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { datasetIcon } from '../ui/icons';
import { Item } from '../ui/item';
import { LineageGraph } from '../ui/lineage';
import { Opened, type Place } from '../ui/opened';
import { View } from '../ui/view';
import { runFileAsJob } from '../jobs/commands';
import { addVersion } from './add';
import { VersionFiles } from './files';
import { VersionPreview } from './preview';
import { Uploads } from './uploads';
import { putIntoNotebook } from './use';
import { Versions } from './versions';

/** One dataset in the main area: a version of it is looked at. */
export class DatasetView extends View {
  constructor(
    himalia: Himalia,
    private readonly place: Place,
    private readonly notebooks: INotebookTracker | null
  ) {
    super(himalia);
    this.id = `himalia-dataset-${place.project}-${place.name}`;
    this.title.label = place.name;
    this.title.icon = datasetIcon;
    this.title.caption = himalia.trans.__('Dataset %1 of project %2', place.name, place.project);
  }

  protected content(): JSX.Element {
    return (
      <Opened
        place={this.place}
        store={this.himalia.datasets}
        gone={this.himalia.trans.__('This dataset is gone')}
        close={() => this.close()}
      >
        {dataset => <Shown dataset={dataset} notebooks={this.notebooks} close={() => this.close()} />}
      </Opened>
    );
  }
}

interface ShownProps {
  dataset: Dataset;
  notebooks: INotebookTracker | null;
  close: () => void;
}

function Shown(props: ShownProps): JSX.Element {
  const { dataset } = props;
  const himalia = useHimalia();
  const { datasets, trans } = himalia;
  const { latest } = dataset.status;
  const [wanted, setWanted] = useState<number>();
  const { value, error, reload } = useLoaded(
    signal => datasets.versions(dataset, { limit: 100 }, signal),
    [datasets, dataset.id, dataset.status.versions, latest?.number, JSON.stringify(dataset.status.aliases)]
  );
  // A version that was just made is what the person wants to see.
  useEffect(() => setWanted(undefined), [latest?.number]);
  const versions = value?.items ?? [];
  const version = versions.find(each => each.number === wanted) ?? versions[0];
  return (
    <DropTarget className="hm-DropView" onChosen={chosen => addVersion(himalia, dataset, chosen)}>
      <Header {...props} version={version} versions={versions} onVersion={setWanted}>
        {error && <Failure error={error} retry={reload} />}
        {!value && !error && <Loading />}
        {value && !version && (
          <Empty
            title={trans.__('No version yet')}
            action={{ label: trans.__('Upload files'), run: () => addVersion(himalia, dataset) }}
          >
            {trans.__('Upload a folder or files: they become version 1, which never changes.')}
          </Empty>
        )}
      </Header>
    </DropTarget>
  );
}

interface HeaderProps extends ShownProps {
  version: DatasetVersion | undefined;
  versions: DatasetVersion[];
  onVersion: (number: number) => void;
  /** What stands in place of the version's tabs while there is none. */
  children: React.ReactNode;
}

function Header(props: HeaderProps): JSX.Element {
  const { dataset, version, versions, onVersion, children } = props;
  const { trans } = useHimalia();
  const [tab, setTab] = useState('preview');
  const show = (number: number) => {
    onVersion(number);
    setTab('preview');
  };
  const without = () => <>{children}</>;
  return (
    <Item
      title={dataset.name}
      badge={version && <VersionChoice version={version} versions={versions} onVersion={onVersion} />}
      subtitle={<Subtitle dataset={dataset} version={version} />}
      actions={<Actions {...props} />}
      above={<Uploads dataset={dataset} />}
      live={
        version
          ? trans.__('%1, version %2', dataset.name, version.number)
          : trans.__('%1, no version yet', dataset.name)
      }
      tab={tab}
      onTab={setTab}
      tabs={[
        {
          name: 'preview',
          label: trans.__('Preview'),
          content: version ? () => <VersionPreview key={version.id} version={version} /> : without
        },
        {
          name: 'files',
          label: trans.__('Files'),
          count: version?.status.files,
          content: version ? () => <VersionFiles key={version.id} version={version} /> : without
        },
        {
          name: 'versions',
          label: trans.__('Versions'),
          count: dataset.status.versions,
          content: () => <Versions dataset={dataset} versions={versions} onVersion={show} />
        },
        {
          name: 'lineage',
          label: trans.__('Lineage'),
          content: version
            ? () => <LineageGraph project={dataset.project} of={`dataset:${version.id}`} />
            : without
        }
      ]}
    />
  );
}

function Subtitle({ dataset, version }: { dataset: Dataset; version?: DatasetVersion }): JSX.Element {
  const { trans } = useHimalia();
  const { title } = dataset.spec;
  return (
    <>
      {title && `${title} · `}
      {version &&
        `${trans._n('%1 file, %2', '%1 files, %2', version.status.files, bytes(version.status.size))} · ${version.created_by.name} · `}
      <When at={version?.created_at ?? dataset.created_at} />
    </>
  );
}

interface ChoiceProps {
  version: DatasetVersion;
  versions: DatasetVersion[];
  onVersion: (number: number) => void;
}

function VersionChoice({ version, versions, onVersion }: ChoiceProps): JSX.Element {
  const { trans } = useHimalia();
  return (
    <select
      className="hm-Input"
      aria-label={trans.__('Version')}
      value={version.number}
      onChange={event => onVersion(Number(event.target.value))}
    >
      {versions.map(({ number, status }) => (
        <option key={number} value={number}>
          {[trans.__('Version %1', number), ...status.aliases].join(' · ')}
        </option>
      ))}
    </select>
  );
}

function Actions({ dataset, version, notebooks, close }: HeaderProps): JSX.Element {
  const himalia = useHimalia();
  const { datasets, trans } = himalia;
  const remove = async () => {
    const gone = await removeAsked(
      dataset.name,
      trans.__('All its versions go with it. For 30 days it can be restored.'),
      { remove: () => datasets.remove(dataset), restore: () => datasets.restore(dataset) },
      trans
    );
    if (gone) {
      close();
    }
  };
  return (
    <>
      {version && (
        <Button
          kind="accept"
          title={trans.__('Put a line into the notebook that names the folder with these files')}
          onClick={() => void putIntoNotebook(himalia, notebooks, version)}
        >
          {trans.__('Use in notebook')}
        </Button>
      )}
      {version && (
        <Button
          title={trans.__(
            'Choose a notebook or Python file and run it as a job with these files as its input'
          )}
          onClick={() => void runFileAsJob(himalia, { [dataset.name]: `${dataset.name}@${version.number}` })}
        >
          {trans.__('Run as job…')}
        </Button>
      )}
      <Button onClick={() => addVersion(himalia, dataset)}>{trans.__('New version…')}</Button>
      <Button onClick={() => void remove()}>{trans.__('Delete')}</Button>
    </>
  );
}
