import type { Job, OutputFile, Page } from '../api/types';
import { useHimalia } from '../context';
import { isModelFile, modelFolder, registerModel } from '../models/register';
import { Button, Empty, Failure, Loading } from '../ui/basics';
import { FileList } from '../ui/filelist';
import { usePages } from '../ui/hooks';
import { outputPath, outputPlace } from './drive';
import { jobPath } from './model';
import { isActive } from './states';

export const OUTPUT_FACTORY = 'Himalia output';
const PAGE = 200;

/** The files that a job left, opened where they are best read. */
export function JobOutputs({ job }: { job: Job }): JSX.Element {
  const { client, trans } = useHimalia();
  const { project, name, status } = job;
  const { pages, error, reload, more } = usePages<OutputFile>(
    (token, signal) =>
      client.get<Page<OutputFile>>(jobPath(project, name, 'outputs'), {
        query: { limit: PAGE, page_token: token },
        signal
      }),
    [client, project, name, status.state, status.attempt]
  );
  if (!pages) {
    return error ? <Failure error={error} retry={reload} /> : <Loading />;
  }
  const files = pages.flatMap(page => page.items);
  if (files.length === 0) {
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
  return (
    <div className="hm-Outputs">
      <FileList
        files={files}
        pathOf={({ path }) => outputPath(project, name, path)}
        actions={file => <OutputActions job={job} file={file} />}
        more={more}
        error={error}
      />
    </div>
  );
}

/** What can be done with an output beside showing and downloading it. */
function OutputActions({ job, file: { path } }: { job: Job; file: OutputFile }): JSX.Element | null {
  const himalia = useHimalia();
  const { docManager, trans } = himalia;
  const { project, name } = job;
  if (isModelFile(path)) {
    return (
      <Button
        kind="accept"
        title={trans.__('Make the model in this folder a version of a registered model')}
        onClick={() => registerModel(himalia, project, name, { job: name, path: modelFolder(path) })}
      >
        {trans.__('Register model')}
      </Button>
    );
  }
  if (path.endsWith('.ipynb')) {
    const open = () => docManager.openOrReveal(outputPlace(project, name, path), OUTPUT_FACTORY);
    return (
      <Button onClick={open} title={trans.__('Open in Lab, read-only')}>
        {trans.__('Open')}
      </Button>
    );
  }
  return null;
}
