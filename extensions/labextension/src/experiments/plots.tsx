import { useMemo } from 'react';

import type { Experiment, SearchPlot } from '../api/types';
import { useHimalia } from '../context';
import { Failure } from '../ui/basics';
import { bars, history, lines, parallel, scatter } from '../ui/charts';
import { useLoaded } from '../ui/hooks';
import { type Chart, Plot, type PlotRow } from '../ui/plot';
import { stateWord } from '../ui/words';
import type { PlotKind } from './model';

type Trans = ReturnType<typeof useHimalia>['trans'];

interface SearchPlotsProps {
  experiment: Experiment;
  /** Grows as trials change. */
  turn: number;
  kinds: PlotKind[];
}

/** Plots of a search, growing with it. */
export function SearchPlots({ experiment, turn, kinds }: SearchPlotsProps): JSX.Element {
  return (
    <div className="hm-Metrics hm-SearchPlots">
      {kinds.map(kind => (
        <OneKind key={kind} experiment={experiment} turn={turn} kind={kind} />
      ))}
    </div>
  );
}

function OneKind({
  experiment,
  turn,
  kind
}: {
  experiment: Experiment;
  turn: number;
  kind: PlotKind;
}): JSX.Element {
  const { experiments, trans } = useHimalia();
  const { value, error, reload } = useLoaded(
    signal => experiments.plot(experiment, kind, signal),
    [experiments, experiment.id, experiment.status.state, kind, turn]
  );
  const drawn = useMemo(
    () => (value ? plotsOf(experiment, value, trans) : []),
    // The search's own figures change with each trial; what is drawn only with the rows.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [value, trans]
  );
  if (error && !value) {
    return <Failure error={error} retry={reload} />;
  }
  if (value?.note) {
    return (
      <figure className="hm-Plot">
        <figcaption>{titleOf(kind, trans)}</figcaption>
        <p className="hm-Quiet">{value.note}</p>
      </figure>
    );
  }
  return (
    <>
      {drawn.map(({ title, rows, chart, height }) => (
        <Plot key={title} title={title} rows={rows} chart={chart} height={height} />
      ))}
    </>
  );
}

function titleOf(kind: PlotKind, trans: Trans): string {
  return {
    history: trans.__('History'),
    parallel: trans.__('Parallel coordinates'),
    importance: trans.__('Importance'),
    slice: trans.__('Slice'),
    pareto: trans.__('Pareto front'),
    intermediate: trans.__('Values on the way')
  }[kind];
}

interface DrawnPlot {
  title: string;
  rows: PlotRow[];
  chart: Chart;
  height?: number;
}

function plotsOf(experiment: Experiment, { kind, rows: given }: SearchPlot, trans: Trans): DrawnPlot[] {
  const rows = given.map(row => ({ ...row })) as PlotRow[];
  const title = titleOf(kind, trans);
  const { objectives } = experiment.spec;
  const metric = objectives[0].metric;
  const ofEach = (draw: (own: PlotRow[], metric: string) => Omit<DrawnPlot, 'title'>) =>
    objectives.map(objective => ({
      title: objectives.length > 1 ? `${title}: ${objective.metric}` : title,
      ...draw(
        rows.filter(row => row.objective === objective.metric),
        objective.metric
      )
    }));
  switch (kind) {
    case 'history':
      return ofEach((own, y) => historyOf(own, y, trans));
    case 'importance':
      return ofEach(own => importanceOf(own, trans));
    case 'parallel':
      return [{ title, ...parallelOf(rows, metric) }];
    case 'slice':
      return sliceOf(rows, trans);
    case 'pareto':
      return [{ title, ...paretoOf(rows, objectives[0].metric, objectives[1]?.metric ?? '', trans) }];
    case 'intermediate':
      return [{ title, ...intermediateOf(rows, metric, trans) }];
  }
}

/** The service's rows come in the order in which the trials ended. */
function historyOf(own: PlotRow[], y: string, trans: Trans): Omit<DrawnPlot, 'title'> {
  const rows = own.map(({ number, value, best, state }, at) => ({
    x: at + 1,
    y: value,
    best,
    trial: number,
    state: stateWord(String(state), trans)
  }));
  return { rows, chart: history(rows, { x: trans.__('Trials ended'), y }) };
}

function importanceOf(own: PlotRow[], trans: Trans): Omit<DrawnPlot, 'title'> {
  const rows = own.map(({ parameter, importance }) => ({ y: parameter, x: importance }));
  return {
    rows,
    chart: bars(rows, { x: trans.__('Share of the differences that it explains'), y: '' }),
    height: Math.max(90, 40 + rows.length * 26)
  };
}

function parallelOf(given: PlotRow[], metric: string): Omit<DrawnPlot, 'title'> {
  const rows = given.map(({ number, ...row }) => ({ ...row, line: number }));
  return { rows, chart: parallel(rows, metric), height: 240 };
}

function sliceOf(given: PlotRow[], trans: Trans): DrawnPlot[] {
  const pairs = new Map<string, PlotRow[]>();
  for (const row of given) {
    const key = `${String(row.parameter)} → ${String(row.objective)}`;
    pairs.set(key, [...(pairs.get(key) ?? []), row]);
  }
  return [...pairs.entries()].map(([title, own]) => {
    const rows = own.map(({ number, value, result, state }) => ({
      x: value,
      y: result,
      number,
      state: stateWord(String(state), trans)
    }));
    const isNumber = own.every(({ value }) => typeof value === 'number');
    return {
      title,
      rows,
      chart: scatter(
        rows,
        { x: String(own[0].parameter), y: String(own[0].objective) },
        {
          xType: isNumber ? 'quantitative' : 'nominal',
          log: own[0].log === true,
          color: { field: 'number', title: trans.__('Trial') }
        }
      )
    };
  });
}

function paretoOf(given: PlotRow[], x: string, y: string, trans: Trans): Omit<DrawnPlot, 'title'> {
  const rows = given.map(row => ({
    x: row.x,
    y: row.y,
    number: row.number,
    front: row.is_best ? trans.__('No other beats it') : trans.__('Another beats it')
  }));
  return { rows, chart: scatter(rows, { x, y }, { color: { field: 'front', title: '' } }), height: 260 };
}

function intermediateOf(given: PlotRow[], metric: string, trans: Trans): Omit<DrawnPlot, 'title'> {
  const rows = given.map(({ number, step, value }) => ({
    x: step,
    y: value,
    series: trans.__('Trial %1', Number(number))
  }));
  return { rows, chart: lines(rows, { x: trans.__('Step'), y: metric }, { legend: false }), height: 240 };
}
