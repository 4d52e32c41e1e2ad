import { type FormEvent, useState } from 'react';

import type { Model } from '../api/types';
import type { Himalia } from '../context';
import { deploy } from '../endpoints/deploy';
import { Empty, Failure, Loading } from '../ui/basics';
import { ChoiceField } from '../ui/fields';
import { useLoaded } from '../ui/hooks';
import { FormFooter, openModal } from '../ui/modal';
import { type ModelSource, registerModel } from './register';

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
    load: async () => {
      const { items } = await models.list(project, { limit: 200 });
      return items
        .filter(each => each.status.latest !== null)
        .map(each => ({
          value: each,
          text: trans.__('%1, version %2', each.name, each.status.latest ?? 0)
        }));
    },
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
    load: async () => {
      const [searches, ended] = await Promise.all([
        experiments.list(project, { limit: MOST_OFFERED }),
        jobs.list(project, { limit: MOST_OFFERED, state: 'SUCCEEDED' })
      ]);
      const trials = searches.items.flatMap(({ name, status }) =>
        (status.best ?? []).slice(0, 1).map(({ number }) => ({
          value: { name, source: { trial: { experiment: name, number } } },
          text: trans.__('Experiment %1, best trial %2', name, number)
        }))
      );
      return [
        ...trials,
        ...ended.items.map(({ name }) => ({
          value: { name, source: { job: name } },
          text: trans.__('Job %1', name)
        }))
      ];
    },
    act: ({ name, source }) => registerModel(himalia, project, name, source)
  });
}

interface Choosing<T> {
  title: string;
  label: string;
  accept: string;
  /** What to say when there is nothing to choose from. */
  none: string;
  load: () => Promise<{ value: T; text: string }[]>;
  act: (chosen: T) => unknown;
}

function choose<T>(himalia: Himalia, choosing: Choosing<T>): void {
  openModal(himalia, choosing.title, close => <ChooseForm {...choosing} close={close} />);
}

/** One thing of those that are there, the newest first. */
function ChooseForm<T>({
  label,
  accept,
  none,
  load,
  act,
  close
}: Choosing<T> & { close: () => void }): JSX.Element {
  const { value, error, reload } = useLoaded(load, []);
  const [at, setAt] = useState(0);
  const chosen = value?.[at];
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (chosen) {
      close();
      void act(chosen.value);
    }
  };
  return (
    <form className="hm-RunForm" onSubmit={onSubmit} noValidate>
      <div className="hm-RunForm-body">
        {error && <Failure error={error} retry={reload} />}
        {!value && !error && <Loading />}
        {value?.length === 0 && <Empty>{none}</Empty>}
        {value && value.length > 0 && (
          <ChoiceField
            label={label}
            value={String(at)}
            choices={value.map(({ text }, place) => [String(place), text] as const)}
            onValue={place => setAt(Number(place))}
          />
        )}
      </div>
      <FormFooter step={undefined} accept={accept} disabled={!chosen} cancel={close} />
    </form>
  );
}
