import { PathExt } from '@jupyterlab/coreutils';
import { FileDialog } from '@jupyterlab/filebrowser';
import { type FormEvent, useRef, useState } from 'react';

import type { Experiment, ExperimentSpec, Page, Profile, Runnable } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { InputFields, type InputRow, readInputs } from '../jobs/inputs';
import { type Choice, defaultSize, firstChoice, ProfileFields } from '../jobs/profiles';
import { saveOpen, sendCode } from '../jobs/run';
import { FormToCome } from '../jobs/runform';
import { Failure } from '../ui/basics';
import { useLoaded } from '../ui/hooks';
import { FormFooter, openModal } from '../ui/modal';
import { useFocus, useSending } from '../ui/sending';
import { firstGoal, type Goal, type ReadGoal, readGoal } from './goal';
import { GoalFields } from './goalfields';
import { guessSpace, metricsIn, readSpace, type SpaceRow } from './space';
import { SpaceFields } from './spacefields';

/** Ask which parameters of a notebook are to be searched, then search and open the experiment. */
export function searchParameters(himalia: Himalia, path: string): void {
  const title = himalia.trans.__('Search parameters of “%1”', PathExt.basename(path));
  openModal(himalia, title, close => <Prepared path={path} close={close} />);
}

/** Let the person choose the notebook first. */
export async function searchFile(himalia: Himalia): Promise<void> {
  const { docManager, trans } = himalia;
  const { value } = await FileDialog.getOpenFiles({
    manager: docManager,
    title: trans.__('Search the parameters of which notebook?'),
    label: trans.__('You choose which of its parameters, and within which range, next.'),
    filter: model => (/\.ipynb$/.test(model.path) || model.type === 'directory' ? {} : null)
  });
  const file = value?.find(model => model.type !== 'directory');
  if (file) {
    searchParameters(himalia, docManager.services.contents.localPath(file.path));
  }
}

interface Ready {
  runnable: Runnable;
  profiles: Profile[];
  samplers: string[];
  /** The notebook's own code, to guess from. */
  source: string;
}

function Prepared({ path, close }: { path: string; close: () => void }): JSX.Element {
  const himalia = useHimalia();
  const { value, error, reload } = useLoaded(() => prepare(himalia, path), [path]);
  if (error || !value) {
    return <FormToCome error={error} retry={reload} close={close} />;
  }
  return (
    <SearchForm
      ready={value}
      cancel={close}
      submit={async (wish, tell) => {
        const made = await submit(himalia, value.runnable, wish, tell);
        close();
        const { project, name } = made;
        await himalia.app.commands.execute('himalia:experiment-open', { project, name });
      }}
    />
  );
}

async function prepare(himalia: Himalia, path: string): Promise<Ready> {
  const { app, client, server } = himalia;
  await saveOpen(himalia, path);
  const [runnable, profiles, samplers, file] = await Promise.all([
    server.describe(path),
    client.get<Page<Profile>>('/profiles'),
    client.get<Page<string>>('/samplers'),
    app.serviceManager.contents.get(path, { type: 'notebook', content: true })
  ]);
  const { cells } = file.content as { cells: { cell_type: string; source: string | string[] }[] };
  const code = cells.filter(cell => cell.cell_type === 'code').map(({ source }) => [source].flat().join(''));
  return { runnable, profiles: profiles.items, samplers: samplers.items, source: code.join('\n') };
}

interface Wish {
  name: string;
  space: ExperimentSpec['space'];
  inputs: { [name: string]: string };
  choice: Choice;
  goal: ReadGoal;
}

async function submit(
  himalia: Himalia,
  runnable: Runnable,
  { name, space, inputs, choice, goal }: Wish,
  tell: (step: string) => void
): Promise<Experiment> {
  const { project, snapshot } = await sendCode(himalia, runnable.path, tell);
  const job = {
    kind: runnable.kind,
    notebook: PathExt.basename(runnable.path),
    ...choice,
    snapshot: snapshot.digest,
    requirements: snapshot.requirements,
    ...(Object.keys(inputs).length > 0 ? { inputs } : {})
  };
  const spec = { job, space, ...goal };
  return himalia.experiments.create(project, name ? { name, spec } : { spec });
}

interface SearchFormProps {
  ready: Ready;
  submit: (wish: Wish, tell: (step: string) => void) => Promise<void>;
  cancel: () => void;
}

const FIELDS = [
  'name',
  'metric',
  'seed',
  'timeout_s',
  'trials',
  'parallel',
  'sampler',
  'pruner',
  'warmup_steps',
  'profile',
  'size',
  'inputs',
  'space'
];

/** One form for a search, filled with the best guess: what is searched, what is better, how long, and where. */
function SearchForm({ ready, submit: send, cancel }: SearchFormProps): JSX.Element {
  const { page, trans } = useHimalia();
  const { runnable, profiles, samplers, source } = ready;
  const [rows, setRows] = useState<SpaceRow[]>(() => guessSpace(runnable.parameters));
  const [goal, setGoal] = useState<Goal>(() => firstGoal(source));
  const [inputs, setInputs] = useState<InputRow[]>([]);
  const [choice, setChoice] = useState(() => firstChoice(profiles, page, runnable.kernel?.name));
  const form = useRef<HTMLFormElement>(null);
  const sending = useSending([...rows.map(row => row.name), ...FIELDS]);
  useFocus(form, sending.errors);
  const read = {
    space: readSpace(rows, goal.sampler, trans),
    goal: readGoal(goal, trans),
    inputs: readInputs(inputs, trans)
  };
  const wrong = { ...read.space.errors, ...read.goal.errors, ...read.inputs.errors };
  const errors = sending.still(wrong);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    sending.send(
      tell =>
        send(
          {
            name: goal.name.trim(),
            space: read.space.space,
            inputs: read.inputs.inputs,
            choice,
            goal: read.goal.goal
          },
          tell
        ),
      wrong
    );
  };
  return (
    <form className="hm-RunForm" ref={form} onSubmit={onSubmit} noValidate>
      <div className="hm-RunForm-body">
        {sending.failure && <Failure error={sending.failure} />}
        <SpaceFields rows={rows} onRows={setRows} onGrid={goal.sampler === 'grid'} errors={errors} />
        <GoalFields
          goal={goal}
          onGoal={setGoal}
          metrics={metricsIn(source)}
          samplers={samplers}
          errors={errors}
        />
        <InputFields wanted={runnable.inputs} rows={inputs} onRows={setInputs} errors={errors} />
        <fieldset>
          <legend>{trans.__('Where each trial runs')}</legend>
          <ProfileFields profiles={profiles} choice={choice} onChoice={setChoice} errors={errors} />
        </fieldset>
      </div>
      <FormFooter
        step={sending.step}
        accept={trans.__('Search')}
        disabled={sending.step !== undefined || defaultSize(profiles, choice.profile) === undefined}
        cancel={cancel}
      />
    </form>
  );
}
