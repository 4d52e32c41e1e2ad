import { useEffect, useMemo, useState } from 'react';

import type { Endpoint, EndpointMetrics } from '../api/types';
import { useHimalia } from '../context';
import { Empty, Failure, Loading, Pairs } from '../ui/basics';
import { lines } from '../ui/charts';
import { useLoaded } from '../ui/hooks';
import { Plot, type PlotRow } from '../ui/plot';

type Trans = ReturnType<typeof useHimalia>['trans'];

/** Requests, failures and times of the last hour, as they come. */
export function Traffic({ endpoint }: { endpoint: Endpoint }): JSX.Element {
  const { trans } = useHimalia();
  const { metrics, error, reload } = useMetrics(endpoint);
  const drawn = useMemo(() => (metrics ? plotsOf(metrics, trans) : []), [metrics, trans]);
  if (error && !metrics) {
    return <Failure error={error} retry={reload} />;
  }
  if (!metrics) {
    return <Loading />;
  }
  const total = metrics.series.reduce((sum, each) => sum + each.requests, 0);
  if (total === 0) {
    return <Empty>{trans.__('Nobody has called it yet. Calls show here as they come.')}</Empty>;
  }
  const failures = metrics.series.reduce((sum, each) => sum + each.failures, 0);
  const refused = metrics.series.reduce((sum, each) => sum + each.refused, 0);
  return (
    <div className="hm-Metrics">
      <Pairs
        pairs={[
          [trans.__('Requests'), total.toLocaleString()],
          [trans.__('Failures'), failures.toLocaleString()],
          [trans.__('Refused as wrong'), refused.toLocaleString()]
        ]}
      />
      <div className="hm-Metrics-plots">
        {drawn.map(({ title, rows, y }) => (
          <TimePlot key={title} title={title} rows={rows} y={y} />
        ))}
      </div>
    </div>
  );
}

function TimePlot({ title, rows, y }: { title: string; rows: PlotRow[]; y: string }): JSX.Element {
  const { trans } = useHimalia();
  const chart = useMemo(() => lines(rows, { x: trans.__('Time'), y }, { time: true }), [rows, y, trans]);
  return <Plot title={title} rows={rows} chart={chart} />;
}

/** The figures, first asked for and then told by the live channel. */
function useMetrics(endpoint: Endpoint): {
  metrics: EndpointMetrics | undefined;
  error: Error | undefined;
  reload: () => void;
} {
  const { endpoints, live } = useHimalia();
  const { value, error, reload } = useLoaded(
    signal => endpoints.metrics(endpoint, signal),
    [endpoints, endpoint.id]
  );
  const [told, setTold] = useState<EndpointMetrics>();
  useEffect(() => {
    const following = live.follow(`endpoint:${endpoint.id}`, {
      onMessage: message => message.type === 'metrics' && message.data && setTold(message.data),
      onResumed: reload
    });
    return () => following.dispose();
  }, [live, endpoint.id, reload]);
  return { metrics: told ?? value, error, reload };
}

function plotsOf(
  { series, interval_s }: EndpointMetrics,
  trans: Trans
): { title: string; rows: PlotRow[]; y: string }[] {
  const requests: PlotRow[] = [];
  const times: PlotRow[] = [];
  for (const { revision, points } of series) {
    let before: number | undefined;
    let part = 0;
    for (const [at, count, failed, p50, p95, p99] of points) {
      const x = at * 1000;
      if (before !== undefined && at - before > interval_s) {
        // Nobody called meanwhile.
        part += 1;
        for (const quiet of [before + interval_s, at - interval_s]) {
          requests.push({ x: quiet * 1000, y: 0, series: trans.__('revision %1', revision) });
        }
      }
      before = at;
      requests.push({ x, y: count / interval_s, series: trans.__('revision %1', revision) });
      if (failed > 0) {
        requests.push({ x, y: failed / interval_s, series: trans.__('failed, revision %1', revision) });
      }
      const shares: [string, number | null][] = [
        ['p50', p50],
        ['p95', p95],
        ['p99', p99]
      ];
      for (const [name, value] of shares) {
        if (value !== null) {
          times.push({ x, y: value, series: trans.__('%1, revision %2', name, revision), part });
        }
      }
    }
  }
  return [
    { title: trans.__('Requests'), rows: requests, y: trans.__('per second') },
    { title: trans.__('Time to answer'), rows: times, y: trans.__('milliseconds') }
  ];
}
