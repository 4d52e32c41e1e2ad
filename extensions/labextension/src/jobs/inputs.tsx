import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect, useRef } from 'react';

import type { DatasetVersion, Page } from '../api/types';
import { hasVersion } from '../datasets/model';
import { useHimalia } from '../context';
import { Button, Failure } from '../ui/basics';
import { useLoaded, useSettled } from '../ui/hooks';
import { type Search, SearchInput } from '../ui/searchinput';

/** What a job reads: `dataset@version` by the name that its code asks for. */
export type Inputs = { [name: string]: string };

export interface InputRow {
  name: string;
  dataset: string;
  /** A number, an alias, or `latest`. */
  version: string;
}

const NAME = /^[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?$/i;
/** A name is asked for when it has stayed the same so long. */
const TYPING_MS = 300;

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
        errors: { inputs: trans.__('Give each input a name of letters, digits and dashes.') }
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
  const { datasets, projects, trans } = useHimalia();
  const project = projects.current?.name ?? '';
  const search: Search = text => datasets.search(project, text, hasVersion);
  const { value, error } = useLoaded(async () => {
    const first = await search('');
    const asked = first.more ? wanted : [];
    const others = await Promise.all(
      asked.map(name => datasets.fetch(project, name).then(hasVersion, () => false))
    );
    return [...new Set([...first.values, ...asked.filter((_, at) => others[at])])];
  }, [datasets, project]);
  const names = value ?? [];
  const guessed = useRef(false);
  useEffect(() => {
    if (value && !guessed.current) {
      guessed.current = true;
      const free = wanted.filter(name => rows.every(row => row.name !== name));
      const found = free.filter(name => value.includes(name));
      if (found.length > 0) {
        onRows([...rows, ...found.map(name => ({ name, dataset: name, version: 'latest' }))]);
      }
    }
  }, [value, wanted, rows, onRows]);
  const missing = wanted.filter(name => rows.every(row => row.name !== name));
  if (error && rows.length === 0) {
    return <Failure error={error} />;
  }
  if (names.length === 0 && rows.length === 0) {
    return null;
  }
  const change = (at: number, row: InputRow) => onRows(rows.map((each, of) => (of === at ? row : each)));
  const add = () => {
    const free = names.find(name => rows.every(row => row.dataset !== name)) ?? names[0];
    onRows([...rows, { name: missing[0] ?? free, dataset: free, version: 'latest' }]);
  };
  return (
    <fieldset className="hm-Inputs">
      <legend>{trans.__('Inputs')}</legend>
      {rows.map((row, at) => (
        <InputRowFields
          key={at}
          project={project}
          row={row}
          search={search}
          isWanted={wanted.includes(row.name)}
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
      {names.length > 0 && <Button onClick={add}>{trans.__('Add a dataset')}</Button>}
    </fieldset>
  );
}

interface InputRowProps {
  project: string;
  row: InputRow;
  search: Search;
  /** Whether the code asks for it by this name. */
  isWanted: boolean;
  onRow: (row: InputRow) => void;
  onRemove: () => void;
}

function InputRowFields({ project, row, search, isWanted, onRow, onRemove }: InputRowProps): JSX.Element {
  const { trans } = useHimalia();
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
      <SearchInput
        attributes={{ 'aria-label': trans.__('Dataset') }}
        search={search}
        value={row.dataset}
        onValue={dataset => {
          // A name that nobody chose goes with the dataset.
          const name = row.name === row.dataset && !isWanted ? dataset : row.name;
          onRow({ name, dataset, version: 'latest' });
        }}
      />
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
  const settled = useSettled(dataset, TYPING_MS);
  const { value } = useLoaded(
    signal =>
      client.get<Page<DatasetVersion>>(datasets.path(project, settled, 'versions'), {
        query: { limit: 50 },
        signal
      }),
    [client, project, settled]
  );
  // Until they have come, the answer is that of the dataset chosen before; half a name has none.
  const found = (value?.items ?? []).filter(each => each.dataset === dataset);
  return [...found.flatMap(each => each.status.aliases), ...found.map(each => String(each.number))];
}
