import { memo } from 'react';

import type { Experiment, Project } from '../api/types';
import { useHimalia } from '../context';
import { Bar, When } from '../ui/basics';
import { number } from '../ui/format';
import { ListPanel, TwoLines } from '../ui/listpanel';
import { StateBadge } from '../ui/state';
import { stateWord } from '../ui/words';
import { objectiveText, STATES } from './model';

/** The project's searches, newest first. */
export function ExperimentsPanel({ project }: { project: Project }): JSX.Element {
  const { app, experiments, trans } = useHimalia();
  return (
    <ListPanel
      project={project}
      store={experiments}
      label={trans.__('Experiments')}
      search={trans.__('Search experiments')}
      states={STATES}
      row={row}
      rowClass="hm-ExperimentRow"
      onOpen={({ project: of, name }) =>
        void app.commands.execute('himalia:experiment-open', { project: of, name })
      }
      nothingFound={trans.__('No experiment matches this search.')}
      empty={{
        title: trans.__('No experiments yet'),
        children: trans.__(
          'An experiment runs a notebook many times with other parameters, to find those that do best.'
        ),
        action: {
          label: trans.__('Search parameters'),
          run: () => void app.commands.execute('himalia:search-choose')
        }
      }}
    />
  );
}

function row(experiment: Experiment): JSX.Element {
  return <ExperimentRow experiment={experiment} />;
}

const ExperimentRow = memo(function ExperimentRow({ experiment }: { experiment: Experiment }): JSX.Element {
  const { trans } = useHimalia();
  const { state, done, total, best = [], ended_at } = experiment.status;
  const value = best[0]?.values[0];
  return (
    <TwoLines
      badge={<StateBadge state={state} quiet />}
      name={experiment.name}
      title={`${experiment.name} · ${objectiveText(experiment)}`}
      when={<When at={ended_at ?? experiment.created_at} />}
    >
      <span>
        {stateWord(state, trans)} · {trans.__('%1 of %2 trials', done, total)}
        {value !== undefined && ` · ${trans.__('best %1', number(value))}`}
      </span>
      {state === 'RUNNING' && <Bar value={done / Math.max(1, total)} label={trans.__('Progress')} />}
    </TwoLines>
  );
});
