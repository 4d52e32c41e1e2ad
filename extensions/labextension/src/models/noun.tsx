import type { Himalia, LabParts } from '../context';
import type { Noun } from '../noun';
import type { Place } from '../ui/opened';
import { addViewKind } from '../ui/views';
import { ModelsPanel } from './panel';
import { ModelView } from './view';

/** Models in Lab: their views, and their row in the navigator. */
export function addModels(himalia: Himalia, lab: LabParts): Noun {
  addViewKind<Place>(himalia, lab.restorer, {
    name: 'model',
    key: ({ project, name }) => `${project}/${name}`,
    view: place => new ModelView(himalia, place)
  });
  return {
    nouns: 'models',
    noun: 'model',
    title: himalia.trans.__('Models'),
    list: project => <ModelsPanel project={project} />
  };
}
