import type { Json, Schema, SearchParameter } from '../api/types';

/** A row of the form: a parameter of the notebook, and the range that it would be searched in, as typed. */
export interface SpaceRow {
  name: string;
  about: string;
  ticked: boolean;
  kind: SearchParameter['kind'];
  /** What it is when it is not searched. */
  fixed: Json;
  low: string;
  high: string;
  log: boolean;
  /** The distance of values from `low` on; empty for any value. */
  step: string;
  /** A JSON list. */
  choices: string;
  /** Searched only where this other parameter has one of these values; empty for always. */
  when: string;
  whenValues: string;
}

/** One row for each parameter of a notebook, its range guessed from the default value. */
export function guessSpace(schema: Schema): SpaceRow[] {
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    about: property.description ?? '',
    ticked: false,
    fixed: property.default ?? null,
    step: '',
    when: '',
    whenValues: '',
    ...guessRange(property)
  }));
}

type Range = Pick<SpaceRow, 'kind' | 'low' | 'high' | 'log' | 'choices'>;

function guessRange(property: Schema): Range {
  const { default: value = null } = property;
  const types = Array.isArray(property.type) ? property.type : [property.type ?? ''];
  const choices =
    property.enum ?? (types.includes('boolean') ? [false, true] : [value].filter(each => each !== null));
  const categorical: Range = {
    kind: 'categorical',
    low: '',
    high: '',
    log: false,
    choices: JSON.stringify(choices)
  };
  if (property.enum || typeof value !== 'number') {
    return categorical;
  }
  const { low, high, log } = types.includes('integer') ? aroundWhole(value) : aroundReal(value);
  return {
    kind: types.includes('integer') ? 'int' : 'float',
    low: String(property.minimum ?? low),
    high: String(property.maximum ?? high),
    log,
    choices: '[]'
  };
}

function aroundWhole(value: number): { low: number; high: number; log: boolean } {
  return value > 0
    ? { low: Math.max(1, Math.floor(value / 4)), high: Math.max(value * 4, 10), log: false }
    : { low: value < 0 ? value * 4 : 0, high: value < 0 ? 0 : 10, log: false };
}

/** Positive numbers are searched over orders of magnitude; shares of a whole stay below it. */
function aroundReal(value: number): { low: number; high: number; log: boolean } {
  if (value <= 0) {
    return { low: value < 0 ? value * 10 : 0, high: value < 0 ? 0 : 1, log: false };
  }
  if (value >= 0.1 && value < 1) {
    return { low: tidy(value / 5), high: Math.min(1, tidy(value * 3)), log: false };
  }
  return { low: tidy(value / 100), high: tidy(value * 100), log: true };
}

function tidy(value: number): number {
  return Number(value.toPrecision(2));
}

interface Words {
  __: (text: string, ...values: string[]) => string;
}

/** What the ticked rows say, and a sentence for each that says nothing that can be searched. */
export function readSpace(
  rows: readonly SpaceRow[],
  sampler: string,
  trans: Words
): { space: { [name: string]: SearchParameter }; errors: { [field: string]: string } } {
  const space: { [name: string]: SearchParameter } = {};
  const errors: { [field: string]: string } = {};
  const ticked = rows.filter(each => each.ticked);
  for (const row of ticked) {
    const range = row.kind === 'categorical' ? readChoices(row, trans) : readRange(row, sampler, trans);
    const when = readWhen(row, ticked, trans);
    if (typeof range === 'string' || typeof when === 'string') {
      errors[row.name] = typeof range === 'string' ? range : (when as string);
    } else {
      space[row.name] = { ...range, ...when };
    }
  }
  if (ticked.length === 0) {
    errors.space = trans.__('Tick at least one parameter to search.');
  }
  return { space, errors };
}

function readRange(
  { kind, low, high, log, step }: SpaceRow,
  sampler: string,
  trans: Words
): SearchParameter | string {
  const [from, to, by] = [Number(low), Number(high), Number(step)];
  const hasStep = step.trim() !== '';
  if (low.trim() === '' || high.trim() === '' || !Number.isFinite(from) || !Number.isFinite(to)) {
    return trans.__('Write two numbers, the lowest and the highest.');
  }
  if (from >= to) {
    return trans.__('The lowest must be below the highest.');
  }
  if (kind === 'int' && ![from, to, hasStep ? by : 1].every(Number.isInteger)) {
    return trans.__('Write whole numbers.');
  }
  if (log && from <= 0) {
    return trans.__('Over orders of magnitude, the lowest must be above 0.');
  }
  if (hasStep && !(by > 0)) {
    return trans.__('A step is a number above 0.');
  }
  if (hasStep && log) {
    return trans.__('Steps are even, so they do not go with “log”: untick it, or leave the step empty.');
  }
  if (sampler === 'grid' && kind === 'float' && !hasStep) {
    const example = String(tidy((to - from) / 4));
    return log
      ? trans.__('A grid needs even steps: untick “log”, and write a step such as %1.', example)
      : trans.__('A grid needs steps: write one, such as %1.', example);
  }
  return { kind, low: from, high: to, log, ...(hasStep ? { step: by } : {}) };
}

/** The condition of a row, whose other parameter must be searched, too. */
function readWhen(
  { when, whenValues }: SpaceRow,
  ticked: readonly SpaceRow[],
  trans: Words
): Pick<SearchParameter, 'when'> | string {
  if (!when) {
    return {};
  }
  if (!ticked.some(({ name }) => name === when)) {
    return trans.__('Tick “%1” as well: this one depends on it.', when);
  }
  const values = listed(whenValues);
  return values.length > 0
    ? { when: { [when]: values } }
    : trans.__('Write the values of “%1” with which this one is searched.', when);
}

/** `["a", "b"]`, or as people write it: `a, b`. */
function listed(text: string): NonNullable<SearchParameter['choices']> {
  try {
    return [JSON.parse(text) as NonNullable<SearchParameter['choices']>].flat();
  } catch {
    const parts = text.split(',').map(part => part.trim());
    return parts.filter(Boolean).map(part => (Number.isFinite(Number(part)) ? Number(part) : part));
  }
}

function readChoices({ choices }: SpaceRow, trans: Words): SearchParameter | string {
  const wrong = trans.__('Write a list of at least two values, such as ["a", "b"].');
  try {
    const read = JSON.parse(choices) as unknown;
    return Array.isArray(read) && read.length > 1
      ? { kind: 'categorical', choices: read as SearchParameter['choices'] }
      : wrong;
  } catch {
    return wrong;
  }
}

/** The metrics that code logs, by the look of it: those of a search first. */
export function metricsIn(source: string): string[] {
  const found = source.matchAll(/\blog(?:_metric)?\(\s*["']([^"'\n]{1,100})["']/g);
  return [...new Set([...found].map(match => match[1]))];
}

const LESS_IS_BETTER = /loss|error|err\b|mse|mae|rmse|perplexity|deviance|time|latency|distance|cost/i;

export function guessDirection(metric: string): 'minimize' | 'maximize' {
  return LESS_IS_BETTER.test(metric) ? 'minimize' : 'maximize';
}

/** What is most often the aim, of all that code logs. */
export function guessMetric(metrics: readonly string[]): string {
  return metrics.find(each => /acc|auc|f1|score|r2/i.test(each)) ?? metrics[0] ?? '';
}
