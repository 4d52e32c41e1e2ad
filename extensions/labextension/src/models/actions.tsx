import type { Model, ModelVersion } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { deploy } from '../endpoints/deploy';
import { Button } from '../ui/basics';
import { confirm, told } from '../ui/confirm';
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
async function removed({ models, trans }: Himalia, model: Model): Promise<boolean> {
  const agreed = await confirm(
    trans.__('Delete “%1”?', model.name),
    trans.__('All its versions go with it. This cannot be taken back.'),
    trans.__('Delete'),
    trans
  );
  const gone =
    agreed &&
    (await told(
      () => models.remove(model).then(() => true),
      trans.__('“%1” was not deleted.', model.name),
      trans
    ));
  return gone === true;
}

async function removeVersion({ models, trans }: Himalia, version: ModelVersion): Promise<void> {
  const agreed = await confirm(
    trans.__('Delete version %1 of “%2”?', version.number, version.model),
    trans.__('Its files and aliases go with it; other versions stay. This cannot be taken back.'),
    trans.__('Delete'),
    trans
  );
  if (agreed) {
    await told(
      () => models.removeVersion(version),
      trans.__('Version %1 was not deleted.', version.number),
      trans
    );
  }
}
