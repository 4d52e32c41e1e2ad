import type { DatasetFiles, ModelVersion } from '../api/types';
import { useHimalia } from '../context';
import { Failure, Loading } from '../ui/basics';
import { FileList } from '../ui/filelist';
import { usePages } from '../ui/hooks';

/** The files of a version. */
export function ModelFiles({ version }: { version: ModelVersion }): JSX.Element {
  const { models } = useHimalia();
  const { pages, error, reload, more } = usePages<DatasetFiles['items'][number], DatasetFiles>(
    (token, signal) => models.files(version, token, signal),
    [models, version.id]
  );
  if (!pages) {
    return error ? <Failure error={error} retry={reload} /> : <Loading />;
  }
  return (
    <div className="hm-Outputs">
      <FileList
        files={pages.flatMap(page => page.items)}
        pathOf={({ path }) => models.versionPath(version, 'files', ...path.split('/'))}
        more={more}
        error={error}
      />
    </div>
  );
}
