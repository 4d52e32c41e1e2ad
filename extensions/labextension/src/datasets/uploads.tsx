import { useEffect } from 'react';

import type { Dataset, DatasetDraft } from '../api/types';
import { useHimalia } from '../context';
import { Bar, Button, Failure, When } from '../ui/basics';
import { ask, confirm, told } from '../ui/confirm';
import { Dropzone } from '../ui/dropzone';
import { type Chosen, oneArchive } from '../ui/files';
import { bytes } from '../ui/format';
import { useLoaded, useNow, useSignal } from '../ui/hooks';
import { hasEnded, hasFailed } from './imports';
import { chooseInLab, LabTransfer } from './labfiles';
import type { Upload } from './upload';

/** What was touched within this time is being sent from elsewhere. */
const QUIET_MS = 60_000;

interface UploadsProps {
  dataset: Dataset;
  /** The dataset goes with its first upload. */
  close: () => void;
}

/** What is on its way into a dataset: uploads of this page, of others, and those that a reload or a closed tab cut off. */
export function Uploads({ dataset, close }: UploadsProps): JSX.Element | null {
  const { datasets } = useHimalia();
  useSignal(datasets.uploadsChanged);
  const { value, error, reload } = useLoaded(signal => datasets.drafts(dataset, signal), [datasets, dataset]);
  useEffect(() => {
    datasets.uploadsChanged.connect(reload);
    return () => void datasets.uploadsChanged.disconnect(reload);
  }, [datasets, reload]);
  const own = datasets.uploadsOf(dataset);
  const others = (value?.items ?? []).filter(draft => !datasets.hasUploaded(draft.id));
  if (own.length + others.length === 0) {
    return error ? <Failure error={error} retry={reload} /> : null;
  }
  return (
    <div className="hm-Uploads">
      {own.map(upload => (
        <section className="hm-Upload" key={upload.draft.id}>
          <Sending upload={upload} close={close} />
        </section>
      ))}
      {others.map(draft => (
        <section className="hm-Upload" key={draft.id}>
          <NotSending draft={draft} reload={reload} />
        </section>
      ))}
    </div>
  );
}

/** Forget a draft, after a question where something has arrived. */
function useDiscard(
  draft: DatasetDraft,
  arrived: string,
  after: (gone: boolean) => void
): () => Promise<void> {
  const { datasets, trans } = useHimalia();
  return async () => {
    const agreed =
      !arrived ||
      (await confirm(
        trans.__('Discard the upload of %1?', draft.created_by.name),
        trans.__('%1 into “%2”. They go, and cannot be brought back.', arrived, draft.dataset),
        trans.__('Discard'),
        trans
      ));
    if (agreed) {
      const gone = await told(
        () => datasets.discard(draft),
        trans.__('The upload was not discarded.'),
        trans
      );
      after(gone === true);
    }
  };
}

/** An upload of this page: how far it is, and what can be done where it stopped. */
function Sending({ upload, close }: { upload: Upload; close: () => void }): JSX.Element {
  const { trans } = useHimalia();
  useSignal(upload.changed);
  const { stage, error, message, transfer } = upload;
  const { sent, bytes: all, files } = transfer;
  const done = all > 0 ? sent.bytes / all : sent.files / Math.max(1, files);
  const arrived = trans._n(
    '%1 file (%2) has arrived',
    '%1 files (%2) have arrived',
    sent.files,
    bytes(sent.bytes)
  );
  const discard = useDiscard(upload.draft, sent.bytes > 0 ? arrived : '', gone => gone && close());
  return (
    <>
      <div className="hm-Upload-line">
        <span role="status">{message || stageText(upload, trans)}</span>
        {files > 0 && (
          <span className="hm-Quiet">
            {trans.__('%1 of %2 files, %3 of %4', sent.files, files, bytes(sent.bytes), bytes(all))}
          </span>
        )}
        <span className="hm-Upload-actions">
          {stage === 'sending' && <Button onClick={() => upload.pause()}>{trans.__('Pause')}</Button>}
          {(stage === 'paused' || stage === 'failed') && (
            <Button kind="accept" onClick={() => upload.run()}>
              {stage === 'paused' ? trans.__('Resume') : trans.__('Try again')}
            </Button>
          )}
          {stage === 'behind' && (
            <Button kind="accept" onClick={() => upload.run('latest')}>
              {trans.__('Lay the changes over the newest version')}
            </Button>
          )}
          {stage !== 'making' && <Button onClick={discard}>{trans.__('Discard')}</Button>}
        </span>
      </div>
      {files > 0 && <Bar value={done} label={trans.__('Upload')} />}
      {error && <Failure error={error} />}
    </>
  );
}

function stageText({ stage, transfer }: Upload, trans: ReturnType<typeof useHimalia>['trans']): string {
  return {
    sending: transfer instanceof LabTransfer ? trans.__('Adding the files…') : trans.__('Uploading…'),
    paused: trans.__('The upload is paused.'),
    bringing: trans.__('Bringing the files in…'),
    making: trans.__('Making the version…'),
    done: trans.__('The version is made.'),
    failed: trans.__('The upload stopped.'),
    behind: trans.__('Somebody made a version meanwhile.')
  }[stage];
}

interface NotSendingProps {
  draft: DatasetDraft;
  reload: () => void;
}

/** A draft that nothing is sent to from here. */
function NotSending({ draft, reload }: NotSendingProps): JSX.Element {
  const { datasets, live, page, trans } = useHimalia();
  const { changed, uploads, imports } = draft.status;
  const importing = imports.find(each => !hasEnded(each.state));
  const refused = imports.length > 0 && hasFailed(imports[imports.length - 1].state);
  const quiet = useNow(QUIET_MS / 4) - Date.parse(draft.updated_at) > QUIET_MS;
  const elsewhere = !datasets.isOfPage(draft) && !quiet;
  const isOwn = draft.created_by.name === page.user;
  const canGoOn = isOwn && !elsewhere && !importing && !refused;
  useEffect(() => {
    const following = live.follow(`draft:${draft.id}`, {
      onMessage: message => message.type === 'progress' && hasEnded(message.data.state) && reload(),
      onResumed: reload
    });
    return () => following.dispose();
  }, [live, draft.id, reload]);
  // What seems to have ended may have sent more since this was read.
  useEffect(() => {
    if (quiet) {
      reload();
    }
  }, [quiet, reload]);
  const whole = trans._n(
    '%1 file (%2) has arrived',
    '%1 files (%2) have arrived',
    changed.files,
    bytes(changed.size)
  );
  const partly = uploads.map(({ path, offset, size }) =>
    trans.__('%1 of %2 of “%3”', bytes(offset), bytes(size), path)
  );
  const arrived = [...(changed.files > 0 || partly.length === 0 ? [whole] : []), ...partly].join(', ');
  // What could not be brought in is of no use.
  const counts = !refused && changed.files + uploads.length > 0;
  const discard = useDiscard(draft, counts ? arrived : '', reload);
  const who = draft.created_by.name;
  const stands = () => {
    const { message, archive, server_path: path } = importing ?? imports[imports.length - 1] ?? {};
    if (importing) {
      return [trans.__('Import of %1:', who), message ?? archive ?? path];
    }
    if (refused) {
      return [trans.__('The import of “%1” failed:', archive ?? path ?? ''), message];
    }
    return [
      elsewhere ? trans.__('%1 is uploading:', who) : trans.__('Unfinished upload of %1:', who),
      arrived
    ];
  };
  return (
    <>
      <div className="hm-Upload-line">
        <span>
          {stands().join(' ')} · <When at={draft.updated_at} />
        </span>
        <span className="hm-Upload-actions">
          {canGoOn && changed.files > 0 && <UseArrived draft={draft} />}
          <Button onClick={discard}>{refused ? trans.__('Remove') : trans.__('Discard')}</Button>
        </span>
      </div>
      {canGoOn && <GoOn draft={draft} />}
    </>
  );
}

/** Whether a single archive is to be unpacked; `undefined` when the person leaves it. */
function useAskUnpack(): (archive: string) => Promise<boolean | undefined> {
  const { trans } = useHimalia();
  return async archive => {
    const answer = await ask(
      trans.__('Unpack “%1”?', archive),
      trans.__('The files in it become the version. Otherwise the archive itself is the one file of it.'),
      [trans.__('Keep it packed'), trans.__('Unpack')],
      trans
    );
    return answer === undefined ? undefined : answer === 1;
  };
}

function UseArrived({ draft }: { draft: DatasetDraft }): JSX.Element {
  const { datasets, trans } = useHimalia();
  const askUnpack = useAskUnpack();
  const use = () =>
    told(
      async () => {
        const archive = await datasets.arrivedArchive(draft);
        const unpack = archive === undefined ? false : await askUnpack(archive);
        if (unpack !== undefined) {
          datasets.upload(draft, { files: [] }, unpack && archive !== undefined ? { archive } : undefined);
        }
      },
      trans.__('No version was made.'),
      trans
    );
  return (
    <Button title={trans.__('Make a version of the files that have arrived')} onClick={use}>
      {trans.__('Use what is there')}
    </Button>
  );
}

/** A browser forgets after a reload which files a person had chosen: they are chosen again. */
function GoOn({ draft }: { draft: DatasetDraft }): JSX.Element {
  const himalia = useHimalia();
  const { datasets, trans } = himalia;
  const askUnpack = useAskUnpack();
  const goOn = (chosen: Chosen) =>
    told(
      async () => {
        const archive = oneArchive(chosen);
        const unpack = archive === undefined ? false : await askUnpack(archive);
        if (unpack !== undefined) {
          const source = unpack && archive !== undefined ? { archive } : undefined;
          const files = await datasets.missing(draft, chosen.files);
          datasets.upload(draft, { files, labPaths: chosen.labPaths }, source);
        }
      },
      trans.__('The upload does not go on.'),
      trans
    );
  return (
    <Dropzone
      onChosen={chosen => void goOn(chosen)}
      chooseInLab={() => void chooseInLab(himalia).then(chosen => chosen && goOn(chosen))}
    >
      <p>{trans.__('Choose the same files again to go on: what has arrived is not sent again.')}</p>
    </Dropzone>
  );
}
