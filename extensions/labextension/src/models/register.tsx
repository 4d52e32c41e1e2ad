import { type FormEvent, useRef, useState } from 'react';

import { ApiError } from '../api/client';
import { type Himalia, useHimalia } from '../context';
import { Failure } from '../ui/basics';
import { Field } from '../ui/form';
import { FormFooter, openModal } from '../ui/modal';
import { useFocus, useSending } from '../ui/sending';

/** Where a version of a model comes from; the folder in it is found where there is only one. */
export type ModelSource = { job: string; path?: string } | { trial: { experiment: string; number: number } };

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

function Register({ project, name: first, source, close }: RegisterProps): JSX.Element {
  const himalia = useHimalia();
  const { app, models, trans } = himalia;
  const [name, setName] = useState(first);
  const [path, setPath] = useState('path' in source ? (source.path ?? '') : '');
  const form = useRef<HTMLFormElement>(null);
  const { step, failure, errors, send } = useSending(['name', 'path', 'environment']);
  useFocus(form, errors);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = name.trim();
    send(
      async () => {
        await ensure(himalia, project, wanted);
        await models.register(project, wanted, { ...source, ...(path.trim() ? { path: path.trim() } : {}) });
        close();
        await app.commands.execute('himalia:model-open', { project, name: wanted });
      },
      wanted ? {} : { name: trans.__('Give the model a name.') }
    );
  };
  return (
    <form className="hm-RunForm" ref={form} onSubmit={onSubmit} noValidate>
      <div className="hm-RunForm-body">
        {failure && <Failure error={failure} />}
        <Field
          label={trans.__('Model')}
          error={errors.name}
          description={trans.__('A model of that name gets a new version; otherwise it is made.')}
        >
          {attributes => (
            <input
              {...attributes}
              className="hm-Input"
              type="text"
              autoComplete="off"
              spellCheck={false}
              value={name}
              onChange={event => setName(event.target.value)}
            />
          )}
        </Field>
        <details>
          <summary>{trans.__('More')}</summary>
          <Field
            label={trans.__('Folder')}
            error={errors.path}
            description={trans.__(
              'The folder with the file MLmodel. Found by itself where there is only one.'
            )}
          >
            {attributes => (
              <input
                {...attributes}
                className="hm-Input"
                type="text"
                autoComplete="off"
                spellCheck={false}
                value={path}
                onChange={event => setPath(event.target.value)}
              />
            )}
          </Field>
        </details>
      </div>
      <FormFooter step={step} accept={trans.__('Register')} disabled={step !== undefined} cancel={close} />
    </form>
  );
}

/** The model is there after this, whoever made it. */
async function ensure({ models }: Himalia, project: string, name: string): Promise<void> {
  try {
    await models.fetch(project, name);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) {
      throw error;
    }
    await models.create(project, { name });
  }
}
