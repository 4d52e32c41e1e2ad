import { useId } from 'react';

import { useHimalia } from '../context';
import { Button } from '../ui/basics';
import { ChoiceField, TextField } from '../ui/fields';
import type { Errors } from '../ui/sending';
import { type Goal, metricField, type Objective, objectiveOf } from './goal';

/** The service allows no more. */
const MOST_OBJECTIVES = 5;

interface GoalFieldsProps {
  goal: Goal;
  onGoal: (goal: Goal) => void;
  /** What the code logs, by the look of it. */
  metrics: string[];
  /** The kinds that this platform has. */
  samplers: string[];
  errors: Errors;
}

/** What is better, how many trials, and how the next values are chosen. */
export function GoalFields({ goal, onGoal, metrics, samplers, errors }: GoalFieldsProps): JSX.Element {
  const { trans } = useHimalia();
  const set = (change: Partial<Goal>) => onGoal({ ...goal, ...change });
  return (
    <fieldset>
      <legend>{trans.__('What is better')}</legend>
      <Objectives goal={goal} set={set} metrics={metrics} errors={errors} />
      <TextField
        label={trans.__('Trials')}
        value={goal.trials}
        error={errors.trials}
        onValue={trials => set({ trials })}
      />
      <TextField
        label={trans.__('At once')}
        value={goal.parallel}
        error={errors.parallel}
        onValue={parallel => set({ parallel })}
      />
      <details className="hm-Goal-more">
        <summary>{trans.__('More')}</summary>
        <How goal={goal} set={set} samplers={samplers} errors={errors} />
        <Limits goal={goal} set={set} errors={errors} />
        {goal.objectives.length < MOST_OBJECTIVES && (
          <Button onClick={() => set(withAnother(goal, metrics))}>{trans.__('Add another metric')}</Button>
        )}
      </details>
    </fieldset>
  );
}

interface PartProps {
  goal: Goal;
  set: (change: Partial<Goal>) => void;
  errors: Errors;
}

/** CMA-ES is for one objective alone. */
function withAnother({ objectives, sampler }: Goal, metrics: readonly string[]): Partial<Goal> {
  const free = metrics.find(each => objectives.every(({ metric }) => metric !== each)) ?? '';
  return {
    objectives: [...objectives, objectiveOf(free)],
    sampler: sampler === 'cmaes' ? 'tpe' : sampler
  };
}

function Objectives({ goal, set, metrics, errors }: PartProps & { metrics: string[] }): JSX.Element {
  const { trans } = useHimalia();
  const list = useId();
  const { objectives } = goal;
  const change = (at: number, objective: Objective) =>
    set({ objectives: objectives.map((each, of) => (of === at ? objective : each)) });
  return (
    <>
      {objectives.map(({ metric, direction }, at) => (
        // A place in the list is all that tells them apart while they are typed.
        <div key={at} className="hm-Objective">
          <TextField
            label={at === 0 ? trans.__('Metric') : trans.__('Metric %1', at + 1)}
            description={trans.__('As the code logs it: himalia.run.log("%1", value).', metric || 'accuracy')}
            error={errors[metricField(at)]}
            choices={{ id: `${list}-${at}`, values: metrics }}
            value={metric}
            onValue={typed => change(at, objectiveOf(typed))}
          />
          <ChoiceField
            label={at === 0 ? trans.__('Better is') : trans.__('Better is, of metric %1', at + 1)}
            value={direction}
            choices={[
              ['maximize', trans.__('more')],
              ['minimize', trans.__('less')]
            ]}
            onValue={value => change(at, { metric, direction: value as Objective['direction'] })}
          />
          {at > 0 && (
            <Button onClick={() => set({ objectives: objectives.filter((_, of) => of !== at) })}>
              {trans.__('Remove metric %1', at + 1)}
            </Button>
          )}
        </div>
      ))}
    </>
  );
}

/** How the next values are chosen, and which trials end early. */
function How({ goal, set, samplers, errors }: PartProps & { samplers: string[] }): JSX.Element {
  const { trans } = useHimalia();
  const isSingle = goal.objectives.length === 1;
  const words: { [kind: string]: string } = {
    tpe: trans.__('TPE: learns from earlier trials'),
    gp: trans.__('GP: for few, costly trials'),
    random: trans.__('Random'),
    grid: trans.__('Grid: every combination'),
    qmc: trans.__('QMC: evenly spread'),
    cmaes: trans.__('CMA-ES: for many numbers'),
    nsga2: trans.__('NSGA-II: generations')
  };
  return (
    <>
      <ChoiceField
        label={trans.__('Sampler')}
        value={goal.sampler}
        error={errors.sampler}
        choices={samplers
          .filter(kind => isSingle || kind !== 'cmaes')
          .map(kind => [kind, words[kind] ?? kind] as const)}
        onValue={sampler => set({ sampler })}
      />
      <TextField
        label={trans.__('Seed')}
        value={goal.seed}
        error={errors.seed}
        description={trans.__('The same number chooses the same values. One is drawn when left empty.')}
        onValue={seed => set({ seed })}
      />
      {isSingle && <Pruning goal={goal} set={set} errors={errors} />}
    </>
  );
}

/** Which trials end early. */
function Pruning({ goal, set, errors }: PartProps): JSX.Element {
  const { trans } = useHimalia();
  const kinds: { [kind: string]: [string, string?] } = {
    median: [
      trans.__('Median: ends what is worse than half'),
      trans.__(
        'Once 5 trials have run to their end, it ends a trial whose best value is worse than the median of theirs at the same step.'
      )
    ],
    hyperband: [
      trans.__('Hyperband'),
      trans.__('Like successive halving, in several groups: some are judged early, others late.')
    ],
    halving: [
      trans.__('Successive halving'),
      trans.__('Of the trials that reach steps 1, 3, 9 and so on, the best third goes on.')
    ],
    none: [trans.__('None: each trial runs to its end')]
  };
  return (
    <>
      <ChoiceField
        label={trans.__('Pruner')}
        value={goal.pruner}
        error={errors.pruner}
        description={kinds[goal.pruner]?.[1]}
        choices={Object.entries(kinds).map(([kind, [label]]) => [kind, label] as const)}
        onValue={pruner => set({ pruner })}
      />
      {goal.pruner === 'median' && (
        <TextField
          label={trans.__('Warm-up steps')}
          value={goal.warmup}
          error={errors.warmup_steps}
          description={trans.__('No trial is ended before this step: curves that begin badly may end well.')}
          onValue={warmup => set({ warmup })}
        />
      )}
    </>
  );
}

function Limits({ goal, set, errors }: PartProps): JSX.Element {
  const { trans } = useHimalia();
  return (
    <>
      <TextField
        label={trans.__('Time limit')}
        value={goal.limit}
        error={errors.timeout_s}
        description={trans.__('In minutes: after that no new trial begins. None when left empty.')}
        onValue={limit => set({ limit })}
      />
      <TextField
        label={trans.__('Name')}
        value={goal.name}
        error={errors.name}
        description={trans.__('Made from the file’s name when left empty.')}
        onValue={name => set({ name })}
      />
      <label
        className="hm-Check"
        title={trans.__('For code that leaves something behind which the next trial must not find.')}
      >
        <input
          type="checkbox"
          checked={goal.freshKernel}
          onChange={event => set({ freshKernel: event.target.checked })}
        />{' '}
        {trans.__('Each trial in a fresh kernel (slower)')}
      </label>
    </>
  );
}
