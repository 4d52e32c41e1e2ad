import type { TranslationBundle } from '@jupyterlab/translation';

import type { ExperimentSpec } from '../api/types';
import type { Errors } from '../ui/sending';
import { guessDirection, guessMetric, metricsIn } from './space';

export interface Objective {
  metric: string;
  direction: 'minimize' | 'maximize';
}

/** What is better and how long to search, as typed. */
export interface Goal {
  name: string;
  objectives: Objective[];
  trials: string;
  parallel: string;
  sampler: string;
  seed: string;
  pruner: string;
  /** Steps of a trial that the median pruner leaves alone. */
  warmup: string;
  /** Minutes; empty for none. */
  limit: string;
  freshKernel: boolean;
}

export type ReadGoal = Pick<
  ExperimentSpec,
  'objectives' | 'trials' | 'parallel' | 'sampler' | 'pruner' | 'timeout_s' | 'fresh_kernel'
>;
type Sampler = NonNullable<NonNullable<ExperimentSpec['sampler']>['kind']>;
type Pruner = NonNullable<NonNullable<ExperimentSpec['pruner']>['kind']>;

/** The best guess from a notebook's code. */
export function firstGoal(source: string): Goal {
  return {
    name: '',
    objectives: [objectiveOf(guessMetric(metricsIn(source)))],
    trials: '30',
    parallel: '2',
    sampler: 'tpe',
    seed: '',
    // It leaves a trial alone that logs only once, at its end.
    pruner: 'median',
    warmup: '10',
    limit: '',
    freshKernel: false
  };
}

/** A metric, and which of its values are better by its name. */
export function objectiveOf(metric: string): Objective {
  return { metric, direction: guessDirection(metric) };
}

/** Where an objective's errors are told; the service names all of them `metric`. */
export function metricField(at: number): string {
  return at === 0 ? 'metric' : `metric-${at}`;
}

/** What was typed as the service wants it, and a sentence for each field that says nothing it could. */
export function readGoal(goal: Goal, trans: TranslationBundle): { goal: ReadGoal; errors: Errors } {
  const errors: Errors = objectiveErrors(goal.objectives, trans);
  const [trials, parallel] = [Number(goal.trials), Number(goal.parallel)];
  const [seed, minutes, warmup] = [Number(goal.seed), Number(goal.limit), Number(goal.warmup)];
  const hasSeed = goal.seed.trim() !== '';
  const hasLimit = goal.limit.trim() !== '';
  if (!isCount(trials)) {
    errors.trials = trans.__('Write a whole number, such as 30.');
  }
  if (!isCount(parallel)) {
    errors.parallel = trans.__('Write a whole number, such as 2.');
  }
  if (hasSeed && !(Number.isInteger(seed) && seed >= 0)) {
    errors.seed = trans.__('Write a whole number, or nothing.');
  }
  // Trials with several objectives cannot be compared on the way.
  const pruner = goal.objectives.length > 1 ? 'none' : (goal.pruner as Pruner);
  const hasWarmup = pruner === 'median';
  if (hasWarmup && !(Number.isInteger(warmup) && warmup >= 0 && goal.warmup.trim() !== '')) {
    errors.warmup_steps = trans.__('Write a whole number, such as 10, or 0.');
  }
  if (hasLimit && !(minutes > 0)) {
    errors.timeout_s = trans.__('Write minutes, such as 90, or nothing.');
  }
  return {
    goal: {
      objectives: goal.objectives.map(({ metric, direction }) => ({ metric: metric.trim(), direction })),
      trials,
      parallel,
      sampler: { kind: goal.sampler as Sampler, ...(hasSeed ? { seed } : {}) },
      pruner: { kind: pruner, ...(hasWarmup ? { warmup_steps: warmup } : {}) },
      fresh_kernel: goal.freshKernel,
      ...(hasLimit ? { timeout_s: minutes * 60 } : {})
    },
    errors
  };
}

function objectiveErrors(objectives: readonly Objective[], trans: TranslationBundle): Errors {
  const errors: Errors = {};
  const metrics = objectives.map(({ metric }) => metric.trim());
  metrics.forEach((metric, at) => {
    if (metric === '') {
      errors[metricField(at)] = trans.__('Name the metric that the code logs, such as accuracy.');
    } else if (metrics.indexOf(metric) < at) {
      errors[metricField(at)] = trans.__('This metric is there already. Name another one.');
    }
  });
  return errors;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}
