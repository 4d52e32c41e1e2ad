import { useState } from 'react';

import type { DatasetFiles, DatasetVersion } from '../api/types';
import { useHimalia } from '../context';
import { Empty, Failure, Loading } from '../ui/basics';
import { FileList } from '../ui/filelist';
import { bytes } from '../ui/format';
import { usePages } from '../ui/hooks';

const PAGE = 200;

/** A version's files, a folder at a time. */
export function VersionFiles({ version }: { version: DatasetVersion }): JSX.Element {
  const [folder, setFolder] = useState('');
  return (
    <div className="hm-Outputs">
      <Folders folder={folder} onFolder={setFolder} />
      <Folder key={folder} version={version} folder={folder} onFolder={setFolder} />
    </div>
  );
}

interface FolderProps {
  version: DatasetVersion;
  /** With a slash at its end; empty for the top. */
  folder: string;
  onFolder: (path: string) => void;
}

function Folder({ version, folder, onFolder }: FolderProps): JSX.Element {
  const { datasets, trans } = useHimalia();
  const { pages, error, reload, more } = usePages<DatasetFiles['items'][number], DatasetFiles>(
    (token, signal) =>
      datasets.files(version, { prefix: folder, by_folder: 'true', limit: PAGE, page_token: token }, signal),
    [datasets, version.id, folder]
  );
  if (!pages) {
    return error ? <Failure error={error} retry={reload} /> : <Loading />;
  }
  const folders = pages.flatMap(page => page.folders);
  const files = pages.flatMap(page => page.items);
  if (folders.length + files.length === 0) {
    return <Empty>{trans.__('There are no files here.')}</Empty>;
  }
  return (
    <FileList
      files={files}
      folder={folder}
      pathOf={({ path }) => datasets.versionPath(version, 'files', ...path.split('/'))}
      more={more}
      error={error}
      above={folders.map(each => (
        <li key={each.path}>
          <button
            type="button"
            className="hm-Link hm-Outputs-name"
            onClick={() => onFolder(asFolder(each.path))}
          >
            {each.path.slice(folder.length).replace(/\/$/, '')}/
          </button>
          <span className="hm-Quiet">{trans._n('%1 file', '%1 files', each.files)}</span>
          <span className="hm-Outputs-size">{bytes(each.size)}</span>
        </li>
      ))}
    />
  );
}

function asFolder(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

/** The way from the top to a folder. */
function Folders({
  folder,
  onFolder
}: {
  folder: string;
  onFolder: (path: string) => void;
}): JSX.Element | null {
  const { trans } = useHimalia();
  const parts = folder.split('/').filter(Boolean);
  if (parts.length === 0) {
    return null;
  }
  return (
    <nav className="hm-Path" aria-label={trans.__('Folder')}>
      <button type="button" className="hm-Link" onClick={() => onFolder('')}>
        {trans.__('All files')}
      </button>
      {parts.map((part, at) => (
        <span key={at}>
          {' / '}
          <button
            type="button"
            className="hm-Link"
            aria-current={at === parts.length - 1 ? 'location' : undefined}
            onClick={() => onFolder(asFolder(parts.slice(0, at + 1).join('/')))}
          >
            {part}
          </button>
        </span>
      ))}
    </nav>
  );
}
