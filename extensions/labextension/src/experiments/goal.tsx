import type { TranslationBundle } from '@jupyterlab/translation';
import { useId } from 'react';

import type { ExperimentSpec } from '../api/types';
import { useHimalia } from '../context';
import { Field } from '../ui/form';
import type { Errors } from '../ui/sending';
import { guessDirection, guessMetric, metricsIn } from './space';

/** What is better and how long to search, as typed. */
export interface Goal {
  name: string;
  metric: string;
  direction: 'minimize' | 'maximize';
  trials: string;
  parallel: string;
  sampler: string;
  pruner: string;
}

type ReadGoal = Pick<ExperimentSpec, 'objectives' | 'trials' | 'parallel' | 'sampler' | 'pruner'>;
type Sampler = NonNullable<NonNullable<ExperimentSpec['sampler']>['kind']>;
type Pruner = NonNullable<NonNullable<ExperimentSpec['pruner']>['kind']>;

/** The best guess from a notebook's code. */
export function firstGoal(source: string): Goal {
  const metric = guessMetric(metricsIn(source));
  return {
    name: '',
    metric,
    direction: guessDirection(metric),
    trials: '30',
    parallel: '2',
    sampler: 'tpe',
    // Only what is logged as it goes can be compared before the end.
    pruner: /\blog\([^)]*step\s*=/.test(source) ? 'median' : 'none'
  };
}

export function readGoal(goal: Goal, trans: TranslationBundle): { goal: ReadGoal; errors: Errors } {
  const errors: Errors = {};
  const [trials, parallel] = [Number(goal.trials), Number(goal.parallel)];
  if (goal.metric.trim() === '') {
    errors.metric = trans.__('Name the metric that the code logs, such as accuracy.');
  }
  if (!Number.isInteger(trials) || trials < 1) {
    errors.trials = trans.__('Write a whole number, such as 30.');
  }
  if (!Number.isInteger(parallel) || parallel < 1) {
    errors.parallel = trans.__('Write a whole number, such as 2.');
  }
  return {
    goal: {
      objectives: [{ metric: goal.metric.trim(), direction: goal.direction }],
      trials,
      parallel,
      sampler: { kind: goal.sampler as Sampler },
      pruner: { kind: goal.pruner as Pruner, ...PRUNER_DEFAULTS }
    },
    errors
  };
}

const PRUNER_DEFAULTS = { startup_trials: 5, warmup_steps: 0, min_resource: 1, reduction_factor: 3 };

interface GoalFieldsProps {
  goal: Goal;
  onGoal: (goal: Goal) => void;
  /** What the code logs, by the look of it. */
  metrics: string[];
  errors: Errors;
}

/** What is better, how many trials, and how the next values are chosen. */
export function GoalFields({ goal, onGoal, metrics, errors }: GoalFieldsProps): JSX.Element {
  const { trans } = useHimalia();
  const list = useId();
  const set = (change: Partial<Goal>) => onGoal({ ...goal, ...change });
  return (
    <fieldset>
      <legend>{trans.__('What is better')}</legend>
      <Field
        label={trans.__('Metric')}
        description={trans.__(
          'As the code logs it: himalia.run.log("%1", value).',
          goal.metric || 'accuracy'
        )}
        error={errors.metric}
      >
        {attributes => (
          <input
            {...attributes}
            className="hm-Input"
            type="text"
            list={list}
            autoComplete="off"
            spellCheck={false}
            value={goal.metric}
            onChange={({ target }) => set({ metric: target.value, direction: guessDirection(target.value) })}
          />
        )}
      </Field>
      <datalist id={list}>
        {metrics.map(metric => (
          <option key={metric} value={metric} />
        ))}
      </datalist>
      <Choice
        label={trans.__('Better is')}
        value={goal.direction}
        choices={[
          ['maximize', trans.__('more')],
          ['minimize', trans.__('less')]
        ]}
        onValue={value => set({ direction: value as Goal['direction'] })}
      />
      <Text
        label={trans.__('Trials')}
        value={goal.trials}
        error={errors.trials}
        onValue={trials => set({ trials })}
      />
      <Text
        label={trans.__('At once')}
        value={goal.parallel}
        error={errors.parallel}
        onValue={parallel => set({ parallel })}
      />
      <More goal={goal} set={set} errors={errors} />
    </fieldset>
  );
}

function More({
  goal,
  set,
  errors
}: {
  goal: Goal;
  set: (change: Partial<Goal>) => void;
  errors: Errors;
}): JSX.Element {
  const { trans } = useHimalia();
  return (
    <details>
      <summary>{trans.__('More')}</summary>
      <Choice
        label={trans.__('Sampler')}
        value={goal.sampler}
        error={errors.sampler}
        choices={[
          ['tpe', trans.__('TPE: learns from earlier trials')],
          ['random', trans.__('Random')],
          ['grid', trans.__('Grid: every combination')],
          ['qmc', trans.__('QMC: evenly spread')],
          ['cmaes', trans.__('CMA-ES: for many numbers')],
          ['nsga2', trans.__('NSGA-II: generations')]
        ]}
        onValue={sampler => set({ sampler })}
      />
      <Choice
        label={trans.__('Pruner')}
        value={goal.pruner}
        error={errors.pruner}
        choices={[
          ['median', trans.__('Median: ends what is worse than half')],
          ['hyperband', trans.__('Hyperband')],
          ['halving', trans.__('Successive halving')],
          ['none', trans.__('None: each trial runs to its end')]
        ]}
        onValue={pruner => set({ pruner })}
      />
      <Text
        label={trans.__('Name')}
        value={goal.name}
        error={errors.name}
        description={trans.__('Made from the file’s name when left empty.')}
        onValue={name => set({ name })}
      />
    </details>
  );
}

interface TextProps {
  label: string;
  value: string;
  error?: string;
  description?: string;
  onValue: (value: string) => void;
}

function Text({ label, value, error, description, onValue }: TextProps): JSX.Element {
  return (
    <Field label={label} error={error} description={description}>
      {attributes => (
        <input
          {...attributes}
          className="hm-Input"
          type="text"
          autoComplete="off"
          value={value}
          onChange={event => onValue(event.target.value)}
        />
      )}
    </Field>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  error?: string;
  choices: [string, string][];
  onValue: (value: string) => void;
}

function Choice({ label, value, error, choices, onValue }: ChoiceProps): JSX.Element {
  return (
    <Field label={label} error={error}>
      {attributes => (
        <select
          {...attributes}
          className="hm-Input"
          value={value}
          onChange={event => onValue(event.target.value)}
        >
          {choices.map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
