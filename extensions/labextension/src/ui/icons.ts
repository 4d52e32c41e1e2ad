import { LabIcon } from '@jupyterlab/ui-components';

const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">' +
  '<path class="jp-icon3 jp-icon-selectable" fill="#616161" fill-rule="evenodd" ' +
  'd="M9.2 5 1.5 19h21L16.6 9.4l-2.9 4.2zM9.3 9.1l2.9 5.1-1.7-.9-1.3 1.4-1.4-1.3-1.5.9z"/></svg>';

const RUN_SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">' +
  '<path class="jp-icon3" fill="#616161" d="M4 4h9v2H6v12h12v-7h2v9H4zM14 3l7 4.5L14 12z"/></svg>';

/** A drawing in Lab's own grey. */
function drawn(name: string, path: string): LabIcon {
  const svgstr =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">' +
    `<path class="jp-icon3" fill="#616161" fill-rule="evenodd" d="${path}"/></svg>`;
  return new LabIcon({ name: `himalia:${name}`, svgstr });
}

export const himaliaIcon = new LabIcon({ name: 'himalia:logo', svgstr: SVG });
export const runIcon = new LabIcon({ name: 'himalia:run', svgstr: RUN_SVG });
export const datasetIcon = drawn(
  'dataset',
  'M12 3c4.4 0 8 1.3 8 3v12c0 1.7-3.6 3-8 3s-8-1.3-8-3V6c0-1.7 3.6-3 8-3zm-6 6v3c.6.6 3 1.4 6 1.4s5.400-.8 6-1.400V9c-1.500.700-3.700 1-6 1s-4.500-.300-6-1zm0 6v3c.6.6 3 1.300 6 1.300s5.400-.700 6-1.300v-3c-1.500.700-3.700 1.200-6 1.200s-4.500-.500-6-1.200z'
);
export const searchIcon = drawn('search', 'M3 19h18v2H3zM4 13h3v5H4zm5-6h3v11H9zm5 3h3v8h-3zm5-7h3v15h-3z');
export const modelIcon = drawn(
  'model',
  'M12 2l8.500 5v10L12 22l-8.500-5V7zm0 2.300L6.500 7.600 12 10.800l5.500-3.200zM5.500 9.300v6.500l5.500 3.300v-6.500zm13 0L13 12.600v6.500l5.500-3.300z'
);
export const endpointIcon = drawn('endpoint', 'M4 5h16v6H4zm2 2v2h2V7zM4 13h16v6H4zm2 2v2h2v-2z');
