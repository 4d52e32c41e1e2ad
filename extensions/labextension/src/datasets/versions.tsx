import { useState } from 'react';

import type { Dataset, DatasetDiff, DatasetVersion } from '../api/types';
import { useHimalia } from '../context';
import { Aliases } from '../ui/aliases';
import { Button, Empty, Failure, Loading, When, Scroll } from '../ui/basics';
import { removeAsked, told } from '../ui/confirm';
import { bytes } from '../ui/format';
import { useLoaded, usePages } from '../ui/hooks';
import { saveAs } from '../ui/save';
import { StateBadge } from '../ui/state';

interface VersionsProps {
  dataset: Dataset;
  versions: DatasetVersion[];
  onVersion: (number: number) => void;
  /** Loads older ones, while there are more. */
  more: (() => Promise<void>) | undefined;
}

/** All versions, newest first, and what changed from one to another. */
export function Versions({ dataset, versions, onVersion, more }: VersionsProps): JSX.Element {
  const { trans } = useHimalia();
  const [pair, setPair] = useState<{ from: number; to: number }>();
  const [verified, setVerified] = useState<number>();
  if (versions.length === 0) {
    return <Empty>{trans.__('Versions show here as files are uploaded.')}</Empty>;
  }
  const to = versions.find(each => each.number === pair?.to) ?? versions[0];
  const older = versions.filter(each => each.number < to.number);
  const from = older.find(each => each.number === pair?.from) ?? older[0];
  const checked = versions.find(each => each.number === verified);
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
                onVerify={() => setVerified(version.number)}
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
      {more && <Button onClick={more}>{trans.__('Show more')}</Button>}
      {checked && <Check key={checked.id} dataset={dataset} version={checked} />}
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
  /** Its files are being read again. */
  onVerify: () => void;
  onCompare: (() => void) | undefined;
}

function VersionRow({ dataset, version, onOpen, onVerify, onCompare }: VersionRowProps): JSX.Element {
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
  const verify = async () => {
    if (await told(() => datasets.verify(version), trans.__('It is not being verified.'), trans)) {
      onVerify();
    }
  };
  return (
    <tr>
      <th scope="row">
        <button type="button" className="hm-Link" onClick={onOpen}>
          {trans.__('Version %1', number)}
        </button>{' '}
        <Aliases
          of={`${dataset.name}@${number}`}
          aliases={status.aliases}
          set={alias => datasets.setAlias(version, alias)}
          remove={alias => datasets.removeAlias(version, alias)}
        />
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
          onClick={describe}
        >
          {trans.__('Croissant')}
        </Button>
        <Button
          title={trans.__(
            'Read all files of version %1 again, and compare them with what was stored',
            number
          )}
          onClick={verify}
        >
          {trans.__('Verify')}
        </Button>
        <Button title={trans.__('Delete version %1', number)} onClick={remove}>
          {trans.__('Delete')}
        </Button>
      </td>
    </tr>
  );
}

/** How a version's verification stands; each event of the dataset brings it anew. */
function Check({ dataset, version }: { dataset: Dataset; version: DatasetVersion }): JSX.Element {
  const { datasets, trans } = useHimalia();
  const { value, error, reload } = useLoaded(
    signal => datasets.verified(version, signal),
    [datasets, version.id, dataset]
  );
  if (!value) {
    return error ? <Failure error={error} retry={reload} /> : <Loading />;
  }
  const { state, intact, message, damaged } = value;
  return (
    <section className="hm-Check-result">
      <h3>{trans.__('Verification of version %1', version.number)}</h3>
      <p role="status">
        <StateBadge
          state={intact === false ? 'FAILED' : state}
          word={intact === null ? undefined : intact ? trans.__('Intact') : trans.__('Damaged')}
        />{' '}
        {message ?? (intact === null && trans.__('All its files are being read again.'))}
      </p>
      {damaged.length > 0 && (
        <ul aria-label={trans.__('Damaged files')}>
          {damaged.map(({ path }) => (
            <li key={path}>{path}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Delete a version after a question; a notice offers to take it back. */
function useRemove(dataset: Dataset, version: DatasetVersion): () => Promise<unknown> {
  const { datasets, trans } = useHimalia();
  const again = () => datasets.fetch(dataset.project, dataset.name);
  return () =>
    removeAsked(
      `${dataset.name}@${version.number}`,
      trans.__('Other versions stay as they are. For 30 days it can be restored.'),
      {
        remove: query => datasets.removeVersion(version, query).then(again),
        restore: () => datasets.restoreVersion(version).then(again),
        whileUsed: true
      },
      trans
    );
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
  const { pages, error, reload, more } = usePages<DatasetDiff['items'][number], DatasetDiff>(
    (token, signal) => datasets.diff(version, from, token, signal),
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
      {!pages && !error && <Loading />}
      {pages && <Changes diff={pages[0]} files={pages.flatMap(page => page.items)} />}
      {more && <Button onClick={more}>{trans.__('Show more')}</Button>}
    </section>
  );
}

interface ChangesProps {
  /** Says how much changed. */
  diff: DatasetDiff;
  files: DatasetDiff['items'];
}

function Changes({ diff, files }: ChangesProps): JSX.Element {
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
        {files.map(({ path, change, old_size, new_size }) => (
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
    </>
  );
}
