import type { Himalia, LabParts } from '../context';
import type { Noun } from '../noun';
import type { Place } from '../ui/opened';
import { addViewKind } from '../ui/views';
import { EndpointsPanel } from './panel';
import { EndpointView } from './view';

/** Endpoints in Lab: their views, and their row in the navigator. */
export function addEndpoints(himalia: Himalia, lab: LabParts): Noun {
  addViewKind<Place>(himalia, lab.restorer, {
    name: 'endpoint',
    key: ({ project, name }) => `${project}/${name}`,
    view: place => new EndpointView(himalia, place)
  });
  return {
    nouns: 'endpoints',
    noun: 'endpoint',
    title: himalia.trans.__('Endpoints'),
    running: { state: 'READY' },
    list: project => <EndpointsPanel project={project} />
  };
}
