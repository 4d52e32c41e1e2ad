import type { INotebookTracker } from '@jupyterlab/notebook';
import { useEffect, useState } from 'react';

import type { Dataset, DatasetVersion } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Button, Empty, Failure, Loading, When } from '../ui/basics';
import { removeAsked } from '../ui/confirm';
import { DropTarget } from '../ui/dropzone';
import { bytes } from '../ui/format';
import { usePages, useSignal } from '../ui/hooks';
import { datasetIcon } from '../ui/icons';
import { Item } from '../ui/item';
import { LineageGraph } from '../ui/lineage';
import type { Place } from '../ui/opened';
import { VersionChoice } from '../ui/versionchoice';
import { ThingView } from '../ui/thingview';
import { runFileAsJob } from '../jobs/commands';
import { addVersion } from './add';
import { VersionFiles } from './files';
import { VersionPreview } from './preview';
import type { Upload } from './upload';
import { Uploads } from './uploads';
import { putIntoNotebook } from './use';
import { Versions } from './versions';

const PAGE = 100;

/** One dataset in the main area: a version of it is looked at. */
export class DatasetView extends ThingView<Dataset> {
  constructor(
    himalia: Himalia,
    place: Place,
    readonly notebooks: INotebookTracker | null
  ) {
    const { datasets, trans } = himalia;
    super(himalia, place, {
      store: datasets,
      icon: datasetIcon,
      caption: at => trans.__('Dataset %1 of project %2', at.name, at.project),
      gone: trans.__('This dataset is gone')
    });
  }

  /** The version that is looked at. */
  version: DatasetVersion | undefined;

  protected shown(dataset: Dataset): JSX.Element {
    return <Shown dataset={dataset} view={this} />;
  }
}

interface ShownProps {
  dataset: Dataset;
  view: DatasetView;
}

function Shown(props: ShownProps): JSX.Element {
  const { dataset, view } = props;
  const { place } = view;
  const himalia = useHimalia();
  const { datasets, trans } = himalia;
  const { latest } = dataset.status;
  const [wanted, setWanted] = useState<number>();
  const { pages, error, reload, more } = usePages<DatasetVersion>(
    (token, signal) => datasets.versions(dataset, { limit: PAGE, page_token: token }, signal),
    // A version says the name of its dataset.
    [
      datasets,
      dataset.id,
      dataset.name,
      dataset.status.versions,
      latest?.number,
      JSON.stringify(dataset.status.aliases)
    ]
  );
  useSignal(datasets.uploadsChanged);
  const isComing = datasets.uploadsOf(dataset).length > 0;
  const versions = pages?.flatMap(page => page.items) ?? [];
  const version = versions.find(each => each.number === wanted) ?? versions[0];
  const shown = version?.number;
  useEffect(() => void (view.version = version), [view, version]);
  // A link may mean another version than the one that is shown.
  useEffect(() => setWanted(now => place.version ?? now), [place]);
  useEffect(() => {
    // Who reads a version stays with it when others make a newer one.
    setWanted(now => now ?? shown);
  }, [shown]);
  useEffect(() => {
    // One that was made here is what the person wants to see.
    const show = (_: unknown, { draft, version: made }: Upload) =>
      made !== undefined && draft.dataset === dataset.name && setWanted(made);
    datasets.uploadsChanged.connect(show);
    return () => void datasets.uploadsChanged.disconnect(show);
  }, [datasets, dataset.name]);
  return (
    <DropTarget className="hm-DropView" onChosen={chosen => addVersion(himalia, dataset, chosen)}>
      <Header {...props} version={version} versions={versions} onVersion={setWanted} more={more}>
        {error && <Failure error={error} retry={reload} />}
        {!pages && !error && <Loading />}
        {pages && !version && !isComing && (
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
  more: (() => Promise<void>) | undefined;
  /** What stands in place of the version's tabs while there is none. */
  children: React.ReactNode;
}

function Header(props: HeaderProps): JSX.Element {
  const { dataset, version, versions, onVersion, more, children } = props;
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
      badge={version && <VersionChoice number={version.number} versions={versions} onVersion={onVersion} />}
      subtitle={<Subtitle dataset={dataset} version={version} />}
      actions={<Actions {...props} />}
      above={<Uploads dataset={dataset} close={() => props.view.close()} />}
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
          content: () => <Versions dataset={dataset} versions={versions} onVersion={show} more={more} />
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

function Actions({ dataset, version, view }: HeaderProps): JSX.Element {
  const himalia = useHimalia();
  const { app, datasets, trans } = himalia;
  const open = () => app.commands.execute('himalia:dataset-open', view.place);
  const remove = async () => {
    const gone = await removeAsked(
      dataset.name,
      trans.__('All its versions go with it. For 30 days it can be restored.'),
      {
        remove: query => datasets.remove(dataset, query),
        restore: () => datasets.restore(dataset).then(open),
        whileUsed: true
      },
      trans
    );
    if (gone) {
      view.close();
    }
  };
  return (
    <>
      {version && (
        <Button
          kind="accept"
          title={trans.__('Put a line into the notebook that names the folder with these files')}
          onClick={() => putIntoNotebook(himalia, view.notebooks, version)}
        >
          {trans.__('Use in notebook')}
        </Button>
      )}
      {version && (
        <Button
          title={trans.__(
            'Choose a notebook or Python file and run it as a job with these files as its input'
          )}
          onClick={() => runFileAsJob(himalia, { [dataset.name]: `${dataset.name}@${version.number}` })}
        >
          {trans.__('Run as job…')}
        </Button>
      )}
      <Button onClick={() => addVersion(himalia, dataset)}>{trans.__('New version…')}</Button>
      <Button onClick={() => remove()}>{trans.__('Delete')}</Button>
    </>
  );
}
