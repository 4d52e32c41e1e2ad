import type { Dataset, DatasetDraft } from '../api/types';
import { ApiError } from '../api/client';
import { useHimalia } from '../context';
import { Bar, Button, Failure, When } from '../ui/basics';
import { told } from '../ui/confirm';
import { Dropzone } from '../ui/dropzone';
import { bytes } from '../ui/format';
import { useLoaded, useSignal } from '../ui/hooks';
import { useEffect, useRef, useState } from 'react';
import type { Upload } from './upload';

const ENDED = ['SUCCEEDED', 'FAILED', 'STOPPED'];

/** What is on its way into a dataset: uploads of this page, and those that a reload or a closed tab cut off. */
export function Uploads({ dataset }: { dataset: Dataset }): JSX.Element | null {
  const { datasets } = useHimalia();
  const { value, reload } = useLoaded(signal => datasets.drafts(dataset, signal), [datasets, dataset]);
  const drafts = value?.items ?? [];
  if (drafts.length === 0) {
    return null;
  }
  return (
    <div className="hm-Uploads">
      {drafts.map(draft => (
        <UploadRow key={draft.id} dataset={dataset} draft={draft} reload={reload} />
      ))}
    </div>
  );
}

interface UploadRowProps {
  dataset: Dataset;
  draft: DatasetDraft;
  reload: () => void;
}

function UploadRow(props: UploadRowProps): JSX.Element {
  const { datasets } = useHimalia();
  const { draft, reload } = props;
  const [upload, setUpload] = useState(() => datasets.uploads.get(draft.id));
  const discard = useDiscard(draft, reload);
  return (
    <section className="hm-Upload">
      {upload ? (
        <Sending {...props} upload={upload} discard={discard} />
      ) : (
        <CutOff draft={draft} goOn={setUpload} reload={reload} discard={discard} />
      )}
    </section>
  );
}

function useDiscard(draft: DatasetDraft, reload: () => void): () => void {
  const { datasets, trans } = useHimalia();
  return () =>
    void told(() => datasets.discard(draft), trans.__('The upload was not discarded.'), trans).then(reload);
}

/** An upload of this page: how far it is, and when all has arrived, the version it makes. */
function Sending({
  draft,
  upload,
  reload,
  discard
}: UploadRowProps & { upload: Upload; discard: () => void }): JSX.Element {
  const { trans } = useHimalia();
  useSignal(upload.changed);
  const { failure, commit, unpacking } = useCommit(draft, upload, reload);
  const { sent, state, bytes: all, files } = upload;
  const done = all > 0 ? sent.bytes / all : sent.files / Math.max(1, files);
  const isBehind = failure instanceof ApiError && failure.status === 409;
  return (
    <>
      <div className="hm-Upload-line" role="status">
        <span>
          {unpacking === undefined ? uploadText(upload, trans) : unpacking || trans.__('Unpacking…')}
        </span>
        <span className="hm-Quiet">
          {trans.__('%1 of %2 files, %3 of %4', sent.files, files, bytes(sent.bytes), bytes(all))}
        </span>
        <span className="hm-Upload-actions">
          {state === 'running' && <Button onClick={() => upload.pause()}>{trans.__('Pause')}</Button>}
          {(state === 'paused' || state === 'failed') && (
            <Button kind="accept" onClick={() => void upload.run()}>
              {trans.__('Resume')}
            </Button>
          )}
          {state !== 'done' && <Button onClick={discard}>{trans.__('Cancel')}</Button>}
        </span>
      </div>
      <Bar value={done} label={trans.__('Upload')} />
      {upload.error && <Failure error={upload.error} />}
      {failure && <Failure error={failure} retry={isBehind ? undefined : () => commit('base')} />}
      {isBehind && (
        <p className="hm-Upload-actions">
          <Button kind="accept" onClick={() => commit('latest')}>
            {trans.__('Lay the changes over the newest version')}
          </Button>
          <Button onClick={discard}>{trans.__('Discard them')}</Button>
        </p>
      )}
    </>
  );
}

function uploadText(upload: Upload, trans: ReturnType<typeof useHimalia>['trans']): string {
  return {
    running: trans.__('Uploading…'),
    paused: trans.__('The upload is paused.'),
    failed: trans.__('The upload stopped.'),
    done: trans.__('Making the version…')
  }[upload.state];
}

/** Makes the version as soon as all files are there, and unpacked where that was wanted. */
function useCommit(
  draft: DatasetDraft,
  upload: Upload,
  reload: () => void
): {
  failure: Error | undefined;
  commit: (onto: 'base' | 'latest') => void;
  /** What is done with the archive just now, while something is. */
  unpacking: string | undefined;
} {
  const { datasets } = useHimalia();
  const [failure, setFailure] = useState<Error>();
  const [unpacking, setUnpacking] = useState<string>();
  const begun = useRef(false);
  const unpacked = useRef(upload.archive === undefined);
  const make = async (onto: 'base' | 'latest') => {
    if (!unpacked.current && upload.archive !== undefined) {
      setUnpacking('');
      await datasets
        .unpack(draft, upload.archive, ({ message }) => setUnpacking(message ?? ''))
        .finally(() => setUnpacking(undefined));
      unpacked.current = true;
    }
    await datasets.commit(draft, onto);
  };
  const commit = (onto: 'base' | 'latest') => {
    setFailure(undefined);
    make(onto).then(reload, setFailure);
  };
  const isDone = upload.state === 'done';
  useEffect(() => {
    if (isDone && !begun.current) {
      begun.current = true;
      commit('base');
    }
    // `commit` is a new function at each render.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isDone]);
  return { failure, commit, unpacking };
}

/** A draft that nothing is sent to from here: a browser forgets after a reload which files a person had chosen. */
function CutOff({
  draft,
  goOn,
  reload,
  discard
}: {
  draft: DatasetDraft;
  goOn: (upload: Upload) => void;
  reload: () => void;
  discard: () => void;
}): JSX.Element {
  const himalia = useHimalia();
  const { datasets, live, trans } = himalia;
  const { changed, uploads, imports } = draft.status;
  const running = imports.some(each => !ENDED.includes(each.state));
  useEffect(() => {
    const following = live.follow(`draft:${draft.id}`, {
      onMessage: message =>
        message.type === 'progress' && ENDED.includes(message.data.state ?? '') && reload(),
      onResumed: reload
    });
    return () => following.dispose();
  }, [live, draft.id, reload]);
  const there = trans._n(
    '%1 file (%2) has arrived',
    '%1 files (%2) have arrived',
    changed.files,
    bytes(changed.size)
  );
  return (
    <>
      <div className="hm-Upload-line">
        <span>
          {trans.__('Unfinished upload of %1:', draft.created_by.name)} {there}
          {uploads.length > 0 && ` ${trans._n('and %1 in part', 'and %1 in part', uploads.length)}`} ·{' '}
          <When at={draft.updated_at} />
        </span>
        <span className="hm-Upload-actions">
          {changed.files > 0 && !running && (
            <Button
              title={trans.__('Make a version of the files that have arrived')}
              onClick={() =>
                void told(() => datasets.commit(draft), trans.__('No version was made.'), trans).then(reload)
              }
            >
              {trans.__('Use what is there')}
            </Button>
          )}
          <Button onClick={discard}>{trans.__('Discard')}</Button>
        </span>
      </div>
      <Dropzone
        onChosen={({ files }) =>
          void told(
            async () => goOn(datasets.upload(draft, await datasets.missing(draft, files))),
            trans.__('The upload does not go on.'),
            trans
          )
        }
      >
        <p>{trans.__('Choose the same files again to go on: what has arrived is not sent again.')}</p>
      </Dropzone>
    </>
  );
}
