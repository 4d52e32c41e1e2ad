import type { Himalia, LabParts } from '../context';
import { deployChosen } from '../models/choose';
import type { Noun } from '../noun';
import { endpointIcon } from '../ui/icons';
import { placeKey } from '../ui/opened';
import { addItemCommands, addViewKind, CATEGORY, inFront } from '../ui/views';
import { canRollBack, start, stop } from './actions';
import { rollback } from './deploy';
import { EndpointsPanel } from './panel';
import { canUpdate, chooseUpdate } from './update';
import { EndpointView } from './view';

/** Endpoints in Lab: their commands and views, and their row in the navigator. */
export function addEndpoints(himalia: Himalia, lab: LabParts): Noun {
  const { app, endpoints, projects, trans } = himalia;
  const front = addViewKind(himalia, lab.restorer, {
    name: 'endpoint',
    key: placeKey,
    view: at => new EndpointView(himalia, at)
  });
  const command = 'himalia:endpoint-deploy';
  app.commands.addCommand(command, {
    label: trans.__('Deploy a model…'),
    caption: trans.__('Serve a model at an address that stays'),
    icon: endpointIcon,
    isEnabled: () => projects.current !== undefined,
    execute: () => deployChosen(himalia)
  });
  lab.palette?.addItem({ command, category: CATEGORY });
  lab.launcher?.add({ command, category: CATEGORY, rank: 5 });
  const shown = inFront(front, endpoints);
  addItemCommands(himalia, lab.palette, shown, [
    {
      name: 'endpoint-update',
      label: trans.__('Update endpoint…'),
      can: canUpdate,
      act: each => chooseUpdate(himalia, each)
    },
    {
      name: 'endpoint-rollback',
      label: trans.__('Roll back endpoint'),
      can: canRollBack,
      act: each => rollback(himalia, each)
    },
    {
      name: 'endpoint-stop',
      label: trans.__('Stop endpoint'),
      can: ({ spec }) => spec.running,
      act: each => stop(himalia, each)
    },
    {
      name: 'endpoint-start',
      label: trans.__('Start endpoint'),
      can: ({ spec }) => !spec.running,
      act: each => start(himalia, each)
    }
  ]);
  return {
    nouns: 'endpoints',
    noun: 'endpoint',
    title: trans.__('Endpoints'),
    running: { state: ['READY', 'UPDATING'] },
    list: project => <EndpointsPanel project={project} />
  };
}
