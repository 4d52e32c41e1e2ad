import type { Himalia, LabParts } from '../context';
import { himaliaIcon } from '../ui/icons';
import { addViewKind, CATEGORY } from '../ui/views';
import { type MlflowPlace, MlflowView } from './mlflow';

/** MLflow in Lab: its pages in the main area, from the palette, the launcher, and each job. */
export function addTracking(himalia: Himalia, lab: LabParts): void {
  const { app, projects, trans } = himalia;
  addViewKind(himalia, lab.restorer, {
    name: 'mlflow',
    key: (place: MlflowPlace) => `${place.project}/${place.job ?? ''}`,
    view: place => new MlflowView(himalia, place)
  });
  const command = 'himalia:open-mlflow';
  app.commands.addCommand(command, {
    label: args => (args.isPalette ? trans.__('Open MLflow') : trans.__('MLflow')),
    caption: trans.__('Runs, metrics and artifacts of the current project'),
    icon: himaliaIcon,
    isEnabled: () => projects.current !== undefined,
    execute: () => openMlflow(himalia, projects.current?.name ?? '')
  });
  lab.palette?.addItem({ command, category: CATEGORY, args: { isPalette: true } });
  lab.launcher?.add({ command, category: CATEGORY, rank: 6 });
}

/** Show MLflow's pages of a project, at the run of a job where one is named. */
export function openMlflow({ app }: Himalia, project: string, job?: string): Promise<unknown> {
  return app.commands.execute('himalia:mlflow-open', job ? { project, job } : { project });
}
