import { useState } from 'react';

import type { DatasetFiles, DatasetVersion } from '../api/types';
import { useHimalia } from '../context';
import { Button, Empty, Failure, Loading } from '../ui/basics';
import { told } from '../ui/confirm';
import { bytes } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { Preview, previewKind } from '../ui/preview';
import { saveAs } from '../ui/save';

const PAGE = 200;

/** A version's files, a folder at a time. */
export function VersionFiles({ version }: { version: DatasetVersion }): JSX.Element {
  const { datasets, trans } = useHimalia();
  const [folder, setFolder] = useState('');
  const [shown, setShown] = useState<string>();
  const { value, error, reload, more } = useFolder(version, folder);
  if (error) {
    return <Failure error={error} retry={reload} />;
  }
  if (!value) {
    return <Loading />;
  }
  const open = (path: string) => {
    setFolder(path);
    setShown(undefined);
  };
  const file = value.items.find(each => each.path === shown);
  return (
    <div className="hm-Outputs">
      <Folders folder={folder} onFolder={open} />
      {value.items.length + value.folders.length === 0 && (
        <Empty>{trans.__('There are no files here.')}</Empty>
      )}
      <ul className="hm-Outputs-files" aria-label={trans.__('Files')}>
        {value.folders.map(each => (
          <li key={each.path}>
            <button
              type="button"
              className="hm-Link hm-Outputs-name"
              onClick={() => open(asFolder(each.path))}
            >
              {each.path.slice(folder.length).replace(/\/$/, '')}/
            </button>
            <span className="hm-Quiet">{trans._n('%1 file', '%1 files', each.files)}</span>
            <span className="hm-Outputs-size">{bytes(each.size)}</span>
          </li>
        ))}
        {value.items.map(each => (
          <FileRow
            key={each.path}
            version={version}
            file={each}
            label={each.path.slice(folder.length)}
            shown={each.path === shown}
            onShow={() => setShown(each.path === shown ? undefined : each.path)}
          />
        ))}
      </ul>
      {value.next_page_token && <Button onClick={more}>{trans.__('Show more')}</Button>}
      {file && (
        <Preview
          key={file.digest}
          name={file.path}
          mediaType={file.media_type}
          size={file.size}
          load={signal => datasets.file(version, file.path, signal)}
        />
      )}
    </div>
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

/** What lies in a folder, grown by pages. */
function useFolder(
  version: DatasetVersion,
  folder: string
): { value: DatasetFiles | undefined; error: Error | undefined; reload: () => void; more: () => void } {
  const { datasets } = useHimalia();
  const [pages, setPages] = useState({ folder, count: 1 });
  const count = pages.folder === folder ? pages.count : 1;
  const loaded = useLoaded(
    async signal => {
      let found: DatasetFiles = { items: [], folders: [], next_page_token: null };
      for (let page = 0; page < count && (page === 0 || found.next_page_token); page++) {
        const next = await datasets.files(
          version,
          { prefix: folder, by_folder: 'true', limit: PAGE, page_token: found.next_page_token ?? undefined },
          signal
        );
        found = {
          items: [...found.items, ...next.items],
          folders: [...found.folders, ...next.folders],
          next_page_token: next.next_page_token
        };
      }
      return found;
    },
    [datasets, version.id, folder, count]
  );
  return { ...loaded, more: () => setPages({ folder, count: count + 1 }) };
}

interface FileRowProps {
  version: DatasetVersion;
  file: DatasetFiles['items'][number];
  label: string;
  shown: boolean;
  onShow: () => void;
}

function FileRow({ version, file, label, shown, onShow }: FileRowProps): JSX.Element {
  const { datasets, trans } = useHimalia();
  const download = async () => {
    const content = await told(
      () => datasets.file(version, file.path),
      trans.__('“%1” was not downloaded.', file.path),
      trans
    );
    if (content) {
      saveAs(file.path.split('/').pop() ?? file.path, content);
    }
  };
  return (
    <li>
      <span className="hm-Outputs-name">{label}</span>
      <span className="hm-Outputs-size">{bytes(file.size)}</span>
      <span className="hm-Outputs-actions">
        {previewKind(file.path, file.media_type) && (
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
