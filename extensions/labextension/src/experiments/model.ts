import type { Client } from '../api/client';
import type { Live } from '../api/live';
import { type ListQuery, Resources } from '../api/resources';
import type { Experiment, ExperimentState, Page, SearchPlot, Trial } from '../api/types';

export const STATES: readonly ExperimentState[] = ['RUNNING', 'STOPPED', 'COMPLETE', 'FAILED'];

export type PlotKind = SearchPlot['kind'];

/** The searches that the page has seen. */
export class Experiments extends Resources<Experiment> {
  constructor(client: Client, live: Live) {
    super(client, live, 'experiments', 'experiment');
  }

  async stop(experiment: Experiment): Promise<void> {
    await this.act(experiment, 'stop', {}, withState('STOPPED'));
  }

  async resume(experiment: Experiment, change: { trials?: number } = {}): Promise<void> {
    await this.act(experiment, 'resume', change, withState('RUNNING'));
  }

  trials({ project, name }: Experiment, query: ListQuery, signal?: AbortSignal): Promise<Page<Trial>> {
    return this.client.get(this.path(project, name, 'trials'), { query, signal });
  }

  trial({ project, name }: Experiment, number: number): Promise<Trial> {
    return this.client.get(this.path(project, name, 'trials', String(number)));
  }

  async stopTrial({ project, name }: Experiment, trial: Trial): Promise<void> {
    await this.client.post(this.path(project, name, 'trials', String(trial.number), 'stop'));
  }

  plot({ project, name }: Experiment, kind: PlotKind, signal?: AbortSignal): Promise<SearchPlot> {
    return this.client.get(this.path(project, name, 'plots', kind), { signal });
  }
}

function withState(state: ExperimentState): (now: Experiment) => Experiment {
  return now => ({ ...now, status: { ...now.status, state } });
}

/** What is better, of the objective that comes first. */
export function objectiveText({ spec }: Experiment): string {
  return spec.objectives
    .map(({ metric, direction }) => `${metric} ${direction === 'maximize' ? '↑' : '↓'}`)
    .join(', ');
}
