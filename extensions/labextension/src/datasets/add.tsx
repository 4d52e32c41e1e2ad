import { type FormEvent, useId, useState } from 'react';

import type { Dataset, DatasetDraft } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Failure } from '../ui/basics';
import { TextField } from '../ui/fields';
import { type Chosen, nameFrom } from '../ui/files';
import { useLoaded } from '../ui/hooks';
import { FormFooter, openModal } from '../ui/modal';
import { useSending } from '../ui/sending';
import { chooseInLab } from './labfiles';
import { ChosenFiles, type Looked, sourceOf, Sources, useLooked } from './sources';

/** So many names are offered while one types. */
const MOST_OFFERED = 50;

/** Ask which dataset gets what was chosen, a new one or one that is there; begin its upload and open it. */
export function addDataset(himalia: Himalia, chosen?: Chosen): void {
  const { projects, trans } = himalia;
  const title = chosen?.labPaths ? trans.__('Add as dataset') : trans.__('New dataset');
  openModal(himalia, title, close => (
    <NewDataset
      chosen={chosen}
      project={projects.current?.name ?? ''}
      chooseInLab={() => chooseOutside(himalia, close, found => addDataset(himalia, found))}
      submit={async (files, into) => {
        const isNew = typeof into === 'string';
        const dataset = isNew ? await makeAndUpload(himalia, into, files) : into.dataset;
        if (!isNew) {
          await uploadVersion(himalia, into, files);
        }
        close();
        const { project, name } = dataset;
        await himalia.app.commands.execute('himalia:dataset-open', { project, name });
      }}
      close={close}
    />
  ));
}

/** Ask for the files of a dataset's next version, and begin its upload. */
export function addVersion(himalia: Himalia, dataset: Dataset, chosen?: Chosen): void {
  const title = himalia.trans.__('New version of “%1”', dataset.name);
  openModal(himalia, title, close => (
    <NewVersion
      dataset={dataset}
      chosen={chosen}
      chooseInLab={() => chooseOutside(himalia, close, found => addVersion(himalia, dataset, found))}
      submit={async (files, keep) => {
        await uploadVersion(himalia, { dataset, keep }, files);
        close();
      }}
      close={close}
    />
  ));
}

/** Lab's own dialog would stand behind ours: ours gives way, and comes back with what was chosen. */
async function chooseOutside(
  himalia: Himalia,
  close: () => void,
  open: (chosen: Chosen | undefined) => void
): Promise<void> {
  close();
  open(await chooseInLab(himalia));
}

/** The next version of a dataset; with `keep`, the files of its latest stay. */
interface Next {
  dataset: Dataset;
  keep: boolean;
}

async function uploadVersion({ datasets }: Himalia, { dataset, keep }: Next, chosen: Chosen): Promise<void> {
  const base = keep ? dataset.status.latest?.number : undefined;
  datasets.upload(await datasets.begin(dataset, base), chosen, sourceOf(chosen));
}

async function makeAndUpload(himalia: Himalia, name: string, chosen: Chosen): Promise<Dataset> {
  const { datasets, projects } = himalia;
  const dataset = await datasets.create(projects.current?.name ?? '', { name });
  datasets.upload(await begun(himalia, dataset), chosen, sourceOf(chosen), true);
  return dataset;
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
  project: string;
  chooseInLab: () => void;
  submit: (chosen: Chosen, into: string | Next) => Promise<void>;
  close: () => void;
}

function NewDataset({ chosen: first, project, chooseInLab, submit, close }: NewProps): JSX.Element {
  const { datasets, trans } = useHimalia();
  const list = useId();
  const [chosen, setChosen] = useState(first);
  const [typed, setTyped] = useState<string>();
  const [keep, setKeep] = useState<boolean>();
  const looked = useLooked(chosen);
  const form = useSending(['name']);
  const name = typed ?? nameFrom(chosen?.name ?? '');
  const { value: known, error } = useLoaded(
    async () => ({ name, ...(await datasets.list(project, { text: name, limit: MOST_OFFERED })) }),
    [datasets, project, name]
  );
  const there = known?.items.find(each => each.name === name);
  // Who adds a dataset's own folder again means what is in it now.
  const keeps = keep ?? (chosen !== undefined && nameFrom(chosen.name) !== there?.name);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (chosen && name) {
      form.send(() => submit(chosen, there ? { dataset: there, keep: keeps } : name));
    }
  };
  return (
    <AddForm
      {...{ chosen, looked, form, chooseInLab, send, close }}
      onChosen={setChosen}
      isReady={name !== '' && (known?.name === name || error !== undefined)}
    >
      <TextField
        label={trans.__('Name')}
        error={form.errors.name}
        description={
          there
            ? trans.__('There is a dataset of this name: it gets a new version.')
            : trans.__(
                'Lowercase letters, digits and dashes. A dataset of that name gets a new version; otherwise it is made.'
              )
        }
        choices={{ id: list, values: known?.items.map(each => each.name) ?? [] }}
        value={name}
        hasFocus
        onValue={setTyped}
      />
      {there && <Keep dataset={there} keep={keeps} onKeep={setKeep} />}
    </AddForm>
  );
}

interface NewVersionProps {
  dataset: Dataset;
  chosen: Chosen | undefined;
  chooseInLab: () => void;
  submit: (chosen: Chosen, keep: boolean) => Promise<void>;
  close: () => void;
}

function NewVersion({ dataset, chosen: first, chooseInLab, submit, close }: NewVersionProps): JSX.Element {
  const [chosen, setChosen] = useState(first);
  const [keep, setKeep] = useState(true);
  const looked = useLooked(chosen);
  const form = useSending();
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (chosen) {
      form.send(() => submit(chosen, keep && dataset.status.latest !== null));
    }
  };
  return (
    <AddForm {...{ chosen, looked, form, chooseInLab, send, close }} onChosen={setChosen} isReady>
      <Keep dataset={dataset} keep={keep} onKeep={setKeep} />
    </AddForm>
  );
}

interface AddFormProps {
  chosen: Chosen | undefined;
  onChosen: (chosen: Chosen | undefined) => void;
  looked: Looked;
  form: ReturnType<typeof useSending>;
  chooseInLab: () => void;
  isReady: boolean;
  send: (event: FormEvent) => void;
  close: () => void;
  /** What is asked about what was chosen. */
  children: React.ReactNode;
}

function AddForm(props: AddFormProps): JSX.Element {
  const { chosen, onChosen, looked, form, isReady, send, close, children } = props;
  const { trans } = useHimalia();
  return (
    <form className="hm-RunForm" onSubmit={send} noValidate>
      <div className="hm-RunForm-body">
        {form.failure && <Failure error={form.failure} />}
        {chosen ? (
          <ChosenFiles chosen={chosen} looked={looked} onChosen={onChosen} />
        ) : (
          <Sources onChosen={onChosen} chooseInLab={props.chooseInLab} />
        )}
        {chosen && children}
      </div>
      <FormFooter
        step={form.step}
        accept={chosen?.labPaths ? trans.__('Add') : trans.__('Upload')}
        disabled={!isReady || !looked.isReady || form.step !== undefined}
        cancel={close}
      />
    </form>
  );
}

interface KeepProps {
  dataset: Dataset;
  keep: boolean;
  onKeep: (keep: boolean) => void;
}

/** Whether a new version also holds the files of the latest, where there is one. */
function Keep({ dataset, keep, onKeep }: KeepProps): JSX.Element | null {
  const { trans } = useHimalia();
  const { latest } = dataset.status;
  if (!latest) {
    return null;
  }
  const choices: [boolean, string][] = [
    [true, trans.__('Add to the files of version %1, in place of those with the same path', latest.number)],
    [false, trans.__('Only these files')]
  ];
  return (
    <fieldset>
      <legend>{trans.__('What the new version holds')}</legend>
      {choices.map(([value, text]) => (
        <label key={String(value)} className="hm-Check">
          <input type="radio" name="keep" checked={keep === value} onChange={() => onKeep(value)} /> {text}
        </label>
      ))}
    </fieldset>
  );
}
