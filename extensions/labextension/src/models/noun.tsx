import type { Himalia, LabParts } from '../context';
import { deploy } from '../endpoints/deploy';
import type { Noun } from '../noun';
import { modelIcon } from '../ui/icons';
import { placeKey } from '../ui/opened';
import { addItemCommands, addViewKind, CATEGORY, inFront } from '../ui/views';
import { isUsable } from './actions';
import { registerChosen } from './choose';
import { evaluateModel } from './evaluate';
import { ModelsPanel } from './panel';
import { ModelView } from './view';

/** Models in Lab: their commands and views, and their row in the navigator. */
export function addModels(himalia: Himalia, lab: LabParts): Noun {
  const { app, models, projects, trans } = himalia;
  const front = addViewKind(himalia, lab.restorer, {
    name: 'model',
    key: placeKey,
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
  const shown = inFront(front, models);
  addItemCommands(himalia, lab.palette, () => shown() && front()?.version, [
    {
      name: 'model-deploy',
      label: trans.__('Deploy model version'),
      can: isUsable,
      act: version => deploy(himalia, version)
    },
    {
      name: 'model-evaluate',
      label: trans.__('Evaluate model version…'),
      can: isUsable,
      act: version => evaluateModel(himalia, version)
    }
  ]);
  return {
    nouns: 'models',
    noun: 'model',
    title: trans.__('Models'),
    list: project => <ModelsPanel project={project} />
  };
}
