import { type FormEvent, useState } from 'react';

import type { Dataset, DatasetDraft } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Button, Failure } from '../ui/basics';
import { Dropzone } from '../ui/dropzone';
import { type Chosen, isOneArchive, nameFrom, sizeOf } from '../ui/files';
import { Field } from '../ui/form';
import { bytes } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { FormFooter, openModal } from '../ui/modal';
import { useSending } from '../ui/sending';
import type { Source } from './upload';

/** Ask what a new dataset is called, make it, begin its upload and open it. */
export function addDataset(himalia: Himalia, chosen?: Chosen): void {
  openModal(himalia, himalia.trans.__('New dataset'), close => (
    <NewDataset chosen={chosen} submit={(name, files) => create(himalia, name, files, close)} close={close} />
  ));
}

async function create(himalia: Himalia, name: string, chosen: Chosen, close: () => void): Promise<void> {
  const { datasets, projects } = himalia;
  const project = projects.current?.name ?? '';
  const dataset = await datasets.create(project, { name });
  const draft = await begun(himalia, dataset);
  datasets.upload(draft, chosen.files, sourceOf(chosen));
  close();
  await himalia.app.commands.execute('himalia:dataset-open', { project, name: dataset.name });
}

/** A draft of a dataset that was just made; without one it would stand there empty, and in the way of its name. */
async function begun({ datasets }: Himalia, dataset: Dataset): Promise<DatasetDraft> {
  try {
    return await datasets.begin(dataset);
  } catch (error) {
    await datasets.remove(dataset).catch(() => undefined);
    throw error;
  }
}

interface NewProps {
  chosen: Chosen | undefined;
  submit: (name: string, chosen: Chosen) => Promise<void>;
  close: () => void;
}

function NewDataset({ chosen: first, submit, close }: NewProps): JSX.Element {
  const { trans } = useHimalia();
  const [chosen, setChosen] = useState(first);
  const [typed, setTyped] = useState<string>();
  const form = useSending(['name']);
  const name = typed ?? nameFrom(chosen?.name ?? '');
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (chosen && name) {
      form.send(() => submit(name, chosen));
    }
  };
  return (
    <form className="hm-RunForm" onSubmit={send} noValidate>
      <div className="hm-RunForm-body">
        {form.failure && <Failure error={form.failure} />}
        {chosen ? <ChosenFiles chosen={chosen} onChosen={setChosen} /> : <Sources onChosen={setChosen} />}
        {chosen && (
          <Field
            label={trans.__('Name')}
            error={form.errors.name}
            description={trans.__('Small letters, digits and hyphens. Code finds the dataset by it.')}
          >
            {attributes => (
              <input
                {...attributes}
                className="hm-Input"
                type="text"
                autoComplete="off"
                spellCheck={false}
                // eslint-disable-next-line jsx-a11y/no-autofocus -- the one field of a dialog that was asked for
                autoFocus
                value={name}
                onChange={event => setTyped(event.target.value)}
              />
            )}
          </Field>
        )}
      </div>
      <FormFooter
        step={form.step}
        accept={trans.__('Upload')}
        disabled={!chosen || !name || form.step !== undefined}
        cancel={close}
      />
    </form>
  );
}

/** Where files can come from: the person's own machine and, where that is open, the platform's. */
function Sources({ onChosen }: { onChosen: (chosen: Chosen) => void }): JSX.Element {
  const { datasets, trans } = useHimalia();
  const [path, setPath] = useState('');
  const { value: open = [] } = useLoaded(signal => datasets.importPaths(signal), [datasets]);
  const take = () => {
    const serverPath = path.trim().replace(/(?<=.)\/+$/, '');
    onChosen({ name: serverPath.split('/').pop() ?? '', files: [], serverPath });
  };
  return (
    <>
      <Dropzone onChosen={onChosen} />
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

/** What was chosen, and for a single archive whether to unpack it. */
function ChosenFiles({
  chosen,
  onChosen
}: {
  chosen: Chosen;
  onChosen: (chosen: Chosen | undefined) => void;
}): JSX.Element {
  const { trans } = useHimalia();
  const count = chosen.files.length;
  return (
    <>
      <p className="hm-Chosen">
        <span>
          {chosen.name && <strong>{chosen.name}</strong>}{' '}
          {chosen.serverPath ?? trans._n('%1 file, %2', '%1 files, %2', count, bytes(sizeOf(chosen.files)))}
        </span>
        <Button kind="quiet" onClick={() => onChosen(undefined)}>
          {trans.__('Choose others')}
        </Button>
      </p>
      {isOneArchive(chosen) && (
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

/** What the service is to bring in by itself. */
function sourceOf(chosen: Chosen): Source | undefined {
  if (chosen.serverPath) {
    return { server_path: chosen.serverPath };
  }
  return isOneArchive(chosen) && !chosen.asItIs ? { archive: chosen.files[0].path } : undefined;
}

/** Ask for the files of a dataset's next version, and begin its upload. */
export function addVersion(himalia: Himalia, dataset: Dataset, chosen?: Chosen): void {
  const title = himalia.trans.__('New version of “%1”', dataset.name);
  openModal(himalia, title, close => (
    <NewVersion
      dataset={dataset}
      chosen={chosen}
      submit={async (files, keep) => {
        const { datasets } = himalia;
        const base = keep ? dataset.status.latest?.number : undefined;
        datasets.upload(await datasets.begin(dataset, base), files.files, sourceOf(files));
        close();
      }}
      close={close}
    />
  ));
}

interface NewVersionProps {
  dataset: Dataset;
  chosen: Chosen | undefined;
  submit: (chosen: Chosen, keep: boolean) => Promise<void>;
  close: () => void;
}

function NewVersion({ dataset, chosen: first, submit, close }: NewVersionProps): JSX.Element {
  const { trans } = useHimalia();
  const [chosen, setChosen] = useState(first);
  const [keep, setKeep] = useState(true);
  const form = useSending();
  const { latest } = dataset.status;
  const choices: [boolean, string][] = [
    [
      true,
      trans.__('Add to the files of version %1, in place of those with the same path', latest?.number ?? 0)
    ],
    [false, trans.__('Only these files')]
  ];
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (chosen) {
      form.send(() => submit(chosen, keep && latest !== null));
    }
  };
  return (
    <form className="hm-RunForm" onSubmit={send} noValidate>
      <div className="hm-RunForm-body">
        {form.failure && <Failure error={form.failure} />}
        {chosen ? <ChosenFiles chosen={chosen} onChosen={setChosen} /> : <Sources onChosen={setChosen} />}
        {chosen && latest && (
          <fieldset>
            <legend>{trans.__('What the new version holds')}</legend>
            {choices.map(([value, text]) => (
              <label key={String(value)} className="hm-Check">
                <input type="radio" name="keep" checked={keep === value} onChange={() => setKeep(value)} />{' '}
                {text}
              </label>
            ))}
          </fieldset>
        )}
      </div>
      <FormFooter
        step={form.step}
        accept={trans.__('Upload')}
        disabled={!chosen || form.step !== undefined}
        cancel={close}
      />
    </form>
  );
}
