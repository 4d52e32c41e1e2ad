import type { Himalia, LabParts } from '../context';
import type { Noun } from '../noun';
import { datasetIcon } from '../ui/icons';
import type { Place } from '../ui/opened';
import { addViewKind, CATEGORY } from '../ui/views';
import { addDataset } from './add';
import { watchUploads } from './notices';
import { DatasetsPanel } from './panel';
import { DatasetView } from './view';

/** Datasets in Lab: their commands and views, and their row in the navigator. */
export function addDatasets(himalia: Himalia, lab: LabParts): Noun {
  const { app, trans } = himalia;
  addViewKind<Place>(himalia, lab.restorer, {
    name: 'dataset',
    key: ({ project, name }) => `${project}/${name}`,
    view: place => new DatasetView(himalia, place, lab.notebooks)
  });
  watchUploads(himalia, lab.status);
  const command = 'himalia:dataset-new';
  app.commands.addCommand(command, {
    label: trans.__('Upload a dataset…'),
    caption: trans.__('Upload a folder or files, such as a CSV, as a dataset'),
    icon: datasetIcon,
    execute: () => addDataset(himalia)
  });
  lab.palette?.addItem({ command, category: CATEGORY });
  lab.launcher?.add({ command, category: CATEGORY, rank: 1 });
  return {
    nouns: 'datasets',
    noun: 'dataset',
    title: trans.__('Datasets'),
    list: project => <DatasetsPanel project={project} />
  };
}
