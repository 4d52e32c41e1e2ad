import { type FormEvent, useRef, useState } from 'react';

import { ApiError } from '../api/client';
import type { Model, ModelVersion } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Failure } from '../ui/basics';
import { SearchField, TextField } from '../ui/fields';
import { useLoaded, useSignal } from '../ui/hooks';
import { FormFooter, openModal } from '../ui/modal';
import { useFocus, useSending } from '../ui/sending';

/** Where a version of a model comes from; the folder in it is found where there is only one. */
export type ModelSource = { job: string; path?: string } | { trial: { experiment: string; number: number } };

/** Whether a file that a job left makes its folder a model in MLflow's format. */
export function isModelFile(path: string): boolean {
  return path.endsWith('/MLmodel');
}

/** The folder of such a file, as the service counts it: below the outputs. */
export function modelFolder(path: string): string {
  return path.replace(/^outputs\//, '').replace(/\/?[^/]*$/, '');
}

/** Of the models that changed last, so many are asked where their newest version came from. */
const LOOKED_AT = 10;

/** Ask which model it is a version of, register it and open the model. */
export function registerModel(himalia: Himalia, project: string, name: string, source: ModelSource): void {
  openModal(himalia, himalia.trans.__('Register model'), close => (
    <Register project={project} name={name} source={source} close={close} />
  ));
}

interface RegisterProps {
  project: string;
  name: string;
  source: ModelSource;
  close: () => void;
}

function Register({ project, name, source, close }: RegisterProps): JSX.Element {
  const himalia = useHimalia();
  const { app, models, trans } = himalia;
  const [typed, setTyped] = useState<string>();
  const [path, setPath] = useState('path' in source ? (source.path ?? '') : '');
  const { value: guess = '' } = useLoaded(() => guessModel(himalia, project, name), [project, name]);
  const model = typed ?? guess;
  useSignal(models.news);
  const form = useRef<HTMLFormElement>(null);
  const { step, failure, errors, send } = useSending(['name', 'path', 'environment']);
  useFocus(form, errors);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = model.trim();
    send(
      async () => {
        await register(himalia, project, wanted, {
          ...source,
          ...(path.trim() ? { path: path.trim() } : {})
        });
        close();
        await app.commands.execute('himalia:model-open', { project, name: wanted });
      },
      wanted ? {} : { name: trans.__('Give the model a name.') }
    );
  };
  const next = models.find(project, model.trim());
  return (
    <form className="hm-RunForm" ref={form} onSubmit={onSubmit} noValidate>
      <div className="hm-RunForm-body">
        {failure && <Failure error={failure} />}
        <SearchField
          label={trans.__('Model')}
          error={errors.name}
          description={
            next
              ? trans.__('It becomes version %1 of this model.', (next.status.latest ?? 0) + 1)
              : trans.__('A model of that name gets a new version; otherwise it is made.')
          }

          search={text => models.search(project, text)}
          value={model}
          onValue={setTyped}
        />
        <details>
          <summary>{trans.__('More')}</summary>
          <TextField
            label={trans.__('Folder')}
            error={errors.path}
            description={trans.__(
              'The folder with the file MLmodel. Found by itself where there is only one.'
            )}
            value={path}
            onValue={setPath}
          />
        </details>
      </div>
      <FormFooter step={step} accept={trans.__('Register')} disabled={step !== undefined} cancel={close} />
    </form>
  );
}

/** The model that a version of the same code went to, or the name of what is registered. */
async function guessModel({ models }: Himalia, project: string, name: string): Promise<string> {
  const fallback = baseOf(name);
  try {
    const known = (await models.list(project, { limit: 200 })).items;
    models.put(...known);
    const recent = [...known].sort((one, other) => other.updated_at.localeCompare(one.updated_at));
    const newest = await Promise.all(
      recent.slice(0, LOOKED_AT).map(each => models.versions(each, { limit: 1 }))
    );
    const same = newest.flatMap(({ items }) => items).find(version => baseOf(sourceOf(version)) === fallback);
    return same?.model ?? fallback;
  } catch (error) {
    // The form can be filled without a guess.
    console.warn('Himalia: the models could not be looked at', error);
    return fallback;
  }
}

/** The search or the job that a version came from. */
function sourceOf({ spec }: ModelVersion): string {
  return spec.source.experiment ?? spec.source.job ?? '';
}

/** Jobs and searches of one notebook differ by the number behind its name. */
function baseOf(name: string): string {
  return name.replace(/-\d+$/, '');
}

/** Register it; a model that was made for it and got no version goes again. */
async function register(
  himalia: Himalia,
  project: string,
  name: string,
  source: ModelSource & { path?: string }
): Promise<void> {
  const { models } = himalia;
  const made = await ensured(himalia, project, name);
  try {
    await models.register(project, name, source);
  } catch (error) {
    // Without an answer it may have its version.
    if (made && error instanceof ApiError && error.status >= 400 && error.status < 500) {
      await models.remove(made).catch(() => undefined);
    }
    throw error;
  }
}

/** The model is there after this, whoever made it; the answer is the one that was made now. */
async function ensured({ models }: Himalia, project: string, name: string): Promise<Model | undefined> {
  try {
    await models.fetch(project, name);
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) {
      throw error;
    }
    return models.create(project, { name });
  }
}
