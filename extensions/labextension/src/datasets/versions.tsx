import { useState } from 'react';

import type { Dataset, DatasetDiff, DatasetVersion } from '../api/types';
import { useHimalia } from '../context';
import { Button, Empty, Failure, Loading, When, Scroll } from '../ui/basics';
import { confirm, offerUndo, told } from '../ui/confirm';
import { bytes } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { saveAs } from '../ui/save';

interface VersionsProps {
  dataset: Dataset;
  versions: DatasetVersion[];
  onVersion: (number: number) => void;
}

/** All versions, newest first, and what changed from one to another. */
export function Versions({ dataset, versions, onVersion }: VersionsProps): JSX.Element {
  const { trans } = useHimalia();
  const [pair, setPair] = useState<{ from: number; to: number }>();
  if (versions.length === 0) {
    return <Empty>{trans.__('Versions show here as files are uploaded.')}</Empty>;
  }
  const to = versions.find(each => each.number === pair?.to) ?? versions[0];
  const older = versions.filter(each => each.number < to.number);
  const from = older.find(each => each.number === pair?.from) ?? older[0];
  return (
    <div className="hm-Versions">
      <Scroll label={trans.__('Versions')}>
        <table className="hm-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Version')}</th>
              <th scope="col">{trans.__('Files')}</th>
              <th scope="col">{trans.__('Size')}</th>
              <th scope="col">{trans.__('Made')}</th>
              <th scope="col">{trans.__('From')}</th>
              <th scope="col">{trans.__('Note')}</th>
              <th scope="col">
                <span className="hm-mod-hidden">{trans.__('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {versions.map(version => (
              <VersionRow
                key={version.id}
                dataset={dataset}
                version={version}
                onOpen={() => onVersion(version.number)}
                onCompare={
                  version.number > versions[versions.length - 1].number
                    ? () =>
                        setPair({
                          to: version.number,
                          from: Math.max(...versions.map(each => each.number).filter(n => n < version.number))
                        })
                    : undefined
                }
              />
            ))}
          </tbody>
        </table>
      </Scroll>
      {from && (
        <Difference
          version={to}
          from={from.number}
          older={older.map(each => each.number)}
          onFrom={number => setPair({ to: to.number, from: number })}
        />
      )}
    </div>
  );
}

interface VersionRowProps {
  dataset: Dataset;
  version: DatasetVersion;
  onOpen: () => void;
  onCompare: (() => void) | undefined;
}

function VersionRow({ dataset, version, onOpen, onCompare }: VersionRowProps): JSX.Element {
  const { client, datasets, trans } = useHimalia();
  const remove = useRemove(dataset, version);
  const { number, status, spec } = version;
  const describe = () =>
    told(
      async () => {
        const answer = await client.send('GET', datasets.versionPath(version, 'croissant'), {});
        saveAs(`${dataset.name}-${number}-croissant.json`, await answer.blob());
      },
      trans.__('The description was not downloaded.'),
      trans
    );
  return (
    <tr>
      <th scope="row">
        <button type="button" className="hm-Link" onClick={onOpen}>
          {trans.__('Version %1', number)}
        </button>{' '}
        {status.aliases.map(alias => (
          <span key={alias} className="hm-Count">
            {alias}
          </span>
        ))}
      </th>
      <td>{status.files.toLocaleString()}</td>
      <td>{bytes(status.size)}</td>
      <td>
        <When at={version.created_at} /> · {version.created_by.name}
      </td>
      <td>{status.source_job && trans.__('job %1', status.source_job)}</td>
      <td>{spec.note}</td>
      <td className="hm-Table-actions">
        {onCompare && (
          <Button title={trans.__('Show what changed in version %1', number)} onClick={onCompare}>
            {trans.__('Changes')}
          </Button>
        )}
        <Button
          title={trans.__('Download a description of version %1 in the Croissant format', number)}
          onClick={() => void describe()}
        >
          {trans.__('Croissant')}
        </Button>
        <Button title={trans.__('Delete version %1', number)} onClick={() => void remove()}>
          {trans.__('Delete')}
        </Button>
      </td>
    </tr>
  );
}

/** Delete a version after a question; a notice offers to take it back. */
function useRemove(dataset: Dataset, version: DatasetVersion): () => Promise<void> {
  const { datasets, trans } = useHimalia();
  const name = `${dataset.name}@${version.number}`;
  const again = () => datasets.fetch(dataset.project, dataset.name);
  return async () => {
    const agreed = await confirm(
      trans.__('Delete “%1”?', name),
      trans.__('Other versions stay as they are. For 30 days it can be restored.'),
      trans.__('Delete'),
      trans
    );
    const gone =
      agreed &&
      (await told(
        () => datasets.removeVersion(version).then(again),
        trans.__('“%1” was not deleted.', name),
        trans
      ));
    if (gone) {
      offerUndo(name, () => datasets.restoreVersion(version).then(again), trans);
    }
  };
}

interface DifferenceProps {
  version: DatasetVersion;
  from: number;
  older: number[];
  onFrom: (number: number) => void;
}

/** What became of the files of an older version. */
function Difference({ version, from, older, onFrom }: DifferenceProps): JSX.Element {
  const { datasets, trans } = useHimalia();
  const { value, error, reload } = useLoaded(
    signal => datasets.diff(version, from, signal),
    [datasets, version.id, from]
  );
  return (
    <section className="hm-Diff">
      <h3>
        {trans.__('What changed in version %1 since version', version.number)}{' '}
        <select
          className="hm-Input"
          aria-label={trans.__('Older version')}
          value={from}
          onChange={event => onFrom(Number(event.target.value))}
        >
          {older.map(number => (
            <option key={number}>{number}</option>
          ))}
        </select>
      </h3>
      {error && <Failure error={error} retry={reload} />}
      {!value && !error && <Loading />}
      {value && <Changes diff={value} />}
    </section>
  );
}

function Changes({ diff }: { diff: DatasetDiff }): JSX.Element {
  const { trans } = useHimalia();
  const words = {
    added: trans.__('added'),
    removed: trans.__('removed'),
    changed: trans.__('changed')
  };
  const marks = { added: '+', removed: '−', changed: '~' };
  const counts: [string, DatasetDiff['added']][] = [
    [words.added, diff.added],
    [words.removed, diff.removed],
    [words.changed, diff.changed],
    [trans.__('unchanged'), diff.unchanged]
  ];
  return (
    <>
      <p>
        {counts
          .map(([word, { files, size }]) => `${files.toLocaleString()} ${word} (${bytes(size)})`)
          .join(', ')}
      </p>
      <ul className="hm-Diff-files" aria-label={trans.__('Changed files')}>
        {diff.items.map(({ path, change, old_size, new_size }) => (
          <li key={path} data-change={change}>
            <span className="hm-Diff-mark" aria-hidden="true">
              {marks[change]}
            </span>
            <span className="hm-mod-hidden">{words[change]}</span>
            <span className="hm-Outputs-name">{path}</span>
            <span className="hm-Quiet">
              {[old_size, new_size]
                .filter((size): size is number => size !== null)
                .map(bytes)
                .join(' → ')}
            </span>
          </li>
        ))}
      </ul>
      {diff.next_page_token && (
        <p className="hm-Quiet">{trans.__('There are more: only the first are shown.')}</p>
      )}
    </>
  );
}
