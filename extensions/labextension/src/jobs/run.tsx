import { ReactWidget } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { useEffect, useId, useRef } from 'react';

import { ApiError } from '../api/client';
import type { Job, JobSpec, Page, Profile, Runnable } from '../api/types';
import { Himalia, HimaliaContext, useHimalia } from '../context';
import { Button, Failure, Loading } from '../ui/basics';
import { useLoaded } from '../ui/hooks';
import { openJob } from './actions';
import { RunForm, Wish } from './runform';

/** Ask how a notebook or script is to run, then run it as a job and open the job. */
export function runAsJob(himalia: Himalia, path: string): void {
  const dialog = new RunDialog(himalia, path);
  Widget.attach(dialog, document.body);
  MessageLoop.sendMessage(dialog, Widget.Msg.UpdateRequest);
}

class RunDialog extends ReactWidget {
  constructor(
    private readonly himalia: Himalia,
    private readonly path: string
  ) {
    super();
    this.addClass('hm-RunDialog');
  }

  protected render(): JSX.Element {
    return (
      <HimaliaContext.Provider value={this.himalia}>
        <Modal path={this.path} close={() => this.dispose()} />
      </HimaliaContext.Provider>
    );
  }
}

/** The browser's own modal dialog: it keeps the focus inside and closes by Escape. */
function Modal({ path, close }: { path: string; close: () => void }): JSX.Element {
  const { trans } = useHimalia();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const before = useRef<HTMLElement | null>(null);
  useEffect(() => {
    before.current = focused();
    dialog.current?.showModal();
  }, []);
  const end = () => {
    dialog.current?.close();
    // The browser gives it back to Lab's toolbar, which passes it on to another button.
    before.current?.focus();
  };
  return (
    <dialog
      ref={dialog}
      className="hm-Dialog"
      aria-labelledby={id}
      onClose={close}
      onCancel={event => {
        event.preventDefault();
        end();
      }}
      // Keys typed into the form are no shortcuts of Lab.
      onKeyDown={event => event.stopPropagation()}
    >
      <h2 id={id}>{trans.__('Run “%1” as a job', PathExt.basename(path))}</h2>
      <Prepared path={path} close={end} />
    </dialog>
  );
}

/** The element with the focus, also inside of one of Lab's own elements. */
function focused(): HTMLElement | null {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) {
    element = element.shadowRoot.activeElement;
  }
  return element instanceof HTMLElement ? element : null;
}

function Prepared({ path, close }: { path: string; close: () => void }): JSX.Element {
  const himalia = useHimalia();
  const { client, server, trans } = himalia;
  const { value, error, reload } = useLoaded(async () => {
    await save(himalia, path);
    const [runnable, profiles] = await Promise.all([
      server.describe(path),
      client.get<Page<Profile>>('/profiles')
    ]);
    return { runnable, profiles: profiles.items };
  }, [path]);
  if (error) {
    return (
      <>
        <Failure error={error} retry={reload} />
        <footer className="hm-RunForm-footer">
          <Button onClick={close}>{trans.__('Close')}</Button>
        </footer>
      </>
    );
  }
  if (!value) {
    return <Loading />;
  }
  return (
    <RunForm
      runnable={value.runnable}
      profiles={value.profiles}
      cancel={close}
      submit={async (wish, tell) => {
        const job = await submit(himalia, value.runnable, wish, tell);
        // Before the job's view: closing gives the focus back, and the view is to keep it.
        close();
        await openJob(himalia, job);
      }}
    />
  );
}

async function submit(
  himalia: Himalia,
  runnable: Runnable,
  wish: Wish,
  tell: (step: string) => void
): Promise<Job> {
  const { jobs, projects, server, trans } = himalia;
  const project = projects.current;
  if (!project) {
    throw (
      projects.error ??
      new ApiError(0, 'unreachable', trans.__('Your projects are not loaded yet. Try again.'))
    );
  }
  await save(himalia, runnable.path);
  tell(trans.__('Sending the code…'));
  const snapshot = await server.snapshot(runnable.path, project.name);
  tell(trans.__('Submitting…'));
  const file = PathExt.basename(runnable.path);
  const spec: JobSpec = {
    kind: runnable.kind,
    ...(runnable.kind === 'notebook' ? { notebook: file } : { script: file }),
    parameters: wish.parameters,
    profile: wish.profile,
    size: wish.size,
    snapshot: snapshot.digest,
    requirements: wish.useRequirements ? snapshot.requirements : null,
    retries: wish.retries,
    time_limit_s: wish.timeLimit
  };
  return jobs.submit(project.name, wish.name ? { name: wish.name, spec } : { spec });
}

/** What runs is what the person sees: an open document with unsaved changes is saved first. */
async function save({ docManager }: Himalia, path: string): Promise<void> {
  const widget = docManager.findWidget(path);
  const context = widget && docManager.contextForWidget(widget);
  if (context?.model.dirty && !context.model.readOnly) {
    await context.save();
  }
}
