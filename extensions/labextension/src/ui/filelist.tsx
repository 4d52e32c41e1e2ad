import { type ReactNode, useState } from 'react';

import { useHimalia } from '../context';
import { Button, Failure } from './basics';
import { told } from './confirm';
import { bytes } from './format';
import { Preview, previewKind } from './preview';
import { saveAs } from './save';

export interface ListedFile {
  path: string;
  size: number;
  digest: string;
  media_type: string;
}

export interface FileListProps<F extends ListedFile> {
  files: readonly F[];
  /** The bytes of a file. */
  load: (file: F, signal?: AbortSignal) => Promise<Blob>;
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
  const { files, load, folder = '', above, actions, more, error } = props;
  const { trans } = useHimalia();
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
            load={() => load(each)}
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
          load={signal => load(file, signal)}
        />
      )}
    </>
  );
}

interface FileRowProps {
  file: ListedFile;
  label: string;
  load: () => Promise<Blob>;
  actions: ReactNode;
  shown: boolean;
  onShow: () => void;
}

function FileRow({ file, label, load, actions, shown, onShow }: FileRowProps): JSX.Element {
  const { trans } = useHimalia();
  const { path, size } = file;
  const download = async () => {
    const content = await told(load, trans.__('“%1” was not downloaded.', path), trans);
    if (content) {
      saveAs(path.split('/').pop() ?? path, content);
    }
  };
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
