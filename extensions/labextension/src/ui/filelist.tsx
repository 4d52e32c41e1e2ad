import { type ReactNode, useState } from 'react';

import { useHimalia } from '../context';
import { Button, Failure } from './basics';
import { told } from './confirm';
import { bytes } from './format';
import { Preview, previewKind } from './preview';

export interface ListedFile {
  path: string;
  size: number;
  digest: string;
  media_type: string;
}

export interface FileListProps<F extends ListedFile> {
  files: readonly F[];
  /** Where in the API a file is. */
  pathOf: (file: F) => string;
  /** What its paths begin with and its rows leave out. */
  folder?: string;
  /** Rows above the files, such as folders. */
  above?: ReactNode;
  /** More that can be done with a file. */
  actions?: (file: F) => ReactNode;
  /** Loads more of them, while there are more. */
  more?: () => Promise<void>;
  /** Why more were not loaded. */
  error?: Error;
}

/** Files with what can be done with them, and below them the one that is looked at. */
export function FileList<F extends ListedFile>(props: FileListProps<F>): JSX.Element {
  const { files, pathOf, folder = '', above, actions, more, error } = props;
  const { client, trans } = useHimalia();
  const [shown, setShown] = useState<string>();
  const file = files.find(each => each.path === shown);
  return (
    <>
      <ul className="hm-Outputs-files" aria-label={trans.__('Files')}>
        {above}
        {files.map(each => (
          <FileRow
            key={each.path}
            file={each}
            label={each.path.slice(folder.length)}
            apiPath={pathOf(each)}
            actions={actions?.(each)}
            shown={each.path === shown}
            onShow={() => setShown(each.path === shown ? undefined : each.path)}
          />
        ))}
      </ul>
      {error && <Failure error={error} />}
      {more && <Button onClick={more}>{trans.__('Show more')}</Button>}
      {file && (
        <Preview
          key={file.digest}
          name={file.path}
          mediaType={mediaType(file)}
          size={file.size}
          load={async signal => (await client.send('GET', pathOf(file), { signal })).blob()}
        />
      )}
    </>
  );
}

interface FileRowProps {
  file: ListedFile;
  label: string;
  apiPath: string;
  actions: ReactNode;
  shown: boolean;
  onShow: () => void;
}

function FileRow({ file, label, apiPath, actions, shown, onShow }: FileRowProps): JSX.Element {
  const { client, trans } = useHimalia();
  const { path, size } = file;
  const download = () =>
    told(() => client.download(apiPath), trans.__('“%1” was not downloaded.', path), trans);
  return (
    <li>
      <span className="hm-Outputs-name">{label}</span>
      <span className="hm-Outputs-size">{bytes(size)}</span>
      <span className="hm-Outputs-actions">
        {actions}
        {previewKind(path, mediaType(file)) && (
          <Button onClick={onShow} pressed={shown} title={trans.__('Show %1', path)}>
            {trans.__('Show')}
          </Button>
        )}
        <Button onClick={download} title={trans.__('Download %1', path)}>
          {trans.__('Download')}
        </Button>
      </span>
    </li>
  );
}

/** MLflow's description of a model is YAML, which no ending says. */
function mediaType({ path, media_type }: ListedFile): string {
  return /(^|\/)MLmodel$/.test(path) ? 'text/plain' : media_type;
}
