import type { Himalia, LabParts } from '../context';
import { leftModel, registerOfJob } from '../models/choose';
import type { Noun } from '../noun';
import { type Place, placeKey } from '../ui/opened';
import { addItemCommands, addViewKind, CATEGORY, inFront } from '../ui/views';
import { addJobCommands, addRunCommands } from './commands';
import { CompareView, type ComparePlace } from './compare';
import { tellEnds } from './notices';
import { JobsPanel } from './panel';
import { Selection } from './selection';
import { JobView } from './view';

/** Jobs in Lab: their commands, views and notices, and their row in the navigator. */
export function addJobs(himalia: Himalia, lab: LabParts): Noun {
  const { jobs, trans } = himalia;
  const selection = new Selection();
  const front = addViewKind(himalia, lab.restorer, {
    name: 'job',
    label: trans.__('Open'),
    key: placeKey,
    view: place => new JobView(himalia, place),
    meant: () => jobUnderMenu(himalia)
  });
  addViewKind(himalia, lab.restorer, {
    name: 'compare',
    key: ({ project, names }: ComparePlace) => [project, ...names].join('/'),
    view: place => new CompareView(himalia, place)
  });
  addJobCommands(himalia, selection);
  addItemCommands(himalia, lab.palette, inFront(front, jobs), [
    {
      name: 'job-register',
      label: trans.__('Register the job’s model…'),
      can: leftModel,
      act: job => registerOfJob(himalia, job)
    }
  ]);
  for (const command of addRunCommands(himalia, lab.notebooks, lab.browser)) {
    lab.palette?.addItem({ command, category: CATEGORY });
  }
  lab.launcher?.add({ command: 'himalia:run-choose', category: CATEGORY, rank: 2 });
  tellEnds(himalia);
  return {
    nouns: 'jobs',
    noun: 'job',
    title: trans.__('Jobs'),
    running: { state: 'RUNNING' },
    list: project => <JobsPanel project={project} selection={selection} />
  };
}

function jobUnderMenu({ app, jobs }: Himalia): Place | undefined {
  const row = app.contextMenuHitTest(node => node.classList.contains('hm-JobRow'));
  const job = row?.dataset.key === undefined ? undefined : jobs.get(row.dataset.key);
  return job && { project: job.project, name: job.name };
}
