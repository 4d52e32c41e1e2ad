import { useMemo, useState } from 'react';

import type { Experiment, Trial, TrialState } from '../api/types';
import { useHimalia } from '../context';
import { registerModel } from '../models/register';
import { TensorBoardButton } from '../tracking/tensorboard';
import { Button, Empty, Failure, Loading, valueText } from '../ui/basics';
import { BigTable, type Column } from '../ui/bigtable';
import { told } from '../ui/confirm';
import { duration, number } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { StateBadge } from '../ui/state';
import { stateWord } from '../ui/words';
import { TrialPages } from './trialpages';

type Trans = ReturnType<typeof useHimalia>['trans'];

const NONE: ReadonlySet<number> = new Set();
const STATES: readonly TrialState[] = ['RUNNING', 'WAITING', 'COMPLETE', 'PRUNED', 'FAILED', 'STOPPED'];

interface TrialsProps {
  experiment: Experiment;
  /** Grows as trials change. */
  turn: number;
}

/** All trials: what was tried, how it went and why, and the job that did it; sorted and filtered as one likes. */
export function Trials({ experiment, turn }: TrialsProps): JSX.Element {
  const { experiments, trans } = useHimalia();
  const [state, setState] = useState('');
  // eslint-disable-next-line react-hooks/exhaustive-deps -- another search has other pages
  const pages = useMemo(() => new TrialPages(), [experiment.id]);
  const { value, error, reload } = useLoaded(
    signal => pages.refresh(query => experiments.trials(experiment, query, signal)),
    [experiments, pages, experiment.status.state, turn]
  );
  const [chosen, setChosen] = useState<ReadonlySet<number>>(NONE);
  const columns = useColumns(experiment, chosen, setChosen);
  const shown = useMemo(
    () => (state ? value?.filter(trial => trial.state === state) : value) ?? [],
    [value, state]
  );
  if (error && !value) {
    return <Failure error={error} retry={reload} />;
  }
  if (!value) {
    return <Loading />;
  }
  if (value.length === 0) {
    return <Empty>{trans.__('The first trial shows here in a moment.')}</Empty>;
  }
  return (
    <div className="hm-Trials">
      <div className="hm-Trials-bar">
        <label>
          {trans.__('Show')}{' '}
          <select
            className="hm-Input"
            aria-label={trans.__('State')}
            value={state}
            onChange={event => setState(event.target.value)}
          >
            <option value="">{trans.__('all trials')}</option>
            {STATES.map(each => (
              <option key={each} value={each}>
                {stateWord(each, trans)}
              </option>
            ))}
          </select>
        </label>
        <span className="hm-Quiet" role="status">
          {trans._n('%1 trial', '%1 trials', shown.length)}
          {chosen.size > 0 && ` · ${trans._n('%1 selected', '%1 selected', chosen.size)}`}
        </span>
        {chosen.size > 0 && (
          <>
            <TensorBoardButton
              project={experiment.project}
              jobs={value.filter(trial => chosen.has(trial.number)).map(trial => trial.job)}
            />
            <Button kind="quiet" onClick={() => setChosen(NONE)}>
              {trans.__('Clear')}
            </Button>
          </>
        )}
      </div>
      <BigTable
        label={trans.__('Trials')}
        columns={columns}
        rows={shown}
        keyOf={keyOf}
        first="number"
        isMarked={trial => isBest(experiment, trial)}
      />
    </div>
  );
}

function keyOf(trial: Trial): number {
  return trial.number;
}

function isBest({ status }: Experiment, trial: Trial): boolean {
  return status.best?.some(each => each.number === trial.number) ?? false;
}

function useColumns(
  experiment: Experiment,
  chosen: ReadonlySet<number>,
  onChosen: (chosen: ReadonlySet<number>) => void
): Column<Trial>[] {
  const { trans } = useHimalia();
  return useMemo(
    () => [
      ...whichAndHow(experiment, chosen, onChosen, trans),
      ...experiment.spec.objectives.map(({ metric, direction }, at): Column<Trial> => ({
        name: `metric ${metric}`,
        title: metric,
        cell: trial => (trial.values ? number(trial.values[at] ?? null) : ''),
        value: trial => trial.values?.[at] ?? null,
        isFalling: direction === 'maximize'
      })),
      ...Object.keys(experiment.spec.space).map((name): Column<Trial> => ({
        name: `parameter ${name}`,
        title: name,
        cell: trial => (name in trial.parameters ? shownValue(trial.parameters[name], trans) : ''),
        value: trial => sortable(trial.parameters[name])
      })),
      ...whatBecame(experiment, trans)
    ],
    [experiment, chosen, onChosen, trans]
  );
}

function whichAndHow(
  experiment: Experiment,
  chosen: ReadonlySet<number>,
  onChosen: (chosen: ReadonlySet<number>) => void,
  trans: Trans
): Column<Trial>[] {
  const toggle = (number: number) => {
    const after = new Set(chosen);
    if (!after.delete(number)) {
      after.add(number);
    }
    onChosen(after);
  };
  return [
    {
      name: 'number',
      title: trans.__('Trial'),
      cell: trial => (
        <>
          <input
            type="checkbox"
            aria-label={trans.__('Select trial %1', trial.number)}
            checked={chosen.has(trial.number)}
            onChange={() => toggle(trial.number)}
          />{' '}
          {trial.number}
          {isBest(experiment, trial) && <span className="hm-Count">{trans.__('best')}</span>}
        </>
      ),
      value: trial => trial.number,
      isFalling: true
    },
    {
      name: 'state',
      title: trans.__('State'),
      cell: trial => <StateBadge state={trial.state} />,
      value: trial => stateWord(trial.state, trans)
    }
  ];
}

function whatBecame(experiment: Experiment, trans: Trans): Column<Trial>[] {
  return [
    {
      name: 'took',
      title: trans.__('Took'),
      cell: trial => {
        const took = seconds(trial);
        return took === null ? '' : duration(took);
      },
      value: seconds
    },
    {
      name: 'actions',
      title: <span className="hm-mod-hidden">{trans.__('Actions')}</span>,
      cell: trial => <TrialActions experiment={experiment} trial={trial} />
    },
    { name: 'why', title: trans.__('Why'), cell: trial => trial.message ?? prunedAt(trial, trans) }
  ];
}

function prunedAt({ state, pruned_step }: Trial, trans: Trans): string {
  return state === 'PRUNED' && pruned_step !== null ? trans.__('Ended early at step %1', pruned_step) : '';
}

function seconds({ started_at, ended_at }: Trial): number | null {
  return started_at && ended_at ? (Date.parse(ended_at) - Date.parse(started_at)) / 1000 : null;
}

function sortable(value: unknown): number | string | null {
  return typeof value === 'number' || typeof value === 'string'
    ? value
    : value === undefined
      ? null
      : JSON.stringify(value);
}

function shownValue(value: unknown, trans: Trans): string {
  return typeof value === 'number' ? number(value) : valueText(value, trans);
}

function TrialActions({ experiment, trial }: { experiment: Experiment; trial: Trial }): JSX.Element {
  const himalia = useHimalia();
  const { app, experiments, trans } = himalia;
  const stop = () =>
    told(() => experiments.stopTrial(experiment, trial), trans.__('The trial was not stopped.'), trans);
  const source = { trial: { experiment: experiment.name, number: trial.number } };
  return (
    <span className="hm-Table-actions">
      <Button
        title={trans.__('Open the job of trial %1', trial.number)}
        onClick={() =>
          void app.commands.execute('himalia:job-open', { project: experiment.project, name: trial.job })
        }
      >
        {trans.__('Job')}
      </Button>
      {trial.state === 'RUNNING' && (
        <Button title={trans.__('Stop trial %1', trial.number)} onClick={() => stop()}>
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
    </span>
  );
}
