import { type FormEvent, useMemo, useRef, useState } from 'react';

import { ApiError } from '../api/client';
import type { Json, Profile, Runnable } from '../api/types';
import { useHimalia } from '../context';
import { Button, Failure, Loading } from '../ui/basics';
import { bytes } from '../ui/format';
import { Draft, draftOf, Field, readDraft, SchemaForm } from '../ui/form';
import { FormFooter } from '../ui/modal';
import { type Errors, useFocus, useSending } from '../ui/sending';
import { InputFields, type InputRow, type Inputs, readInputs, rowsOf } from './inputs';
import { Choice, defaultSize, firstChoice, ProfileFields } from './profiles';

/** What stands in the form's place until what it needs is there. */
export function FormToCome({
  error,
  retry,
  close
}: {
  error: Error | undefined;
  retry: () => void;
  close: () => void;
}): JSX.Element {
  const { trans } = useHimalia();
  if (!error) {
    return <Loading />;
  }
  return (
    <>
      <Failure error={error} retry={retry} />
      <footer className="hm-RunForm-footer">
        <Button onClick={close}>{trans.__('Close')}</Button>
      </footer>
    </>
  );
}

/** What the form asks the person about. */
export interface Wish {
  name: string;
  parameters: { [name: string]: Json };
  inputs: Inputs;
  profile: string;
  size: string;
  useRequirements: boolean;
  replicas: number;
  retries: number;
  timeLimit: number | null;
}

/** What the form begins with where it is not the best guess. */
export interface Start {
  choice: Choice;
  replicas: string;
  retries: string;
  minutes: string;
}

export interface RunFormProps {
  runnable: Runnable;
  profiles: Profile[];
  /** Datasets to begin with, by the name that the code asks for. */
  inputs?: Inputs;
  start?: Start;
  /** Sends it; a step in words is told meanwhile. Throws what went wrong. */
  submit: (wish: Wish, tell: (step: string) => void) => Promise<void>;
  cancel: () => void;
}

interface Rest {
  name: string;
  replicas: string;
  retries: string;
  minutes: string;
}

const MOST_REPLICAS = 64;

/** The service says its limit in seconds. */
const LONGEST_MINUTES = 30 * 24 * 60;

/** Fields of the service's that stand in the form, beside the parameters. */
const FIELDS = ['name', 'profile', 'size', 'replicas', 'retries', 'time_limit_s', 'inputs'];

/** One form to run a notebook or script as a job: filled with the best guess, errors in words at their field. */
export function RunForm({
  runnable,
  profiles,
  inputs = {},
  start,
  submit,
  cancel
}: RunFormProps): JSX.Element {
  const { page, trans } = useHimalia();
  const [draft, setDraft] = useState<Draft>(() => draftOf(runnable.parameters));
  const [choice, setChoice] = useState<Choice>(
    () => start?.choice ?? firstChoice(profiles, page, runnable.kernel?.name)
  );
  const [rest, setRest] = useState<Rest>({
    name: '',
    replicas: start?.replicas ?? '1',
    retries: start?.retries ?? '0',
    minutes: start?.minutes ?? ''
  });
  const [rows, setRows] = useState<InputRow[]>(() => rowsOf(inputs));
  const [useRequirements, setUseRequirements] = useState(true);
  const { step, failure, errors, send } = useSending([
    ...Object.keys(runnable.parameters.properties ?? {}),
    ...FIELDS
  ]);
  const form = useRef<HTMLFormElement>(null);
  const read = useMemo(() => readDraft(runnable.parameters, draft, trans), [runnable, draft, trans]);
  useFocus(form, errors);

  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const numbers = readRest(rest, trans);
    const chosen = readInputs(rows, trans);
    const name = rest.name.trim();
    const where = { ...choice, useRequirements };
    send(
      tell =>
        submit({ name, parameters: read.values, inputs: chosen.inputs, ...where, ...numbers.values }, tell),
      { ...read.errors, ...chosen.errors, ...numbers.errors }
    );
  };
  return (
    <form className="hm-RunForm" ref={form} onSubmit={onSubmit} noValidate>
      <div className="hm-RunForm-body">
        {failure && <Refusal error={failure} />}
        <fieldset>
          <legend>{trans.__('Parameters')}</legend>
          <SchemaForm schema={runnable.parameters} draft={draft} onDraft={setDraft} errors={errors} />
          <NoParameters runnable={runnable} />
        </fieldset>
        <InputFields wanted={runnable.inputs} rows={rows} onRows={setRows} errors={errors} />
        <fieldset>
          <legend>{trans.__('Where it runs')}</legend>
          <ProfileFields profiles={profiles} choice={choice} onChoice={setChoice} errors={errors} />
          <Replicas rest={rest} onRest={setRest} errors={errors} />
          {runnable.requirements && (
            <label className="hm-Check">
              <input
                type="checkbox"
                checked={useRequirements}
                onChange={event => setUseRequirements(event.target.checked)}
              />{' '}
              {trans.__('Install the requirements.txt beside it')}
            </label>
          )}
        </fieldset>
        <More rest={rest} onRest={setRest} errors={errors} />
      </div>
      <FormFooter
        step={step}
        accept={trans.__('Run')}
        disabled={step !== undefined || defaultSize(profiles, choice.profile) === undefined}
        cancel={cancel}
      />
    </form>
  );
}

function NoParameters({ runnable: { kind, parameters } }: { runnable: Runnable }): JSX.Element | null {
  const { trans } = useHimalia();
  if (Object.keys(parameters.properties ?? {}).length > 0) {
    return null;
  }
  return (
    <p className="hm-Quiet">
      {kind === 'notebook'
        ? trans.__('None. Give a cell the tag “parameters”, and what it assigns can be set here.')
        : trans.__('A script runs as it is written.')}
    </p>
  );
}

interface MoreProps {
  rest: Rest;
  onRest: (rest: Rest) => void;
  errors: Errors;
}

function More({ rest, onRest, errors }: MoreProps): JSX.Element {
  const { trans } = useHimalia();
  const fields: [keyof Rest, string, string, string][] = [
    ['name', trans.__('Name'), trans.__('Made from the file’s name when left empty.'), errors.name],
    [
      'retries',
      trans.__('Retries'),
      trans.__('How often it is tried again after an error of its own.'),
      errors.retries
    ],
    ['minutes', trans.__('Time limit in minutes'), trans.__('No limit when left empty.'), errors.time_limit_s]
  ];
  return (
    <details>
      <summary>{trans.__('More')}</summary>
      {fields.map(([name, label, description, error]) => (
        <TextField
          key={name}
          label={label}
          description={description}
          error={error}
          number={name !== 'name'}
          value={rest[name]}
          onValue={value => onRest({ ...rest, [name]: value })}
        />
      ))}
    </details>
  );
}

function Replicas({ rest, onRest, errors }: MoreProps): JSX.Element {
  const { trans } = useHimalia();
  return (
    <TextField
      label={trans.__('Replicas')}
      description={trans.__(
        'More than 1 makes the job distributed: as many ranks start together, each with the whole size.'
      )}
      error={errors.replicas}
      number
      value={rest.replicas}
      onValue={replicas => onRest({ ...rest, replicas })}
    />
  );
}

interface TextFieldProps {
  label: string;
  description: string;
  error: string | undefined;
  number: boolean;
  value: string;
  onValue: (value: string) => void;
}

function TextField({ label, description, error, number, value, onValue }: TextFieldProps): JSX.Element {
  return (
    <Field label={label} description={description} error={error}>
      {attributes => (
        <input
          {...attributes}
          className="hm-Input"
          type="text"
          autoComplete="off"
          inputMode={number ? 'decimal' : undefined}
          value={value}
          onChange={event => onValue(event.target.value)}
        />
      )}
    </Field>
  );
}

/** A failure that belongs to no field; of a snapshot that is too large also its largest files. */
function Refusal({ error }: { error: Error }): JSX.Element {
  const largest =
    error instanceof ApiError && Array.isArray(error.details.largest) ? error.details.largest : [];
  return (
    <>
      <Failure error={error} />
      {largest.length > 0 && (
        <ul className="hm-RunForm-largest">
          {(largest as { path: string; size: number }[]).map(file => (
            <li key={file.path}>
              <code>{file.path}</code> {bytes(file.size)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function readRest(
  rest: Rest,
  trans: { __: (text: string, ...values: number[]) => string }
): { values: Pick<Wish, 'replicas' | 'retries' | 'timeLimit'>; errors: Errors } {
  const errors: Errors = {};
  const replicas = Number(rest.replicas.trim() || '1');
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > MOST_REPLICAS) {
    errors.replicas = trans.__('Write a whole number from 1 to %1.', MOST_REPLICAS);
  }
  const retries = Number(rest.retries.trim() || '0');
  if (!Number.isInteger(retries) || retries < 0) {
    errors.retries = trans.__('Write a whole number, such as 1.');
  }
  const minutes = rest.minutes.trim() === '' ? null : Number(rest.minutes);
  if (minutes !== null && !(minutes > 0 && minutes <= LONGEST_MINUTES)) {
    errors.time_limit_s = trans.__('Write a number of minutes, such as 30; at most %1.', LONGEST_MINUTES);
  }
  const timeLimit = minutes === null ? null : Math.ceil(minutes * 60);
  return { values: { replicas, retries, timeLimit }, errors };
}
