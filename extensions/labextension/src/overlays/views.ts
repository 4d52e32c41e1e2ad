import type { Himalia, LabParts } from '../context';
import { addViewKind } from '../ui/views';
import { offerWhereItFits } from './kernels';
import { tellBuilds } from './notices';
import { type OverlayPlace, OverlayView } from './view';

/** Environments of a requirements.txt in Lab: their log views, notices, and where their kernels are offered. */
export function addOverlays(himalia: Himalia, lab: LabParts): void {
  addViewKind(himalia, lab.restorer, {
    name: 'overlay',
    key: (place: OverlayPlace) => place.id,
    view: place => new OverlayView(himalia, place)
  });
  tellBuilds(himalia);
  offerWhereItFits(himalia, lab.notebooks, lab.browser);
}
