import { type FormEvent, useState } from 'react';

import type { Found } from '../api/resources';
import type { Job, Model, OutputFile, Page } from '../api/types';
import type { Himalia } from '../context';
import { deploy } from '../endpoints/deploy';
import { jobPath } from '../jobs/model';
import { isActive } from '../jobs/states';
import { Empty, Failure, Loading } from '../ui/basics';
import { SearchField } from '../ui/fields';
import { useLoaded } from '../ui/hooks';
import { FormFooter, openModal } from '../ui/modal';
import { isModelFile, modelFolder, type ModelSource, registerModel } from './register';

const MOST_OFFERED = 50;

/** Ask which model is to be deployed, and deploy its newest version. */
export function deployChosen(himalia: Himalia): void {
  const { models, projects, trans } = himalia;
  const project = projects.current?.name ?? '';
  choose<Model>(himalia, {
    title: trans.__('Deploy a model'),
    label: trans.__('Model'),
    accept: trans.__('Deploy'),
    none: trans.__('There is no model with a version yet. Register one on a job or an experiment.'),
    find: async text => {
      const { values, more } = await models.search(project, text, ({ status }) => status.latest !== null);
      const found = values.map(name => models.find(project, name)).filter(each => each !== undefined);
      return { choices: found.map(value => ({ value, text: value.name })), more };
    },
    about: ({ status }) => trans.__('Its newest version is %1.', status.latest ?? 0),
    act: model => deployNewest(himalia, model)
  });
}

/** Deploy a model's newest version. */
export async function deployNewest(himalia: Himalia, model: Model): Promise<void> {
  const [newest] = (await himalia.models.versions(model, { limit: 1 })).items;
  await deploy(himalia, newest);
}

interface Source {
  name: string;
  source: ModelSource;
}

/** Ask which job or search left the model that is to be registered. */
export function registerChosen(himalia: Himalia): void {
  const { experiments, jobs, projects, trans } = himalia;
  const project = projects.current?.name ?? '';
  choose<Source>(himalia, {
    title: trans.__('Register a model'),
    label: trans.__('Left by'),
    accept: trans.__('Go on'),
    none: trans.__('No job and no search has ended with a result yet. Run a notebook first.'),
    find: async typed => {
      // What a choice says behind the name is no part of it.
      const text = typed.split(' (')[0];
      const [searches, ended] = await Promise.all([
        experiments.list(project, { text, limit: MOST_OFFERED }),
        jobs.list(project, { text, limit: MOST_OFFERED, state: 'SUCCEEDED' })
      ]);
      const trials = searches.items.flatMap(({ name, status }) =>
        (status.best ?? []).slice(0, 1).map(({ number }) => ({
          value: { name, source: { trial: { experiment: name, number } } },
          text: trans.__('%1 (best trial: %2)', name, number)
        }))
      );
      const others = ended.items.map(({ name }) => ({
        value: { name, source: { job: name } },
        text: trans.__('%1 (job)', name)
      }));
      return {
        choices: [...trials, ...others],
        more: Boolean(searches.next_page_token ?? ended.next_page_token)
      };
    },
    act: ({ name, source }) => registerModel(himalia, project, name, source)
  });
}

/** Whether a job left a model. */
export function leftModel({ status }: Job): boolean {
  return !isActive(status.state) && (status.outputs?.models ?? 0) > 0;
}

/** Register the model that a job left; of several, the person chooses one. */
export function registerOfJob(himalia: Himalia, job: Job): void {
  const { client, trans } = himalia;
  const { project, name, status } = job;
  if (status.outputs?.models === 1) {
    registerModel(himalia, project, name, { job: name });
    return;
  }
  choose<string>(himalia, {
    title: trans.__('Register a model'),
    label: trans.__('Folder'),
    accept: trans.__('Go on'),
    none: trans.__('This job left no model.'),
    find: async text => {
      const { items } = await client.get<Page<OutputFile>>(jobPath(project, name, 'outputs'));
      const folders = items.filter(({ path }) => isModelFile(path)).map(({ path }) => modelFolder(path));
      const found = folders.filter(folder => folder.includes(text));
      return { choices: found.map(folder => ({ value: folder, text: folder })), more: false };
    },
    act: path => registerModel(himalia, project, name, { job: name, path })
  });
}

interface Choosing<T> {
  title: string;
  label: string;
  accept: string;
  /** What to say when there is nothing to choose from. */
  none: string;
  /** Those that have a text in their name; all where it is empty, the newest first. */
  find: (text: string) => Promise<{ choices: { value: T; text: string }[]; more: boolean }>;
  /** More on what is chosen. */
  about?: (chosen: T) => string;
  act: (chosen: T) => unknown;
}

function choose<T>(himalia: Himalia, choosing: Choosing<T>): void {
  openModal(himalia, choosing.title, close => <ChooseForm {...choosing} close={close} />);
}

/** One thing of those that are there; the newest is the first guess. */
function ChooseForm<T>({
  label,
  accept,
  none,
  find,
  about,
  act,
  close
}: Choosing<T> & { close: () => void }): JSX.Element {
  const [known, setKnown] = useState<ReadonlyMap<string, T>>(new Map());
  const search = async (text: string): Promise<Found> => {
    const { choices, more } = await find(text);
    setKnown(before => new Map([...before, ...choices.map(each => [each.text, each.value] as const)]));
    return { values: choices.map(each => each.text), more };
  };
  const { value: first, error, reload } = useLoaded(() => search(''), []);
  const [typed, setTyped] = useState<string>();
  const name = typed ?? first?.values[0] ?? '';
  const chosen = known.get(name.trim());
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (chosen !== undefined) {
      close();
      void act(chosen);
    }
  };
  return (
    <form className="hm-RunForm" onSubmit={onSubmit} noValidate>
      <div className="hm-RunForm-body">
        {error && <Failure error={error} retry={reload} />}
        {!first && !error && <Loading />}
        {first?.values.length === 0 && <Empty>{none}</Empty>}
        {first && first.values.length > 0 && (
          <SearchField
            label={label}
            description={chosen === undefined ? undefined : about?.(chosen)}
            search={search}
            value={name}
            onValue={setTyped}
          />
        )}
      </div>
      <FormFooter step={undefined} accept={accept} disabled={chosen === undefined} cancel={close} />
    </form>
  );
}
