import { type FormEvent, useRef, useState } from 'react';

import type { Experiment } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { registerModel } from '../models/register';
import { Button, Failure } from '../ui/basics';
import { confirm, removeAsked, told } from '../ui/confirm';
import { TextField } from '../ui/fields';
import { FormFooter, openModal } from '../ui/modal';
import { useFocus, useSending } from '../ui/sending';

/** As many trials more as a new search has. */
const MORE = 30;

export function canStop({ status }: Experiment): boolean {
  return status.state === 'RUNNING';
}

export function canResume(experiment: Experiment): boolean {
  return !canStop(experiment);
}

/** End a search, after a question where the person wants one. */
export async function stop(himalia: Himalia, experiment: Experiment): Promise<void> {
  const { experiments, settings, trans } = himalia;
  const agreed =
    !settings.confirmStop ||
    (await confirm(
      trans.__('Stop “%1”?', experiment.name),
      trans.__('Trials that run now are stopped; what has ended is kept. It can be resumed.'),
      trans.__('Stop'),
      trans
    ));
  if (agreed) {
    await told(() => experiments.stop(experiment), trans.__('“%1” was not stopped.', experiment.name), trans);
  }
}

/** Go on with what is left of a search; where nothing is, ask for how many trials more. */
export async function resume(himalia: Himalia, experiment: Experiment): Promise<void> {
  const { experiments, trans } = himalia;
  if (isDone(experiment)) {
    openModal(himalia, trans.__('Run more trials of “%1”', experiment.name), close => (
      <MoreForm experiment={experiment} close={close} />
    ));
  } else {
    await told(
      () => experiments.resume(experiment),
      trans.__('“%1” was not resumed.', experiment.name),
      trans
    );
  }
}

/** Make the model that a trial left, the best one's when none is named, a version of a registered model. */
export function registerBest(
  himalia: Himalia,
  { project, name, status }: Experiment,
  number = status.best?.[0]?.number
): void {
  if (number !== undefined) {
    registerModel(himalia, project, name, { trial: { experiment: name, number } });
  }
}

function isDone({ status }: Experiment): boolean {
  return status.done >= status.total;
}

function MoreForm({ experiment, close }: { experiment: Experiment; close: () => void }): JSX.Element {
  const { experiments, trans } = useHimalia();
  const [typed, setTyped] = useState(String(MORE));
  const form = useRef<HTMLFormElement>(null);
  const { step, failure, errors, send } = useSending(['trials']);
  useFocus(form, errors);
  const more = Number(typed);
  const isCount = Number.isInteger(more) && more > 0;
  const { total } = experiment.status;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    send(
      async () => {
        await experiments.resume(experiment, { trials: total + more });
        close();
      },
      isCount ? {} : { trials: trans.__('Write a whole number, such as 30.') }
    );
  };
  return (
    <form className="hm-RunForm" ref={form} onSubmit={onSubmit} noValidate>
      <div className="hm-RunForm-body">
        {failure && <Failure error={failure} />}
        <TextField
          label={trans.__('More trials')}
          value={typed}
          error={errors.trials}
          description={
            isCount
              ? trans.__(
                  '%1 in all. It goes on from what it has learned from the %2 so far.',
                  total + more,
                  total
                )
              : undefined
          }
          onValue={setTyped}
        />
      </div>
      <FormFooter
        step={step}
        accept={isCount ? trans._n('Run %1 more trial', 'Run %1 more trials', more) : trans.__('Run')}
        disabled={step !== undefined}
        cancel={close}
      />
    </form>
  );
}

/** What can be done with a search as it is now. */
export function Actions({ experiment, close }: { experiment: Experiment; close: () => void }): JSX.Element {
  const himalia = useHimalia();
  const { app, experiments, trans } = himalia;
  const { project, name } = experiment;
  const open = () => app.commands.execute('himalia:experiment-open', { project, name });
  const remove = async () => {
    const gone = await removeAsked(
      experiment.name,
      trans.__('Its trials go with it. For 30 days it can be restored.'),
      {
        remove: () => experiments.remove(experiment),
        restore: () => experiments.restore(experiment).then(open)
      },
      trans
    );
    if (gone) {
      close();
    }
  };
  if (canStop(experiment)) {
    return (
      <Button kind="warn" onClick={() => stop(himalia, experiment)}>
        {trans.__('Stop')}
      </Button>
    );
  }
  return (
    <>
      <Button kind="accept" onClick={() => resume(himalia, experiment)}>
        {isDone(experiment) ? trans.__('Run %1 more trials…', MORE) : trans.__('Resume')}
      </Button>
      <Button onClick={() => remove()}>{trans.__('Delete')}</Button>
    </>
  );
}
