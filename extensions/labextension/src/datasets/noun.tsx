import type { Himalia, LabParts } from '../context';
import type { Noun } from '../noun';
import { datasetIcon } from '../ui/icons';
import { placeKey } from '../ui/opened';
import { addItemCommands, addViewKind, CATEGORY, inFront } from '../ui/views';
import { addDataset, addVersion } from './add';
import { chooseInLab, selected } from './labfiles';
import { watchUploads } from './notices';
import { DatasetsPanel } from './panel';
import { putIntoNotebook } from './use';
import { DatasetView } from './view';

/** Datasets in Lab: their commands and views, and their row in the navigator. */
export function addDatasets(himalia: Himalia, lab: LabParts): Noun {
  const { app, datasets, trans } = himalia;
  const front = addViewKind(himalia, lab.restorer, {
    name: 'dataset',
    key: placeKey,
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
  const shown = inFront(front, datasets);
  addItemCommands(himalia, lab.palette, () => shown() && front()?.version, [
    {
      name: 'dataset-use',
      label: trans.__('Use dataset in notebook'),
      act: version => putIntoNotebook(himalia, lab.notebooks, version)
    }
  ]);
  addItemCommands(himalia, lab.palette, shown, [
    {
      name: 'dataset-version',
      label: trans.__('New version of dataset…'),
      act: dataset => addVersion(himalia, dataset)
    }
  ]);
  addFromLab(himalia, lab);
  return {
    nouns: 'datasets',
    noun: 'dataset',
    title: trans.__('Datasets'),
    list: project => <DatasetsPanel project={project} />
  };
}

/** Files of the notebook server as a dataset: those that are selected in Lab's file browser, and the palette's. */
function addFromLab(himalia: Himalia, { browser, palette }: LabParts): void {
  const { app, trans } = himalia;
  const choose = 'himalia:dataset-choose';
  app.commands.addCommand(choose, {
    label: trans.__('Add files of this server as a dataset…'),
    caption: trans.__('Choose a folder or files of your notebook server as a dataset'),
    icon: datasetIcon,
    execute: async () => {
      const chosen = await chooseInLab(himalia);
      return chosen && addDataset(himalia, chosen);
    }
  });
  palette?.addItem({ command: choose, category: CATEGORY });
  app.commands.addCommand('himalia:dataset-add-selected', {
    label: trans.__('Add as dataset…'),
    icon: datasetIcon,
    execute: () => browser && addDataset(himalia, selected(himalia, browser))
  });
}
