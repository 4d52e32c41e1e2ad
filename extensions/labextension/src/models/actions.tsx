import type { Model, ModelVersion } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { deploy } from '../endpoints/deploy';
import { Button } from '../ui/basics';
import { ask, confirm, refused, told } from '../ui/confirm';
import { usersIn, usersText } from '../ui/users';
import { evaluateModel } from './evaluate';

/** Whether a version can be served and measured; otherwise its problem says why not. */
export function isUsable({ status }: ModelVersion): boolean {
  return !status.problem;
}

interface ActionsProps {
  model: Model;
  version: ModelVersion | undefined;
  close: () => void;
}

/** What can be done with a model and the version that is shown. */
export function Actions({ model, version, close }: ActionsProps): JSX.Element {
  const himalia = useHimalia();
  const { models, trans } = himalia;
  const download = (of: ModelVersion) =>
    told(() => models.download(of, 'download'), trans.__('It was not downloaded.'), trans);
  const remove = async () => {
    if (await removed(himalia, model)) {
      close();
    }
  };
  const usable = version && isUsable(version);
  return (
    <>
      {usable && (
        <Button
          kind="accept"
          title={trans.__('Serve this version at an address of its own')}
          onClick={() => deploy(himalia, version)}
        >
          {trans.__('Deploy')}
        </Button>
      )}
      {usable && (
        <Button
          title={trans.__('Measure this version on a dataset, as a job')}
          onClick={() => evaluateModel(himalia, version)}
        >
          {trans.__('Evaluate…')}
        </Button>
      )}
      {version && <Button onClick={() => download(version)}>{trans.__('Download')}</Button>}
      {version && model.status.versions > 1 && (
        <Button onClick={() => removeVersion(himalia, version)}>
          {trans.__('Delete version %1', version.number)}
        </Button>
      )}
      <Button onClick={remove}>{trans.__('Delete')}</Button>
    </>
  );
}

/** Delete a model after a question; true when it is gone. */
async function removed(himalia: Himalia, model: Model): Promise<boolean> {
  const { models, trans } = himalia;
  const agreed = await confirm(
    trans.__('Delete “%1”?', model.name),
    trans.__('All its versions go with it. This cannot be taken back.'),
    trans.__('Delete'),
    trans
  );
  return agreed && unlessServed(himalia, model.project, model.name, () => models.remove(model));
}

async function removeVersion(himalia: Himalia, version: ModelVersion): Promise<void> {
  const { models, trans } = himalia;
  const { project, model, number } = version;
  const agreed = await confirm(
    trans.__('Delete version %1 of “%2”?', number, model),
    trans.__('Its files and aliases go with it; other versions stay. This cannot be taken back.'),
    trans.__('Delete'),
    trans
  );
  if (agreed) {
    await unlessServed(himalia, project, `${model}@${number}`, () => models.removeVersion(version));
  }
}

/** Delete; where an endpoint serves it that is told instead, with a way there. True when it is gone. */
async function unlessServed(
  { app, trans }: Himalia,
  project: string,
  name: string,
  remove: () => Promise<unknown>
): Promise<boolean> {
  try {
    await remove();
    return true;
  } catch (error) {
    const users = usersIn(error) ?? [];
    const endpoint = users[0]?.names[0];
    if (!endpoint) {
      refused(trans.__('“%1” was not deleted.', name), error, trans);
      return false;
    }
    const answer = await ask(
      trans.__('“%1” is in use', name),
      trans.__(
        'It is served by %1, or kept there to roll back to. Delete what serves it first.',
        usersText(users, trans)
      ),
      [trans.__('Open “%1”', endpoint)],
      trans
    );
    if (answer === 0) {
      await app.commands.execute('himalia:endpoint-open', { project, name: endpoint });
    }
    return false;
  }
}
