import { useEffect, useMemo, useReducer, useRef, useState } from 'react';

import type { Job, MetricSeries, Page } from '../api/types';
import { useHimalia } from '../context';
import { Button, Empty, Failure, Loading, Pairs } from '../ui/basics';
import { number } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { line } from '../ui/charts';
import { Plot, type PlotRow } from '../ui/plot';
import { saveAs } from '../ui/save';
import { jobPath } from './model';
import { RankChoice, ranksOf } from './ranks';
import { isActive } from './states';

type MetricPoint = MetricSeries['points'][number];
type MetricPoints = [string, ...MetricPoint][];

/** What the code logged; of a distributed job, what one of its ranks logged: those of rank 0 are the job's. */
export function JobMetrics({ job }: { job: Job }): JSX.Element {
  const [rank, setRank] = useState(0);
  return (
    <>
      <RankChoice ranks={ranksOf(job, job.status.attempt)} rank={rank} onRank={setRank} />
      <RankMetrics key={rank} job={job} rank={rank} />
    </>
  );
}

/** A plot of each series, the latest value of each. */
function RankMetrics({ job, rank }: { job: Job; rank: number }): JSX.Element {
  const { trans } = useHimalia();
  const { series, error, reload } = useSeries(job, rank);
  if (error) {
    return <Failure error={error} retry={reload} />;
  }
  if (!series) {
    return <Loading />;
  }
  if (series.size === 0) {
    return (
      <Empty>
        {isActive(job.status.state)
          ? trans.__('Nothing is logged yet. Metrics show here as the code logs them.')
          : trans.__('This job logged no metrics. In the code, himalia.run.log("accuracy", value) does it.')}
      </Empty>
    );
  }
  const all = [...series.entries()];
  const curves = all.filter(([, points]) => points.length > 1);
  const latest = all.map(([name, points]): [string, string] => [name, number(points[points.length - 1][1])]);
  return (
    <div className="hm-Metrics">
      <div className="hm-Metrics-latest">
        <Pairs pairs={latest} />
        <Button
          onClick={() => saveAs(`${job.name}-metrics.csv`, new Blob([asCsv(all)], { type: 'text/csv' }))}
        >
          {trans.__('Download data')}
        </Button>
      </div>
      <div className="hm-Metrics-plots">
        {curves.map(([name, points]) => (
          <Curve key={name} name={name} points={points} length={points.length} />
        ))}
      </div>
    </div>
  );
}

/** `length` stands for the points: they grow in place. */
function Curve({
  name,
  points,
  length
}: {
  name: string;
  points: MetricPoint[];
  length: number;
}): JSX.Element {
  const { trans } = useHimalia();
  const drawn = useMemo(
    () => points.slice(0, length).flatMap(([step, value], index) => toPoint(step ?? index, value)),
    [points, length]
  );
  const chart = useMemo(() => line(drawn, { x: trans.__('Step'), y: name }), [drawn, name, trans]);
  return <Plot title={name} chart={chart} rows={drawn} />;
}

function toPoint(step: number, value: number | null): PlotRow[] {
  return value !== null && Number.isFinite(value) ? [{ x: step, y: value }] : [];
}

/** The series so far, those of rank 0 growing with the live channel; read anew after a break of it. */
function useSeries(
  job: Job,
  rank: number
): {
  series: Map<string, MetricPoint[]> | undefined;
  error: Error | undefined;
  reload: () => void;
} {
  const { client, live } = useHimalia();
  const { project, name, id } = job;
  const ended = !isActive(job.status.state);
  const [, grown] = useReducer((count: number) => count + 1, 0);
  // Told while an answer is on its way, or before what it brought is drawn.
  const [told] = useState(() => new Set<MetricPoints>());
  const drawn = useRef<Map<string, MetricPoint[]>>();
  const { value, error, reload } = useLoaded(
    async signal => {
      told.clear();
      const page = await client.get<Page<MetricSeries>>(jobPath(project, name, 'metrics'), {
        query: rank > 0 ? { rank } : {},
        signal
      });
      const series = new Map(page.items.map(each => [each.name, each.points]));
      told.forEach(items => add(series, items));
      drawn.current = series;
      return series;
    },
    [client, project, name, rank, job.status.attempt, ended]
  );
  useEffect(() => {
    if (rank > 0) {
      return;
    }
    const following = live.follow(`job:${id}`, {
      onMessage: message => {
        if (message.type === 'metrics' && message.items) {
          told.add(message.items);
          if (drawn.current) {
            add(drawn.current, message.items);
            grown();
          }
        }
      },
      onResumed: reload
    });
    return () => following.dispose();
  }, [live, id, rank, reload, told]);
  return { series: value, error, reload };
}

function add(series: Map<string, MetricPoint[]>, items: [string, ...MetricPoint][]): void {
  for (const [name, ...point] of items) {
    const points = series.get(name);
    if (!points) {
      series.set(name, [point]);
    } else if (!isAmong(points, point)) {
      points.push(point);
    }
  }
}

/** Steps come in their order but for few: only the end is looked through. */
function isAmong(points: readonly MetricPoint[], [step, , at]: MetricPoint): boolean {
  for (let last = points.length - 1; last >= 0 && points[last][0] >= step; last--) {
    if (points[last][0] === step && points[last][2] === at) {
      return true;
    }
  }
  return false;
}

function asCsv(series: [string, MetricPoint[]][]): string {
  const rows = series.flatMap(([name, points]) =>
    points.map(([step, value, at]) => [
      JSON.stringify(name),
      step ?? '',
      value ?? '',
      new Date(at * 1000).toISOString()
    ])
  );
  return [['metric', 'step', 'value', 'at'], ...rows].map(row => row.join(',')).join('\n') + '\n';
}
