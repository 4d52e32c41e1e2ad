import type { Endpoint, ModelVersion, Page, Profile } from '../api/types';
import { ApiError } from '../api/client';
import { type Himalia, useHimalia } from '../context';
import { firstChoice } from '../jobs/profiles';
import { Button } from '../ui/basics';
import { confirm, refused, told } from '../ui/confirm';
import { openModal } from '../ui/modal';
import { modelOf, type RevisionWish, servingRevision, type UpdateWish } from './model';

/** Serve a model version: at once, or where endpoints serve its model already, as the person chooses. */
export async function deploy(himalia: Himalia, version: ModelVersion): Promise<void> {
  const { endpoints, trans } = himalia;
  const found = await told(
    async () => {
      const [all, wish] = await Promise.all([endpoints.all(version.project), wishFor(himalia, version)]);
      return { others: all.filter(each => servesModel(each, version.model)), wish };
    },
    trans.__('“%1” was not deployed.', version.name),
    trans
  );
  if (!found) {
    return;
  }
  endpoints.put(...found.others);
  if (found.others.length === 0) {
    await make(himalia, version, found.wish);
  } else {
    openModal(himalia, trans.__('Deploy version %1 of %2', version.number, version.model), close => (
      <Choice version={version} wish={found.wish} others={found.others} close={close} />
    ));
  }
}

function servesModel(endpoint: Endpoint, model: string): boolean {
  return servingRevision(endpoint)?.model?.name === model;
}

/** The version on the profile that has its environment, in the smallest size. */
async function wishFor({ client, page }: Himalia, version: ModelVersion): Promise<RevisionWish> {
  const profiles = await client.get<Page<Profile>>('/profiles');
  const { profile, size } = firstChoice(profiles.items, page, version.status.environment ?? undefined);
  return { model: version.name, profile, size };
}

async function make(himalia: Himalia, version: ModelVersion, wish: RevisionWish): Promise<void> {
  const { endpoints, trans } = himalia;
  const made = await told(
    () => endpoints.deploy(version.project, wish),
    trans.__('“%1” was not deployed.', version.name),
    trans
  );
  if (made) {
    await open(himalia, made);
  }
}

function open({ app }: Himalia, { project, name }: Endpoint): Promise<unknown> {
  return app.commands.execute('himalia:endpoint-open', { project, name });
}

interface ChoiceProps {
  version: ModelVersion;
  wish: RevisionWish;
  others: Endpoint[];
  close: () => void;
}

/** Endpoints that serve another version of the model can go over to this one. */
function Choice({ version, wish, others, close }: ChoiceProps): JSX.Element {
  const himalia = useHimalia();
  const { trans } = himalia;
  return (
    <div className="hm-RunForm">
      <div className="hm-RunForm-body">
        {others.map(each => (
          <p key={each.id} className="hm-Chosen">
            <span>
              <strong>{each.name}</strong> {trans.__('serves %1', modelOf(servingRevision(each)))}
            </span>
            <Button
              kind="accept"
              title={trans.__('Let “%1” answer with this version from now on, without a pause', each.name)}
              onClick={() => {
                close();
                void update(himalia, each, { spec: wish }).then(() => open(himalia, each));
              }}
            >
              {trans.__('Update')}
            </Button>
          </p>
        ))}
        <p className="hm-Chosen">
          <span>{trans.__('An address of its own, beside them')}</span>
          <Button
            onClick={() => {
              close();
              void make(himalia, version, wish);
            }}
          >
            {trans.__('New endpoint')}
          </Button>
        </p>
      </div>
      <footer className="hm-RunForm-footer">
        <Button onClick={close}>{trans.__('Cancel')}</Button>
      </footer>
    </div>
  );
}

/** Go over to another revision; where both do not fit beside each other, only after a question. */
export function update(himalia: Himalia, endpoint: Endpoint, wish: UpdateWish): Promise<boolean> {
  return besideOrInPlace(himalia, endpoint, replace => himalia.endpoints.update(endpoint, wish, replace));
}

/** Go back to a revision, in the same way. */
export function rollback(himalia: Himalia, endpoint: Endpoint, revision?: number): Promise<boolean> {
  return besideOrInPlace(himalia, endpoint, replace =>
    himalia.endpoints.rollback(endpoint, revision, replace)
  );
}

async function besideOrInPlace(
  { trans }: Himalia,
  endpoint: Endpoint,
  act: (replace: boolean) => Promise<unknown>
): Promise<boolean> {
  const failure = trans.__('“%1” was not changed.', endpoint.name);
  try {
    await act(false);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409 || error.code !== NO_ROOM) {
      refused(failure, error, trans);
      return false;
    }
    const agreed = await confirm(
      trans.__('Replace “%1” in place?', endpoint.name),
      `${error.message} ${trans.__('In place, the present revision is stopped first, and calls fail until the new one is ready.')}`,
      trans.__('Replace'),
      trans
    );
    return agreed && (await told(() => act(true).then(() => true), failure, trans)) === true;
  }
}

/** What the service calls it when two revisions do not fit beside each other. */
const NO_ROOM = 'no_capacity';
