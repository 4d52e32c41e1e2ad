import type { Chart, PlotRow } from './plot';

/** What the panels draw, as Vega-Lite views (ui/plot adds what all share). Axis titles carry units where there are any. */

const ZOOM = [{ name: 'zoom', select: 'interval', bind: 'scales' }];

interface Axes {
  x: string;
  y: string;
}

/** A line over steps; with few points each is marked. */
export function line(rows: readonly PlotRow[], { x, y }: Axes): Chart {
  return theme => ({
    data: { values: values(rows) },
    params: ZOOM,
    mark: {
      type: 'line',
      color: theme.brand,
      point: rows.length <= 60 ? { size: 18, color: theme.brand } : false,
      tooltip: true,
      clip: true
    },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: x, scale: { zero: false, nice: false } },
      y: { field: 'y', type: 'quantitative', title: y, scale: { zero: false } }
    }
  });
}

/** Lines of several series over time or steps, told apart by colour and dash. */
export function lines(rows: readonly PlotRow[], { x, y }: Axes, time = false): Chart {
  return () => ({
    data: { values: values(rows) },
    params: ZOOM,
    mark: { type: 'line', tooltip: true, clip: true, point: rows.length <= 40 ? { size: 14 } : false },
    encoding: {
      x: {
        field: 'x',
        type: time ? 'temporal' : 'quantitative',
        title: x,
        scale: time ? {} : { zero: false, nice: false }
      },
      y: { field: 'y', type: 'quantitative', title: y },
      color: { field: 'series', type: 'nominal', title: null, legend: { orient: 'top' } },
      strokeDash: { field: 'series', type: 'nominal', legend: null }
    }
  });
}

/** Points, coloured by kind or by value, with a tooltip that holds all of a row. */
export function scatter(
  rows: readonly PlotRow[],
  { x, y }: Axes,
  options: {
    xType?: 'quantitative' | 'nominal';
    log?: boolean;
    color?: { field: string; title: string };
  } = {}
): Chart {
  const { xType = 'quantitative', log = false, color } = options;
  return theme => ({
    data: { values: values(rows) },
    mark: { type: 'point', filled: true, size: 40, color: theme.brand, tooltip: { content: 'data' } },
    encoding: {
      x: {
        field: 'x',
        type: xType,
        title: x,
        ...(xType === 'quantitative' ? { scale: { type: log ? 'log' : 'linear', zero: false } } : {})
      },
      y: { field: 'y', type: 'quantitative', title: y, scale: { zero: false } },
      ...(color
        ? {
            color: {
              field: color.field,
              type: typeof rows[0]?.[color.field] === 'number' ? 'quantitative' : 'nominal',
              title: color.title
            }
          }
        : {})
    }
  });
}

/** Every trial a point, and the best value so far as a line of steps. */
export function history(rows: readonly PlotRow[], { x, y }: Axes, better: 'min' | 'max'): Chart {
  return theme => ({
    data: { values: values(rows) },
    encoding: { x: { field: 'x', type: 'quantitative', title: x, axis: { tickMinStep: 1 } } },
    layer: [
      {
        mark: { type: 'point', filled: true, size: 36, tooltip: { content: 'data' } },
        encoding: {
          y: { field: 'y', type: 'quantitative', title: y, scale: { zero: false } },
          color: { field: 'state', type: 'nominal', title: null, legend: { orient: 'top' } },
          shape: { field: 'state', type: 'nominal', legend: null }
        }
      },
      {
        transform: [
          { filter: "datum.state === 'Complete'" },
          {
            window: [{ op: better, field: 'y', as: 'best' }],
            sort: [{ field: 'x' }],
            frame: [null, 0]
          }
        ],
        mark: { type: 'line', interpolate: 'step-after', color: theme.text, strokeWidth: 1.5 },
        encoding: { y: { field: 'best', type: 'quantitative', title: y } }
      }
    ]
  });
}

/** Horizontal bars, longest first. */
export function bars(rows: readonly PlotRow[], { x, y }: Axes): Chart {
  return theme => ({
    data: { values: values(rows) },
    mark: { type: 'bar', tooltip: true, color: theme.brand },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: x },
      y: { field: 'y', type: 'nominal', title: y || null, sort: '-x', axis: { labelLimit: 160 } }
    }
  });
}

/** Counts in bins whose edges are known: rows of `low`, `high`, `count`. */
export function histogram(rows: readonly PlotRow[], { x, y }: Axes): Chart {
  return theme => ({
    data: { values: values(rows) },
    mark: { type: 'bar', tooltip: { content: 'data' }, color: theme.brand, binSpacing: 1 },
    encoding: {
      x: { field: 'low', type: 'quantitative', title: x || null, bin: { binned: true } },
      x2: { field: 'high' },
      y: { field: 'count', type: 'quantitative', title: y || null }
    }
  });
}

/** A square for each pair, dark where the count is high, with the count in it: rows of `x`, `y`, `count`. */
export function heatmap(rows: readonly PlotRow[], { x, y }: Axes): Chart {
  const most = Math.max(1, ...rows.map(row => Number(row.count)));
  return theme => ({
    data: { values: values(rows) },
    encoding: {
      x: { field: 'x', type: 'nominal', title: x, sort: null },
      y: { field: 'y', type: 'nominal', title: y, sort: null }
    },
    layer: [
      {
        mark: { type: 'rect', tooltip: { content: 'data' } },
        encoding: {
          color: {
            field: 'count',
            type: 'quantitative',
            legend: null,
            scale: { range: [theme.background, theme.brand] }
          }
        }
      },
      {
        mark: { type: 'text' },
        encoding: {
          text: { field: 'count', type: 'quantitative' },
          color: {
            condition: { test: `datum.count > ${most / 2}`, value: theme.background },
            value: theme.text
          }
        }
      }
    ]
  });
}

/**
 * Parallel coordinates: one axis a parameter, one line a trial, its colour the value. Each axis is scaled to its own
 * range; what stands at its ends is written there.
 */
export function parallel(
  rows: readonly PlotRow[],
  axes: readonly { name: string; title: string; log: boolean }[],
  value: string
): Chart {
  const marks = axes.map(axis => scaleOf(rows, axis.name, axis.log));
  const drawn = rows.map((row, trial) => ({
    ...row,
    line: trial,
    ...Object.fromEntries(axes.map((axis, at) => [`at${at}`, marks[at].place(row[axis.name])]))
  }));
  const ends = axes.flatMap((axis, at) => [
    { axis: axis.title, at: 1, text: marks[at].high },
    { axis: axis.title, at: 0, text: marks[at].low }
  ]);
  const order = axes.map(axis => axis.title);
  const x = { field: 'axis', type: 'nominal', sort: order, scale: { type: 'point', padding: 0.3 } };
  const y = { field: 'at', type: 'quantitative', axis: null, scale: { domain: [-0.08, 1.08] } };
  return theme => ({
    layer: [
      {
        data: { values: order.map(title => ({ axis: title })) },
        mark: { type: 'rule', color: theme.line },
        encoding: { x: { ...x, title: null, axis: { labelAngle: 0, labelLimit: 120, grid: false } } }
      },
      {
        data: { values: values(drawn) },
        transform: [
          { fold: axes.map((_, at) => `at${at}`), as: ['column', 'at'] },
          { filter: 'isValid(datum.at)' },
          { calculate: `${JSON.stringify(order)}[toNumber(slice(datum.column, 2))]`, as: 'axis' }
        ],
        mark: { type: 'line', opacity: 0.55, strokeWidth: 1.5, tooltip: { content: 'data' } },
        encoding: {
          x,
          y,
          detail: { field: 'line', type: 'nominal' },
          color: { field: 'value', type: 'quantitative', title: value, scale: { scheme: 'viridis' } }
        }
      },
      {
        data: { values: ends },
        mark: { type: 'text', color: theme.text, fontSize: 10, align: 'left', dx: 4 },
        encoding: { x, y, text: { field: 'text', type: 'nominal' } }
      }
    ]
  });
}

interface AxisScale {
  low: string;
  high: string;
  /** From 0 at the lowest to 1 at the highest; null for what has no place. */
  place: (value: unknown) => number | null;
}

function scaleOf(rows: readonly PlotRow[], name: string, log: boolean): AxisScale {
  const found = rows.map(row => row[name]).filter(value => value !== null && value !== undefined);
  if (found.some(value => typeof value !== 'number')) {
    const choices = [...new Set(found.map(String))].sort();
    const last = Math.max(1, choices.length - 1);
    return {
      low: choices[0] ?? '',
      high: choices[choices.length - 1] ?? '',
      place: value => (choices.includes(String(value)) ? choices.indexOf(String(value)) / last : null)
    };
  }
  const scaled = (value: number) => (log && value > 0 ? Math.log10(value) : value);
  const numbers = found as number[];
  const low = Math.min(...numbers);
  const high = Math.max(...numbers);
  const span = scaled(high) - scaled(low);
  return {
    low: short(low),
    high: short(high),
    place: value =>
      typeof value === 'number' ? (span === 0 ? 0.5 : (scaled(value) - scaled(low)) / span) : null
  };
}

function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : '';
}

function values(rows: readonly PlotRow[]): PlotRow[] {
  return rows.map(row => ({ ...row }));
}
