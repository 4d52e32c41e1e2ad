import type { Himalia, LabParts } from '../context';
import type { Noun } from '../noun';
import { modelIcon } from '../ui/icons';
import type { Place } from '../ui/opened';
import { addItemCommands, addViewKind, CATEGORY } from '../ui/views';
import { deployNewest, registerChosen } from './choose';
import { ModelsPanel } from './panel';
import { ModelView } from './view';

/** Models in Lab: their commands and views, and their row in the navigator. */
export function addModels(himalia: Himalia, lab: LabParts): Noun {
  const { app, models, projects, trans } = himalia;
  const place = addViewKind<Place>(himalia, lab.restorer, {
    name: 'model',
    key: ({ project, name }) => `${project}/${name}`,
    view: at => new ModelView(himalia, at)
  });
  const command = 'himalia:model-register';
  app.commands.addCommand(command, {
    label: trans.__('Register a model…'),
    caption: trans.__('Make what a job or a search left a version of a model'),
    icon: modelIcon,
    isEnabled: () => projects.current !== undefined,
    execute: () => registerChosen(himalia)
  });
  lab.palette?.addItem({ command, category: CATEGORY });
  lab.launcher?.add({ command, category: CATEGORY, rank: 4 });
  const shown = () => {
    const at = place();
    return at && models.find(at.project, at.name);
  };
  addItemCommands(himalia, lab.palette, shown, [
    {
      name: 'model-deploy',
      label: trans.__('Deploy the newest version of this model'),
      can: ({ status }) => status.latest !== null,
      act: model => deployNewest(himalia, model)
    }
  ]);
  return {
    nouns: 'models',
    noun: 'model',
    title: trans.__('Models'),
    list: project => <ModelsPanel project={project} />
  };
}
