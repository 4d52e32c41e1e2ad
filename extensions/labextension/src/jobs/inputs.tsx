import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect, useRef } from 'react';

import type { Dataset, DatasetVersion, Page } from '../api/types';
import { useHimalia } from '../context';
import { Button, Failure } from '../ui/basics';
import { useLoaded } from '../ui/hooks';

/** What a job reads: `dataset@version` by the name that its code asks for. */
export type Inputs = { [name: string]: string };

export interface InputRow {
  name: string;
  dataset: string;
  /** A number, an alias, or `latest`. */
  version: string;
}

const NAME = /^[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?$/i;
const MOST_SHOWN = 200;

export function rowsOf(inputs: Inputs): InputRow[] {
  return Object.entries(inputs).map(([name, reference]) => {
    const [dataset, version = 'latest'] = reference.split('@');
    return { name, dataset, version };
  });
}

/** What the rows say, and a sentence where they say nothing that can be. */
export function readInputs(
  rows: readonly InputRow[],
  trans: TranslationBundle
): { inputs: Inputs; errors: { [field: string]: string } } {
  const inputs: Inputs = {};
  for (const { name, dataset, version } of rows) {
    if (!NAME.test(name)) {
      return {
        inputs,
        errors: { inputs: trans.__('Give each input a name of letters, digits and hyphens.') }
      };
    }
    if (name in inputs) {
      return { inputs, errors: { inputs: trans.__('Two inputs are called “%1”.', name) } };
    }
    inputs[name] = `${dataset}@${version}`;
  }
  return { inputs, errors: {} };
}

interface InputFieldsProps {
  /** The names that the code asks for: where a dataset is called so, it is the first guess. */
  wanted: readonly string[];
  rows: InputRow[];
  onRows: (rows: InputRow[]) => void;
  errors: { [field: string]: string };
}

/** Which datasets the job reads, one row each. */
export function InputFields({ wanted, rows, onRows, errors }: InputFieldsProps): JSX.Element | null {
  const { client, projects, trans } = useHimalia();
  const project = projects.current?.name ?? '';
  const { value, error } = useLoaded(
    signal =>
      client.get<Page<Dataset>>(`/projects/${encodeURIComponent(project)}/datasets`, {
        query: { limit: MOST_SHOWN },
        signal
      }),
    [client, project]
  );
  const datasets = (value?.items ?? []).filter(each => each.status.latest !== null);
  const guessed = useRef(false);
  useEffect(() => {
    if (value && !guessed.current) {
      guessed.current = true;
      const free = wanted.filter(name => rows.every(row => row.name !== name));
      const found = free.filter(name => datasets.some(each => each.name === name));
      if (found.length > 0) {
        onRows([...rows, ...found.map(name => ({ name, dataset: name, version: 'latest' }))]);
      }
    }
  }, [value, wanted, datasets, rows, onRows]);
  const missing = wanted.filter(name => rows.every(row => row.name !== name));
  if (error && rows.length === 0) {
    return <Failure error={error} />;
  }
  if (datasets.length === 0 && rows.length === 0) {
    return null;
  }
  const change = (at: number, row: InputRow) => onRows(rows.map((each, of) => (of === at ? row : each)));
  const add = () => {
    const free = datasets.find(each => rows.every(row => row.dataset !== each.name)) ?? datasets[0];
    onRows([...rows, { name: missing[0] ?? free.name, dataset: free.name, version: 'latest' }]);
  };
  return (
    <fieldset className="hm-Inputs">
      <legend>{trans.__('Inputs')}</legend>
      {rows.map((row, at) => (
        <InputRowFields
          key={at}
          project={project}
          row={row}
          datasets={datasets}
          onRow={changed => change(at, changed)}
          onRemove={() => onRows(rows.filter((_, of) => of !== at))}
        />
      ))}
      {errors.inputs && (
        <div className="hm-Field-error" role="alert">
          {errors.inputs}
        </div>
      )}
      {rows.length > 0 && (
        <p className="hm-Quiet">
          {trans.__('In the code, himalia.run.input("%1") is the folder with its files.', rows[0].name)}
        </p>
      )}
      {missing.length > 0 && (
        <p className="hm-Quiet">
          {trans.__('The code reads “%1”, which is not given yet.', missing.join('”, “'))}
        </p>
      )}
      {datasets.length > 0 && <Button onClick={add}>{trans.__('Add a dataset')}</Button>}
    </fieldset>
  );
}

interface InputRowProps {
  project: string;
  row: InputRow;
  datasets: Dataset[];
  onRow: (row: InputRow) => void;
  onRemove: () => void;
}

function InputRowFields({ project, row, datasets, onRow, onRemove }: InputRowProps): JSX.Element {
  const { trans } = useHimalia();
  const names = [...new Set([...datasets.map(each => each.name), row.dataset])];
  const versions = useVersions(project, row.dataset);
  return (
    <div className="hm-Inputs-row">
      <input
        className="hm-Input"
        type="text"
        aria-label={trans.__('Name in the code')}
        autoComplete="off"
        spellCheck={false}
        value={row.name}
        onChange={event => onRow({ ...row, name: event.target.value })}
      />
      <select
        className="hm-Input"
        aria-label={trans.__('Dataset')}
        value={row.dataset}
        onChange={({ target }) => {
          // A name that nobody changed goes with the dataset.
          const name = row.name === row.dataset ? target.value : row.name;
          onRow({ name, dataset: target.value, version: 'latest' });
        }}
      >
        {names.map(name => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        className="hm-Input"
        aria-label={trans.__('Version')}
        value={row.version}
        onChange={event => onRow({ ...row, version: event.target.value })}
      >
        {[...new Set(['latest', ...versions, row.version])].map(version => (
          <option key={version} value={version}>
            {version === 'latest' ? trans.__('latest') : version}
          </option>
        ))}
      </select>
      <Button kind="quiet" title={trans.__('Remove the input “%1”', row.name)} onClick={onRemove}>
        ✕
      </Button>
    </div>
  );
}

/** Aliases and numbers of a dataset's versions. */
function useVersions(project: string, dataset: string): string[] {
  const { client, datasets } = useHimalia();
  const { value } = useLoaded(
    signal =>
      client.get<Page<DatasetVersion>>(datasets.path(project, dataset, 'versions'), {
        query: { limit: 50 },
        signal
      }),
    [client, project, dataset]
  );
  // Until they have come, the answer is that of the dataset chosen before.
  const found = (value?.items ?? []).filter(each => each.dataset === dataset);
  return [...found.flatMap(each => each.status.aliases), ...found.map(each => String(each.number))];
}
