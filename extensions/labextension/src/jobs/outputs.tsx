import { useState } from 'react';

import type { Job, OutputFile, Page } from '../api/types';
import { useHimalia } from '../context';
import { registerModel } from '../models/register';
import { Button, Empty, Failure, Loading } from '../ui/basics';
import { refused } from '../ui/confirm';
import { bytes } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { Preview, previewKind } from '../ui/preview';
import { saveAs } from '../ui/save';
import { outputPath, outputPlace } from './drive';
import { jobPath } from './model';
import { isActive } from './states';

export const OUTPUT_FACTORY = 'Himalia output';

/** The files that a job left, opened where they are best read. */
export function JobOutputs({ job }: { job: Job }): JSX.Element {
  const { client, trans } = useHimalia();
  const { project, name, status } = job;
  const { value, error, reload } = useLoaded(
    signal =>
      client.get<Page<OutputFile>>(jobPath(project, name, 'outputs'), { query: { limit: 500 }, signal }),
    [client, project, name, status.state, status.attempt]
  );
  const [shown, setShown] = useState<string | null>(null);
  if (error) {
    return <Failure error={error} retry={reload} />;
  }
  if (!value) {
    return <Loading />;
  }
  if (value.items.length === 0) {
    return (
      <Empty>
        {isActive(status.state)
          ? trans.__(
              'Files show here when the job ends: the notebook as it ran, and what the code wrote to “outputs”.'
            )
          : trans.__('This job left no files. What code writes to the folder “outputs” is kept.')}
      </Empty>
    );
  }
  const file = value.items.find(each => each.path === shown);
  return (
    <div className="hm-Outputs">
      <ul className="hm-Outputs-files" aria-label={trans.__('Files')}>
        {value.items.map(each => (
          <OutputRow
            key={each.path}
            job={job}
            file={each}
            shown={each.path === shown}
            onShow={() => setShown(each.path === shown ? null : each.path)}
          />
        ))}
      </ul>
      {file && (
        <Preview
          key={file.digest}
          name={file.path}
          mediaType={file.media_type}
          size={file.size}
          load={async signal =>
            (await client.send('GET', outputPath(project, name, file.path), { signal })).blob()
          }
        />
      )}
    </div>
  );
}

interface OutputRowProps {
  job: Job;
  file: OutputFile;
  shown: boolean;
  onShow: () => void;
}

function OutputRow({ job, file, shown, onShow }: OutputRowProps): JSX.Element {
  const himalia = useHimalia();
  const { client, docManager, trans } = himalia;
  const isNotebook = file.path.endsWith('.ipynb');
  const download = async () => {
    try {
      const response = await client.send('GET', outputPath(job.project, job.name, file.path), {});
      saveAs(file.path.split('/').pop() ?? file.path, await response.blob());
    } catch (error) {
      refused(trans.__('“%1” was not downloaded.', file.path), error, trans);
    }
  };
  const register = () =>
    registerModel(himalia, job.project, job.name, { job: job.name, path: folderOf(file.path) });
  const open = () => docManager.openOrReveal(outputPlace(job.project, job.name, file.path), OUTPUT_FACTORY);
  return (
    <li>
      <span className="hm-Outputs-name">{file.path}</span>
      <span className="hm-Outputs-size">{bytes(file.size)}</span>
      <span className="hm-Outputs-actions">
        {file.path.endsWith('/MLmodel') && (
          <Button
            kind="accept"
            title={trans.__('Make the model in this folder a version of a registered model')}
            onClick={register}
          >
            {trans.__('Register model')}
          </Button>
        )}
        {isNotebook && (
          <Button onClick={open} title={trans.__('Open in Lab, read-only')}>
            {trans.__('Open')}
          </Button>
        )}
        {!isNotebook && previewKind(file.path, file.media_type) && (
          <Button onClick={onShow} pressed={shown} title={trans.__('Show %1', file.path)}>
            {trans.__('Show')}
          </Button>
        )}
        <Button onClick={() => void download()} title={trans.__('Download %1', file.path)}>
          {trans.__('Download')}
        </Button>
      </span>
    </li>
  );
}

/** The folder of a file, as the service counts it: below the outputs. */
function folderOf(path: string): string {
  return path.replace(/^outputs\//, '').replace(/\/?[^/]*$/, '');
}
