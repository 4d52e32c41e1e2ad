import type { Himalia, LabParts } from '../context';
import type { Noun } from '../noun';
import { searchIcon } from '../ui/icons';
import { placeKey } from '../ui/opened';
import { addItemCommands, addViewKind, CATEGORY, inFront } from '../ui/views';
import { canResume, canStop, registerBest, resume, stop } from './actions';
import { ExperimentsPanel } from './panel';
import { searchFile, searchParameters } from './search';
import { ExperimentView } from './view';

/** Searches in Lab: their commands and views, and their row in the navigator. */
export function addExperiments(himalia: Himalia, lab: LabParts): Noun {
  const { app, docManager, trans } = himalia;
  const front = addViewKind(himalia, lab.restorer, {
    name: 'experiment',
    key: placeKey,
    view: at => new ExperimentView(himalia, at)
  });
  app.commands.addCommand('himalia:search-notebook', {
    label: trans.__('Search parameters'),
    caption: trans.__('Run this notebook many times to find its best parameters'),
    icon: searchIcon,
    isEnabled: () => Boolean(lab.notebooks?.currentWidget),
    execute: () => {
      const panel = lab.notebooks?.currentWidget;
      if (panel) {
        searchParameters(himalia, docManager.services.contents.localPath(panel.context.path));
      }
    }
  });
  app.commands.addCommand('himalia:search-file', {
    label: trans.__('Search parameters'),
    icon: searchIcon,
    execute: () => {
      const chosen = lab.browser?.selectedItems().next().value as { path: string } | undefined;
      if (chosen) {
        searchParameters(himalia, docManager.services.contents.localPath(chosen.path));
      }
    }
  });
  app.commands.addCommand('himalia:search-choose', {
    label: trans.__('Search parameters of a notebook…'),
    caption: trans.__('Choose a notebook and run it many times to find its best parameters'),
    icon: searchIcon,
    execute: () => searchFile(himalia)
  });
  for (const command of ['himalia:search-notebook', 'himalia:search-choose']) {
    lab.palette?.addItem({ command, category: CATEGORY });
  }
  lab.launcher?.add({ command: 'himalia:search-choose', category: CATEGORY, rank: 3 });
  const shown = inFront(front, himalia.experiments);
  addItemCommands(himalia, lab.palette, shown, [
    {
      name: 'experiment-stop',
      label: trans.__('Stop search'),
      can: canStop,
      act: each => stop(himalia, each)
    },
    {
      name: 'experiment-resume',
      label: trans.__('Resume search'),
      can: canResume,
      act: each => resume(himalia, each)
    },
    {
      name: 'experiment-register',
      label: trans.__('Register the best trial’s model'),
      can: ({ status }) => (status.best?.length ?? 0) > 0,
      act: each => registerBest(himalia, each)
    }
  ]);
  return {
    nouns: 'experiments',
    noun: 'experiment',
    title: trans.__('Experiments'),
    running: { state: 'RUNNING' },
    list: project => <ExperimentsPanel project={project} />
  };
}
