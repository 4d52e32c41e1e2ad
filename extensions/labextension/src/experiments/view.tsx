import { useEffect, useReducer, useState } from 'react';

import type { Experiment, SearchParameter } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Bar, Button, Pairs, Value, When } from '../ui/basics';
import { told } from '../ui/confirm';
import { duration, number } from '../ui/format';
import { useNow } from '../ui/hooks';
import { searchIcon } from '../ui/icons';
import { Item } from '../ui/item';
import { LineageGraph } from '../ui/lineage';
import type { Place } from '../ui/opened';
import { StateBadge } from '../ui/state';
import { ThingView } from '../ui/thingview';
import { stateWord } from '../ui/words';
import { Actions, registerBest } from './actions';
import { objectiveText } from './model';
import { SearchPlots } from './plots';
import { Trials } from './trials';

type Trans = ReturnType<typeof useHimalia>['trans'];
type BestTrial = NonNullable<Experiment['status']['best']>[number];

/** Changes of trials come in crowds: what is drawn from them is asked for at most this often. */
const CALM_MS = 1000;

/** One search in the main area. */
export class ExperimentView extends ThingView<Experiment> {
  constructor(himalia: Himalia, place: Place) {
    const { experiments, trans } = himalia;
    super(himalia, place, {
      store: experiments,
      icon: searchIcon,
      caption: at => trans.__('Experiment %1 of project %2', at.name, at.project),
      gone: trans.__('This experiment is gone')
    });
  }

  protected shown(experiment: Experiment): JSX.Element {
    return <Shown experiment={experiment} close={() => this.close()} />;
  }
}

function Shown({ experiment, close }: { experiment: Experiment; close: () => void }): JSX.Element {
  const { trans } = useHimalia();
  const [tab, setTab] = useState('overview');
  const turn = useTurns(experiment);
  const { status, spec } = experiment;
  return (
    <Item
      title={experiment.name}
      badge={<StateBadge state={status.state} />}
      subtitle={
        <>
          {[spec.job.notebook ?? spec.job.script, objectiveText(experiment), experiment.created_by.name]
            .filter(Boolean)
            .join(' · ')}{' '}
          · <When at={experiment.created_at} />
        </>
      }
      actions={<Actions experiment={experiment} close={close} />}
      live={[
        trans.__(
          '%1: %2, %3 of %4 trials',
          experiment.name,
          stateWord(status.state, trans),
          status.done,
          status.total
        ),
        status.message
      ]
        .filter(Boolean)
        .join('. ')}
      tab={tab}
      onTab={setTab}
      tabs={[
        {
          name: 'overview',
          label: trans.__('Overview'),
          content: () => (
            <>
              <Overview experiment={experiment} />
              <SearchPlots
                experiment={experiment}
                turn={turn}
                kinds={['history', 'importance', 'parallel']}
              />
            </>
          )
        },
        {
          name: 'trials',
          label: trans.__('Trials'),
          count: status.done,
          content: () => <Trials experiment={experiment} turn={turn} />
        },
        {
          name: 'plots',
          label: trans.__('More plots'),
          content: () => (
            <SearchPlots
              experiment={experiment}
              turn={turn}
              kinds={spec.objectives.length > 1 ? ['pareto', 'slice'] : ['slice', 'intermediate']}
            />
          )
        },
        {
          name: 'lineage',
          label: trans.__('Lineage'),
          content: () => <LineageGraph project={experiment.project} of={`experiment:${experiment.id}`} />
        }
      ]}
    />
  );
}

/** A number that grows, not too often, as trials change. */
function useTurns(experiment: Experiment): number {
  const { experiments, live } = useHimalia();
  const [turn, next] = useReducer((count: number) => count + 1, 0);
  const { id, project, name } = experiment;
  useEffect(() => {
    let timer = 0;
    const soon = () => {
      timer ||= window.setTimeout(() => {
        timer = 0;
        next();
        experiments.fetch(project, name).catch(() => undefined);
      }, CALM_MS);
    };
    const following = live.follow(`experiment:${id}`, { onMessage: soon, onResumed: soon });
    return () => {
      clearTimeout(timer);
      following.dispose();
    };
  }, [experiments, live, id, project, name]);
  return turn;
}

/** How far it is, and what did best. */
function Overview({ experiment }: { experiment: Experiment }): JSX.Element {
  const { trans } = useHimalia();
  const { state, message, counts, done, total, started_at, ended_at } = experiment.status;
  const now = useNow(1000, state === 'RUNNING');
  const took = ((ended_at ? Date.parse(ended_at) : now) - Date.parse(started_at)) / 1000;
  const words: [string, number | undefined][] = [
    [trans.__('running'), counts.running],
    [trans.__('complete'), counts.complete],
    [trans.__('pruned'), counts.pruned],
    [trans.__('failed'), counts.failed],
    [trans.__('stopped'), counts.stopped]
  ];
  return (
    <div className="hm-Overview">
      <section className="hm-Now" data-state={state}>
        <p>
          {trans.__('%1 of %2 trials', done, total)}
          {words.filter(([, count]) => count).map(([word, count]) => ` · ${count} ${word}`)}
          {` · ${duration(Math.max(0, took))}`}
        </p>
        {message && <p>{message}</p>}
        <Bar value={done / Math.max(1, total)} label={trans.__('Progress')} />
      </section>
      <Best experiment={experiment} />
      <section>
        <h3>{trans.__('What is searched')}</h3>
        <Pairs pairs={spaceOf(experiment, trans)} />
      </section>
    </div>
  );
}

function spaceOf({ spec }: Experiment, trans: Trans): [string, string][] {
  return Object.entries(spec.space).map(([name, parameter]) => [
    name,
    [rangeText(parameter, trans), ...conditions(parameter, trans)].join(' · ')
  ]);
}

function rangeText({ kind, low, high, log, step, choices }: SearchParameter, trans: Trans): string {
  if (kind === 'categorical') {
    return (choices ?? []).map(choice => JSON.stringify(choice)).join(', ');
  }
  const [from, to] = [number(low ?? null), number(high ?? null)];
  if (log) {
    return trans.__('%1 – %2, over orders of magnitude', from, to);
  }
  return step ? trans.__('%1 – %2 in steps of %3', from, to, number(step)) : trans.__('%1 – %2', from, to);
}

function conditions({ when = {} }: SearchParameter, trans: Trans): string[] {
  return Object.entries(when).map(([name, values]) =>
    trans.__(
      'only when %1 is %2',
      name,
      [values]
        .flat()
        .map(each => JSON.stringify(each))
        .join(', ')
    )
  );
}

/** The best trial so far, or those that no other beats. */
function Best({ experiment }: { experiment: Experiment }): JSX.Element {
  const { trans } = useHimalia();
  const { best = [] } = experiment.status;
  if (best.length === 0) {
    return (
      <section>
        <h3>{trans.__('Best trial')}</h3>
        <p className="hm-Quiet">{trans.__('It shows here as soon as a trial has ended with a value.')}</p>
      </section>
    );
  }
  return (
    <>
      {best.map(trial => (
        <BestOne key={trial.number} experiment={experiment} best={trial} />
      ))}
    </>
  );
}

/** Values and parameters of a trial, and what can be made of it. */
function BestOne({ experiment, best }: { experiment: Experiment; best: BestTrial }): JSX.Element {
  const himalia = useHimalia();
  const { app, trans } = himalia;
  const { objectives } = experiment.spec;
  const openJob = async () => {
    const trial = await told(
      () => himalia.experiments.trial(experiment, best.number),
      trans.__('The trial was not opened.'),
      trans
    );
    if (trial) {
      await app.commands.execute('himalia:job-open', { project: experiment.project, name: trial.job });
    }
  };
  return (
    <section>
      <h3>
        {objectives.length > 1
          ? trans.__('Trial %1: no other beats it', best.number)
          : trans.__('Best trial: %1', best.number)}
      </h3>
      <Pairs
        pairs={[
          ...objectives.map(({ metric }, at): [string, string] => [metric, number(best.values[at] ?? null)]),
          ...Object.entries(best.parameters).map(([name, value]): [string, JSX.Element] => [
            name,
            <Value key={name} of={value} />
          ])
        ]}
      />
      <p className="hm-Best-actions">
        <Button
          kind="accept"
          title={trans.__('Make the model that this trial left a version of a registered model')}
          onClick={() => registerBest(himalia, experiment, best.number)}
        >
          {trans.__('Register model')}
        </Button>
        <Button onClick={() => openJob()}>{trans.__('Open its job')}</Button>
      </p>
    </section>
  );
}
