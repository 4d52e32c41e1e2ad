import { memo } from 'react';

import type { Model, Project } from '../api/types';
import { useHimalia } from '../context';
import { When } from '../ui/basics';
import { modelIcon } from '../ui/icons';
import { ListPanel, TwoLines } from '../ui/listpanel';

/** The project's models. */
export function ModelsPanel({ project }: { project: Project }): JSX.Element {
  const { app, models, trans } = useHimalia();
  return (
    <ListPanel
      project={project}
      store={models}
      label={trans.__('Models')}
      search={trans.__('Search models')}
      row={row}
      rowClass="hm-ModelRow"
      onOpen={({ project: of, name }) =>
        void app.commands.execute('himalia:model-open', { project: of, name })
      }
      nothingFound={trans.__('No model matches this search.')}
      empty={{
        title: trans.__('No models yet'),
        children: trans.__(
          'A model keeps versions of what training left, with where each came from, ready to be deployed. Register one on a job or on the best trial of an experiment.'
        ),
        action: {
          label: trans.__('Search parameters'),
          run: () => void app.commands.execute('himalia:search-choose')
        }
      }}
    />
  );
}

function row(model: Model): JSX.Element {
  return <ModelRow model={model} />;
}

const ModelRow = memo(function ModelRow({ model }: { model: Model }): JSX.Element {
  const { trans } = useHimalia();
  const { latest, aliases } = model.status;
  return (
    <TwoLines
      badge={<modelIcon.react tag="span" className="hm-Row-icon" />}
      name={model.name}
      when={<When at={model.updated_at} />}
    >
      <span>
        {latest === null
          ? trans.__('No version yet')
          : [
              trans.__('Version %1', latest),
              ...Object.entries(aliases).map(([alias, number]) => `${alias} = ${number}`)
            ].join(' · ')}
      </span>
    </TwoLines>
  );
});
