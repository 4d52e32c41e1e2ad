import { LabIcon } from '@jupyterlab/ui-components';

const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">' +
  '<path class="jp-icon3 jp-icon-selectable" fill="#616161" fill-rule="evenodd" ' +
  'd="M9.2 5 1.5 19h21L16.6 9.4l-2.9 4.2zM9.3 9.1l2.9 5.1-1.7-.9-1.3 1.4-1.4-1.3-1.5.9z"/></svg>';

const RUN_SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">' +
  '<path class="jp-icon3" fill="#616161" d="M4 4h9v2H6v12h12v-7h2v9H4zM14 3l7 4.5L14 12z"/></svg>';

export const himaliaIcon = new LabIcon({ name: 'himalia:logo', svgstr: SVG });
export const runIcon = new LabIcon({ name: 'himalia:run', svgstr: RUN_SVG });
