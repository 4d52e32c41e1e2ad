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

/** Lines of several series over time or steps, told apart by colour and, where they are few, by dash. */
export function lines(
  rows: readonly PlotRow[],
  { x, y }: Axes,
  { time = false, legend = true }: { time?: boolean; legend?: boolean } = {}
): Chart {
  return () => ({
    data: { values: values(rows) },
    params: ZOOM,
    mark: {
      type: 'line',
      tooltip: { content: 'data' },
      clip: true,
      point: { size: rows.length < 40 ? 30 : 12 }
    },
    encoding: {
      x: {
        field: 'x',
        type: time ? 'temporal' : 'quantitative',
        title: x,
        ...(time ? {} : { scale: { zero: false, nice: false } })
      },
      y: { field: 'y', type: 'quantitative', title: y, scale: { zero: time } },
      // Rows of different parts are not joined: there is nothing between them.
      detail: { field: 'part', type: 'nominal' },
      color: {
        field: 'series',
        type: 'nominal',
        title: null,
        legend: legend ? { orient: 'top', columns: 3 } : null
      },
      ...(legend ? { strokeDash: { field: 'series', type: 'nominal', title: null } } : {})
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
    ...(xType === 'quantitative' ? { params: ZOOM } : {}),
    mark: {
      type: 'point',
      filled: true,
      size: 40,
      color: theme.brand,
      tooltip: { content: 'data' },
      clip: true
    },
    encoding: {
      x: {
        field: 'x',
        type: xType,
        title: x,
        ...(xType === 'quantitative'
          ? { scale: { type: log ? 'log' : 'linear', zero: false, padding: 6 } }
          : {})
      },
      y: { field: 'y', type: 'quantitative', title: y, scale: { zero: false, padding: 6 } },
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

/** Every trial a point, and the best value so far as a line of steps: rows of `x`, `y`, `best`, `state`. */
export function history(rows: readonly PlotRow[], { x, y }: Axes): Chart {
  const scale = { zero: false, padding: 6 };
  return theme => ({
    data: { values: values(rows) },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: x, axis: { tickMinStep: 1 }, scale: { padding: 6 } }
    },
    layer: [
      {
        mark: { type: 'line', interpolate: 'step-after', color: theme.text, strokeWidth: 1.5, clip: true },
        encoding: { y: { field: 'best', type: 'quantitative', title: y, scale } }
      },
      {
        params: ZOOM,
        mark: { type: 'point', filled: true, size: 50, opacity: 1, tooltip: { content: 'data' }, clip: true },
        encoding: {
          y: { field: 'y', type: 'quantitative', title: y, scale },
          color: {
            field: 'state',
            type: 'nominal',
            title: null,
            legend: { orient: 'top' },
            scale: { range: [theme.brand, '#e0851b', '#b8549c'] }
          },
          shape: { field: 'state', type: 'nominal', title: null }
        }
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
  const most = rows.reduce((found, row) => Math.max(found, Number(row.count)), 1);
  const isShort = rows.every(row => String(row.x).length <= 8);
  return theme => ({
    data: { values: values(rows) },
    encoding: {
      x: { field: 'x', type: 'nominal', title: x, sort: null, axis: { labelAngle: isShort ? 0 : -90 } },
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
            scale: { range: [theme.background, theme.brand], interpolate: 'rgb' }
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
 * Parallel coordinates: one axis a parameter, one line a trial, its colour the value. Rows of `line`, `axis`,
 * `position` from 0 to 1, `value`, and `shade`; what stands at an axis' ends is written there.
 */
export function parallel(rows: readonly PlotRow[], shade: string): Chart {
  const order = [...new Set(rows.map(row => String(row.axis)))];
  const ends = order.flatMap(axis => {
    const on = rows.filter(row => row.axis === axis);
    const at = (position: number) => on.find(row => row.position === position)?.value ?? null;
    return [0, 1].map(position => ({ axis, position, text: short(at(position)) }));
  });
  const y = { field: 'position', type: 'quantitative', axis: null, scale: { domain: [-0.08, 1.08] } };
  const x = {
    field: 'axis',
    type: 'nominal',
    title: null,
    sort: order,
    scale: { type: 'point', padding: 0.3 },
    axis: { labelAngle: 0, labelLimit: 120, grid: true, domain: false, ticks: false }
  };
  return theme => ({
    encoding: { x, y },
    layer: [
      {
        data: { values: values(rows) },
        mark: { type: 'line', opacity: 0.6, strokeWidth: 1.5, tooltip: { content: 'data' } },
        encoding: {
          detail: { field: 'line', type: 'nominal' },
          color: { field: 'shade', type: 'quantitative', title: shade, scale: { scheme: 'viridis' } }
        }
      },
      {
        data: { values: ends },
        mark: { type: 'text', color: theme.text, fontSize: 10, align: 'left', dx: 4 },
        encoding: { text: { field: 'text', type: 'nominal' } }
      }
    ]
  });
}

function short(value: PlotRow[string]): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(3))) : String(value ?? '');
}

function values(rows: readonly PlotRow[]): PlotRow[] {
  return rows.map(row => ({ ...row }));
}
