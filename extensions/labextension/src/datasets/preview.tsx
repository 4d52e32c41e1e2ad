import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect, useState } from 'react';

import type {
  DatasetVersion,
  Preview,
  PreviewColumn,
  PreviewImages,
  PreviewShown,
  PreviewTable
} from '../api/types';
import { useHimalia } from '../context';
import { Bar, Empty, Failure, Loading, Pairs, Scroll } from '../ui/basics';
import { told } from '../ui/confirm';
import { bytes, number } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { useProjectId } from '../ui/opened';
import { SmallBars } from '../ui/smallbars';

/** What a version holds, as far as a look at it tells: pictures, tables, texts, and what kinds of files. */
export function VersionPreview({ version }: { version: DatasetVersion }): JSX.Element {
  const { value, error, reload } = usePreview(version);
  if (error) {
    return <Failure error={error} retry={reload} />;
  }
  if (!value) {
    return <Loading />;
  }
  return value.preview ? (
    <Shown version={version} preview={value.preview} />
  ) : (
    <NotYet version={version} shown={value} reload={reload} />
  );
}

interface NotYetProps {
  version: DatasetVersion;
  shown: PreviewShown;
  reload: () => void;
}

/** What stands there until the files were looked at, and where that failed. */
function NotYet({ version, shown, reload }: NotYetProps): JSX.Element {
  const { client, datasets, trans } = useHimalia();
  const { state, message, fraction } = shown;
  const make = () =>
    void told(
      () => client.post(datasets.versionPath(version, 'preview')),
      trans.__('The files are not looked at.'),
      trans
    ).then(reload);
  if (state === 'MISSING' || state === 'FAILED' || state === 'STOPPED') {
    return (
      <Empty title={trans.__('No preview')} action={{ label: trans.__('Look at the files'), run: make }}>
        {message || trans.__('Nobody has looked at these files yet.')}
      </Empty>
    );
  }
  return (
    <div className="hm-Looking">
      <Empty title={trans.__('Looking at the files…')}>
        {message || trans.__('The preview shows here in a moment. The files can be used already.')}
      </Empty>
      {typeof fraction === 'number' && <Bar value={fraction} label={trans.__('Preview')} />}
    </div>
  );
}

/** The preview as it is now, asked for again when the project's events tell of it. */
function usePreview(version: DatasetVersion): {
  value: PreviewShown | undefined;
  error: Error | undefined;
  reload: () => void;
} {
  const { client, datasets, live } = useHimalia();
  const loaded = useLoaded(
    signal => client.get<PreviewShown>(datasets.versionPath(version, 'preview'), { signal }),
    [client, datasets, version.id]
  );
  const { reload } = loaded;
  const isDone = loaded.value?.preview !== undefined && loaded.value.preview !== null;
  const project = useProjectId(version.project);
  useEffect(() => {
    if (project === undefined || isDone) {
      return undefined;
    }
    const following = live.follow(`project:${project}`, {
      onMessage: message => {
        if (
          message.type === 'event' &&
          message.event.kind === 'dataset.changed' &&
          'preview' in message.event.data
        ) {
          reload();
        }
      },
      onResumed: reload
    });
    return () => following.dispose();
  }, [live, project, isDone, reload]);
  return loaded;
}

function Shown({ version, preview }: { version: DatasetVersion; preview: Preview }): JSX.Element {
  const { trans } = useHimalia();
  const { images, tables = [], texts = [], unreadable = [], notes = [] } = preview;
  const isBare = !images && [tables, texts, unreadable, notes].every(({ length }) => length === 0);
  return (
    <div className="hm-DataPreview">
      {notes.map(note => (
        <p key={note} className="hm-Note">
          {note}
        </p>
      ))}
      {isBare && (
        <p className="hm-Note">
          {trans.__('Pictures, tables and texts are shown here; these files are of other kinds.')}
        </p>
      )}
      {images && <Images version={version} images={images} />}
      {tables.map(table => (
        <Table key={table.path} table={table} />
      ))}
      {texts.map(({ path, text }) => (
        <section key={path}>
          <h3>{path}</h3>
          <Scroll label={path}>
            <pre>{text}</pre>
          </Scroll>
        </section>
      ))}
      {unreadable.length > 0 && (
        <section>
          <h3>{trans.__('Files that cannot be read')}</h3>
          <Pairs pairs={unreadable.map(({ path, why }) => [path, why])} />
        </section>
      )}
      {preview.files.count > 1 && <Kinds preview={preview} />}
    </div>
  );
}

/** Thumbnails by label, and what the pictures are like. */
function Images({ version, images }: { version: DatasetVersion; images: PreviewImages }): JSX.Element {
  const { trans } = useHimalia();
  const { url: sheet, error, reload } = useSheet(version);
  const { columns, cell } = images.sheet;
  const counts = (values: PreviewImages['sizes']) =>
    values
      .slice(0, 4)
      .map(({ value, count }) => `${String(value)} (${count.toLocaleString()})`)
      .join(', ');
  return (
    <section>
      <h3>{trans._n('%1 picture', '%1 pictures', images.count)}</h3>
      {error && <Failure error={error} retry={reload} />}
      <ul className="hm-Thumbnails" aria-label={trans.__('Pictures')}>
        {images.thumbnails.map(({ path, label, width, height }, at) => (
          <li key={path} title={`${path} · ${width} × ${height}`}>
            <span
              role="img"
              aria-label={path}
              style={{
                width: cell,
                height: cell,
                backgroundImage: sheet && `url(${sheet})`,
                backgroundPosition: `${-(at % columns) * cell}px ${-Math.floor(at / columns) * cell}px`
              }}
            />
            {label && <span className="hm-Thumbnails-label">{label}</span>}
          </li>
        ))}
      </ul>
      <div className="hm-Facts">
        {images.labels.length > 0 && (
          <SmallBars
            title={trans.__('Pictures by folder')}
            bars={images.labels.map(({ value, count }) => ({ label: String(value), count }))}
          />
        )}
        {images.channels.map(channel => (
          <SmallBars
            key={channel.name}
            title={trans.__('Intensity, %1 (mean %2)', channel.name, number(channel.mean))}
            bars={channel.histogram.map((count, at) => ({ label: `${at * 8}–${at * 8 + 7}`, count }))}
          />
        ))}
        <Pairs
          pairs={[
            [trans.__('Sizes'), counts(images.sizes)],
            [trans.__('Modes'), counts(images.modes)],
            [trans.__('Formats'), counts(images.formats)]
          ]}
        />
      </div>
    </section>
  );
}

/** The picture that holds all thumbnails, as an address of the page's own. */
function useSheet(version: DatasetVersion): {
  url: string | undefined;
  error: Error | undefined;
  reload: () => void;
} {
  const { client, datasets } = useHimalia();
  const [url, setUrl] = useState<string>();
  const { value, error, reload } = useLoaded(
    async signal =>
      (await client.send('GET', datasets.versionPath(version, 'preview', 'thumbnails'), { signal })).blob(),
    [client, datasets, version.id]
  );
  useEffect(() => {
    if (!value) {
      return undefined;
    }
    const made = URL.createObjectURL(value);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [value]);
  return { url, error, reload };
}

/** A table's columns with their spread above its first rows. */
function Table({ table }: { table: PreviewTable }): JSX.Element {
  const { trans } = useHimalia();
  const { path, rows, columns, head, size, notes } = table;
  return (
    <section>
      <h3>
        {path}{' '}
        <span className="hm-Quiet">
          {[
            rows === null ? '' : trans._n('%1 row', '%1 rows', rows),
            trans._n('%1 column', '%1 columns', columns.length),
            bytes(size)
          ]
            .filter(Boolean)
            .join(', ')}
        </span>
      </h3>
      {notes.map(note => (
        <p key={note} className="hm-Quiet">
          {note}
        </p>
      ))}
      <Scroll className="hm-DataTable" label={trans.__('First rows of %1', path)}>
        <table>
          <thead>
            <tr>
              {columns.map(column => (
                <th key={column.name} scope="col">
                  <ColumnHead column={column} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {head.map((cells, at) => (
              <tr key={at}>
                {cells.map((cell, of) => (
                  <td key={of} data-kind={typeof cell}>
                    {cell === null ? <span className="hm-Quiet">–</span> : String(cell)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function ColumnHead({ column }: { column: PreviewColumn }): JSX.Element {
  const { trans } = useHimalia();
  const { name, type, nulls, distinct, min, max, histogram, top = [] } = column;
  const bars = histogram
    ? histogram.counts.map((count, at) => ({
        label: `${edge(histogram.edges[at])}–${edge(histogram.edges[at + 1])}`,
        count
      }))
    : top.map(({ value, count }) => ({ label: String(value), count }));
  const facts = [
    distinct === null || distinct === undefined ? '' : trans._n('%1 value', '%1 values', distinct),
    nulls > 0 ? trans.__('%1 empty', nulls.toLocaleString()) : ''
  ];
  return (
    <>
      <span className="hm-DataTable-name">{name}</span>
      <span className="hm-Quiet">
        <span title={type}>{kindText(column, trans)}</span>
        {facts.filter(Boolean).map(fact => ` · ${fact}`)}
      </span>
      {bars.length > 0 && <SmallBars title={trans.__('Spread of %1', name)} bars={bars} quiet />}
      <span className="hm-Quiet hm-DataTable-range">
        <span>{typeof min === 'number' ? number(min) : String(min ?? '')}</span>
        <span>{typeof max === 'number' ? number(max) : String(max ?? '')}</span>
      </span>
    </>
  );
}

/** What a column holds, in words; its type in the table's own terms stands under the pointer. */
function kindText({ kind, type }: PreviewColumn, trans: TranslationBundle): string {
  switch (kind) {
    case 'number':
      return type.includes('INT') ? trans.__('whole numbers') : trans.__('numbers');
    case 'date':
      return trans.__('dates');
    case 'text':
      return type === 'BOOLEAN' ? trans.__('true or false') : trans.__('text');
    default:
      return type;
  }
}

function edge(value: string | number | undefined): string {
  return typeof value === 'number' ? number(value) : String(value ?? '');
}

function Kinds({ preview }: { preview: Preview }): JSX.Element {
  const { trans } = useHimalia();
  const { types, sizes } = preview.files;
  return (
    <section>
      <h3>{trans.__('Kinds of files')}</h3>
      <div className="hm-Facts">
        <SmallBars
          title={trans.__('Files by type')}
          bars={types.map(({ name, files }) => ({ label: name || trans.__('no ending'), count: files }))}
        />
        <SmallBars
          title={trans.__('Files by size')}
          bars={sizes.counts.map((count, at) => ({
            label: trans.__('below %1', bytes(Number(sizes.edges[at + 1]))),
            count
          }))}
        />
      </div>
    </section>
  );
}
