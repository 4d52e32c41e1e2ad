import { useState } from 'react';

import type { Experiment, Trial } from '../api/types';
import { useHimalia } from '../context';
import { registerModel } from '../models/register';
import { Button, Empty, Failure, Loading, Scroll, valueText } from '../ui/basics';
import { told } from '../ui/confirm';
import { duration, number } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { StateBadge } from '../ui/state';

const PAGE = 100;

interface TrialsProps {
  experiment: Experiment;
  /** Grows as trials change. */
  turn: number;
}

/** All trials in their order: what was tried, how it went, and the job that did it. */
export function Trials({ experiment, turn }: TrialsProps): JSX.Element {
  const { experiments, trans } = useHimalia();
  const [count, setCount] = useState(PAGE);
  const { value, error, reload } = useLoaded(
    signal => experiments.trials(experiment, { limit: Math.min(1000, count) }, signal),
    [experiments, experiment.id, experiment.status.state, turn, count]
  );
  if (error && !value) {
    return <Failure error={error} retry={reload} />;
  }
  if (!value) {
    return <Loading />;
  }
  if (value.items.length === 0) {
    return <Empty>{trans.__('The first trial shows here in a moment.')}</Empty>;
  }
  const names = Object.keys(experiment.spec.space);
  const { objectives } = experiment.spec;
  return (
    <div className="hm-Versions">
      <Scroll label={trans.__('Trials')}>
        <table className="hm-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Trial')}</th>
              <th scope="col">{trans.__('State')}</th>
              {objectives.map(({ metric }) => (
                <th key={metric} scope="col">
                  {metric}
                </th>
              ))}
              {names.map(name => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
              <th scope="col">{trans.__('Took')}</th>
              <th scope="col">
                <span className="hm-mod-hidden">{trans.__('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {value.items.map(trial => (
              <TrialRow key={trial.number} experiment={experiment} trial={trial} names={names} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {value.next_page_token && count < 1000 && (
        <Button onClick={() => setCount(count + PAGE)}>{trans.__('Show more')}</Button>
      )}
    </div>
  );
}

interface TrialRowProps {
  experiment: Experiment;
  trial: Trial;
  names: string[];
}

function TrialRow({ experiment, trial, names }: TrialRowProps): JSX.Element {
  const himalia = useHimalia();
  const { trans } = himalia;
  const { objectives } = experiment.spec;
  const isBest = experiment.status.best?.some(each => each.number === trial.number);
  const { started_at, ended_at } = trial;
  const took = started_at && ended_at ? (Date.parse(ended_at) - Date.parse(started_at)) / 1000 : null;
  return (
    <tr data-best={isBest || undefined}>
      <th scope="row">
        {trial.number}
        {isBest && <span className="hm-Count">{trans.__('best')}</span>}
      </th>
      <td title={trial.message ?? undefined}>
        <StateBadge state={trial.state} />
      </td>
      {objectives.map(({ metric }, at) => (
        <td key={metric}>{trial.values ? number(trial.values[at] ?? null) : ''}</td>
      ))}
      {names.map(name => (
        <td key={name}>{name in trial.parameters ? shown(trial.parameters[name], trans) : ''}</td>
      ))}
      <td>{took === null ? '' : duration(took)}</td>
      <td className="hm-Table-actions">
        <TrialActions experiment={experiment} trial={trial} />
      </td>
    </tr>
  );
}

function TrialActions({ experiment, trial }: { experiment: Experiment; trial: Trial }): JSX.Element {
  const himalia = useHimalia();
  const { app, experiments, trans } = himalia;
  const stop = () =>
    told(() => experiments.stopTrial(experiment, trial), trans.__('The trial was not stopped.'), trans);
  const source = { trial: { experiment: experiment.name, number: trial.number } };
  return (
    <>
      <Button
        title={trans.__('Open the job of trial %1', trial.number)}
        onClick={() =>
          void app.commands.execute('himalia:job-open', { project: experiment.project, name: trial.job })
        }
      >
        {trans.__('Job')}
      </Button>
      {trial.state === 'RUNNING' && (
        <Button title={trans.__('Stop trial %1', trial.number)} onClick={() => void stop()}>
          {trans.__('Stop')}
        </Button>
      )}
      {trial.state === 'COMPLETE' && (
        <Button
          title={trans.__('Register the model of trial %1', trial.number)}
          onClick={() => registerModel(himalia, experiment.project, experiment.name, source)}
        >
          {trans.__('Register')}
        </Button>
      )}
    </>
  );
}

function shown(value: unknown, trans: ReturnType<typeof useHimalia>['trans']): string {
  return typeof value === 'number' ? number(value) : valueText(value, trans);
}
