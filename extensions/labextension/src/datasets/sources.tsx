import { useState } from 'react';

import type { LabFiles } from '../api/types';
import { useHimalia } from '../context';
import { Button, Failure } from '../ui/basics';
import { Dropzone } from '../ui/dropzone';
import { type Chosen, oneArchive, sizeOf } from '../ui/files';
import { Field } from '../ui/form';
import { bytes } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import type { Source } from './upload';

interface SourcesProps {
  onChosen: (chosen: Chosen) => void;
  /** Lets the person choose among the files of the notebook server. */
  chooseInLab: () => void;
}

/** Where files can come from: the person's own machine, the notebook server and, where that is open, the platform's. */
export function Sources({ onChosen, chooseInLab }: SourcesProps): JSX.Element {
  const { datasets, trans } = useHimalia();
  const [path, setPath] = useState('');
  const { value: open = [] } = useLoaded(signal => datasets.importPaths(signal), [datasets]);
  const take = () => {
    const serverPath = path.trim().replace(/(?<=.)\/+$/, '');
    onChosen({ name: serverPath.split('/').pop() ?? '', files: [], serverPath });
  };
  return (
    <>
      <Dropzone onChosen={onChosen} chooseInLab={chooseInLab} />
      {open.length > 0 && (
        <Field
          label={trans.__('Or on the platform')}
          description={trans.__('The path of a folder or file of its machine, below %1.', open.join(', '))}
        >
          {attributes => (
            <span className="hm-Copied">
              <input
                {...attributes}
                className="hm-Input"
                type="text"
                autoComplete="off"
                spellCheck={false}
                placeholder={`${open[0]}/…`}
                value={path}
                onChange={event => setPath(event.target.value)}
              />
              <Button disabled={!path.trim().startsWith('/')} onClick={take}>
                {trans.__('Take it')}
              </Button>
            </span>
          )}
        </Field>
      )}
    </>
  );
}

export interface Looked {
  /** What there is of the notebook server's files. */
  found: LabFiles | undefined;
  error: Error | undefined;
  /** There are files, as far as that has to be looked for. */
  isReady: boolean;
}

/** What a dataset would get of what was chosen. */
export function useLooked(chosen: Chosen | undefined): Looked {
  const { server } = useHimalia();
  const paths = chosen?.labPaths;
  const { value: found, error } = useLoaded(
    signal => (paths ? server.look(paths, signal) : Promise.resolve(undefined)),
    [server, paths]
  );
  return { found, error, isReady: chosen !== undefined && (!paths || (found !== undefined && !error)) };
}

interface ChosenFilesProps {
  chosen: Chosen;
  looked: Looked;
  onChosen: (chosen: Chosen | undefined) => void;
}

/** What was chosen, and for a single archive whether to unpack it. */
export function ChosenFiles({ chosen, looked, onChosen }: ChosenFilesProps): JSX.Element {
  const { trans } = useHimalia();
  const { labPaths, name } = chosen;
  const shown = labPaths ? labPaths.map(path => path.split('/').pop()).join(', ') : name;
  return (
    <>
      <p className="hm-Chosen">
        <span>
          {shown && <strong>{shown}</strong>} <Amount chosen={chosen} looked={looked} />
        </span>
        <Button kind="quiet" onClick={() => onChosen(undefined)}>
          {trans.__('Choose others')}
        </Button>
      </p>
      {labPaths && looked.error && <Failure error={looked.error} />}
      {oneArchive(chosen) !== undefined && (
        <label className="hm-Check">
          <input
            type="checkbox"
            checked={!chosen.asItIs}
            onChange={event => onChosen({ ...chosen, asItIs: !event.target.checked })}
          />{' '}
          {trans.__('Unpack the archive')}
        </label>
      )}
    </>
  );
}

function Amount({ chosen, looked }: { chosen: Chosen; looked: Looked }): JSX.Element | null {
  const { trans } = useHimalia();
  const { files, labPaths, serverPath } = chosen;
  const told = (count: number, size: number) => trans._n('%1 file, %2', '%1 files, %2', count, bytes(size));
  if (!labPaths) {
    return <>{serverPath ?? told(files.length, sizeOf(files))}</>;
  }
  const { error, found } = looked;
  if (!found || error) {
    return error ? null : <span role="status">{trans.__('Looking what is there…')}</span>;
  }
  const left = found.left_out;
  return (
    <span role="status">
      {told(found.files, found.size)}
      {left > 0 && ` · ${trans._n('%1 link is left out', '%1 links are left out', left)}`}
    </span>
  );
}

/** What the service is to bring in by itself. */
export function sourceOf(chosen: Chosen): Source | undefined {
  if (chosen.serverPath) {
    return { server_path: chosen.serverPath };
  }
  const archive = oneArchive(chosen);
  return archive !== undefined && !chosen.asItIs ? { archive } : undefined;
}
