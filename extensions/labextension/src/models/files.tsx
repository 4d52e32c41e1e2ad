import { useState } from 'react';

import type { ModelVersion } from '../api/types';
import { useHimalia } from '../context';
import { Button, Failure, Loading } from '../ui/basics';
import { told } from '../ui/confirm';
import { bytes } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { Preview, previewKind } from '../ui/preview';
import { saveAs } from '../ui/save';

/** The files of a version. */
export function ModelFiles({ version }: { version: ModelVersion }): JSX.Element {
  const { models, trans } = useHimalia();
  const { value, error, reload } = useLoaded(signal => models.files(version, signal), [models, version.id]);
  const [shown, setShown] = useState<string>();
  if (error) {
    return <Failure error={error} retry={reload} />;
  }
  if (!value) {
    return <Loading />;
  }
  const download = async (path: string) => {
    const content = await told(
      () => models.file(version, path),
      trans.__('“%1” was not downloaded.', path),
      trans
    );
    if (content) {
      saveAs(path.split('/').pop() ?? path, content);
    }
  };
  const file = value.items.find(each => each.path === shown);
  return (
    <div className="hm-Outputs">
      <ul className="hm-Outputs-files" aria-label={trans.__('Files')}>
        {value.items.map(({ path, size, media_type }) => (
          <li key={path}>
            <span className="hm-Outputs-name">{path}</span>
            <span className="hm-Outputs-size">{bytes(size)}</span>
            <span className="hm-Outputs-actions">
              {(previewKind(path, media_type) || path.endsWith('MLmodel')) && (
                <Button
                  pressed={shown === path}
                  title={trans.__('Show %1', path)}
                  onClick={() => setShown(shown === path ? undefined : path)}
                >
                  {trans.__('Show')}
                </Button>
              )}
              <Button title={trans.__('Download %1', path)} onClick={() => void download(path)}>
                {trans.__('Download')}
              </Button>
            </span>
          </li>
        ))}
      </ul>
      {file && (
        <Preview
          key={file.path}
          name={file.path}
          mediaType={file.path.endsWith('MLmodel') ? 'text/plain' : file.media_type}
          size={file.size}
          load={signal => models.file(version, file.path, signal)}
        />
      )}
    </div>
  );
}
