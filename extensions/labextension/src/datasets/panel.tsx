import { memo } from 'react';

import type { Dataset, Project } from '../api/types';
import { useHimalia } from '../context';
import { Button, When } from '../ui/basics';
import { DropTarget } from '../ui/dropzone';
import { bytes } from '../ui/format';
import { useSignal } from '../ui/hooks';
import { datasetIcon } from '../ui/icons';
import { ListPanel, TwoLines } from '../ui/listpanel';
import { addDataset } from './add';

/** The project's datasets; what is dropped on the list becomes a new one. */
export function DatasetsPanel({ project }: { project: Project }): JSX.Element {
  const himalia = useHimalia();
  const { app, datasets, trans } = himalia;
  return (
    <DropTarget className="hm-DropList" onChosen={chosen => addDataset(himalia, chosen)}>
      <ListPanel
        project={project}
        store={datasets}
        label={trans.__('Datasets')}
        search={trans.__('Search datasets')}
        row={row}
        rowClass="hm-DatasetRow"
        onOpen={({ project: of, name }) =>
          void app.commands.execute('himalia:dataset-open', { project: of, name })
        }
        action={
          <Button title={trans.__('Upload files as a new dataset')} onClick={() => addDataset(himalia)}>
            {trans.__('New')}
          </Button>
        }
        nothingFound={trans.__('No dataset matches this search.')}
        empty={{
          title: trans.__('No datasets yet'),
          children: trans.__(
            'A dataset keeps versions of files that notebooks, jobs and searches read. Drop a folder or a CSV file here.'
          ),
          action: { label: trans.__('Upload a dataset'), run: () => addDataset(himalia) }
        }}
      />
    </DropTarget>
  );
}

function row(dataset: Dataset): JSX.Element {
  return <DatasetRow dataset={dataset} />;
}

const DatasetRow = memo(function DatasetRow({ dataset }: { dataset: Dataset }): JSX.Element {
  const { datasets, trans } = useHimalia();
  useSignal(datasets.uploadsChanged);
  const { latest } = dataset.status;
  const uploads = datasets.uploadsOf(dataset);
  const uploading =
    uploads.length > 0 &&
    (uploads.some(({ isRunning }) => isRunning) ? trans.__('Uploading…') : trans.__('The upload stopped.'));
  return (
    <TwoLines
      badge={<datasetIcon.react tag="span" className="hm-Row-icon" />}
      name={dataset.name}
      title={dataset.spec.title || dataset.name}
      when={<When at={latest?.created_at ?? dataset.created_at} />}
    >
      <span>
        {latest
          ? trans._n(
              'Version %2 · %1 file, %3',
              'Version %2 · %1 files, %3',
              latest.files,
              latest.number,
              bytes(latest.size)
            )
          : !uploading && trans.__('No version yet')}
        {uploading && [latest && ' · ', uploading]}
      </span>
    </TwoLines>
  );
});
