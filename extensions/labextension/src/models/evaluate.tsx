import { type FormEvent, useId, useRef, useState } from 'react';

import type { Dataset, DatasetVersion, ModelVersion, Page, PreviewShown, Profile } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { defaultSize, firstChoice, ProfileFields } from '../jobs/profiles';
import { FormToCome } from '../jobs/runform';
import { Failure } from '../ui/basics';
import { Field } from '../ui/form';
import { useLoaded } from '../ui/hooks';
import { FormFooter, openModal } from '../ui/modal';
import { useFocus, useSending } from '../ui/sending';

/** Ask on which dataset and column a version is to be measured, and measure it as a job. */
export function evaluateModel(himalia: Himalia, version: ModelVersion): void {
  const title = himalia.trans.__('Evaluate %1, version %2', version.model, version.number);
  openModal(himalia, title, close => <Prepared version={version} close={close} />);
}

function Prepared({ version, close }: { version: ModelVersion; close: () => void }): JSX.Element {
  const { client } = useHimalia();
  const { value, error, reload } = useLoaded(async () => {
    const at = `/projects/${encodeURIComponent(version.project)}/datasets`;
    const [datasets, profiles] = await Promise.all([
      client.get<Page<Dataset>>(at, { query: { limit: 200 } }),
      client.get<Page<Profile>>('/profiles')
    ]);
    return { datasets: datasets.items.filter(each => each.status.latest), profiles: profiles.items };
  }, [version.id]);
  if (error || !value) {
    return <FormToCome error={error} retry={reload} close={close} />;
  }
  return <EvaluationForm version={version} {...value} close={close} />;
}

interface EvaluationFormProps {
  version: ModelVersion;
  datasets: Dataset[];
  profiles: Profile[];
  close: () => void;
}

function EvaluationForm({ version, datasets, profiles, close }: EvaluationFormProps): JSX.Element {
  const { app, models, page, trans } = useHimalia();
  const [dataset, setDataset] = useState(datasets[0]?.name ?? '');
  const [typed, setTyped] = useState<string>();
  const columns = useColumns(version.project, dataset);
  const target = typed ?? guessTarget(columns);
  const [choice, setChoice] = useState(() =>
    firstChoice(profiles, page, version.status.environment ?? undefined)
  );
  const form = useRef<HTMLFormElement>(null);
  const { step, failure, errors, send } = useSending(['dataset', 'target', 'path', 'profile', 'size']);
  useFocus(form, errors);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    send(
      async () => {
        const made = await models.evaluate(version, { dataset, target: target.trim(), ...choice });
        close();
        await app.commands.execute('himalia:job-open', { project: version.project, name: made.job });
      },
      {
        ...(dataset ? {} : { dataset: trans.__('There is no dataset yet. Upload one first.') }),
        ...(target.trim() ? {} : { target: trans.__('Name the column that holds the right answers.') })
      }
    );
  };
  return (
    <form className="hm-RunForm" ref={form} onSubmit={onSubmit} noValidate>
      <div className="hm-RunForm-body">
        {failure && <Failure error={failure} />}
        <Field label={trans.__('Dataset')} error={errors.dataset ?? errors.path}>
          {attributes => (
            <select
              {...attributes}
              className="hm-Input"
              value={dataset}
              onChange={event => {
                setDataset(event.target.value);
                setTyped(undefined);
              }}
            >
              {datasets.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
        <TargetField columns={columns} target={target} error={errors.target} onTarget={setTyped} />
        <ProfileFields profiles={profiles} choice={choice} onChoice={setChoice} errors={errors} />
      </div>
      <FormFooter
        step={step}
        accept={trans.__('Evaluate')}
        disabled={step !== undefined || defaultSize(profiles, choice.profile) === undefined}
        cancel={close}
      />
    </form>
  );
}

interface TargetProps {
  columns: string[];
  target: string;
  error: string | undefined;
  onTarget: (name: string) => void;
}

function TargetField({ columns, target, error, onTarget }: TargetProps): JSX.Element {
  const { trans } = useHimalia();
  const list = useId();
  return (
    <Field
      label={trans.__('Right answers')}
      description={trans.__('The column of its table that holds what the model is to say.')}
      error={error}
    >
      {attributes => (
        <>
          <input
            {...attributes}
            className="hm-Input"
            type="text"
            list={list}
            autoComplete="off"
            spellCheck={false}
            value={target}
            onChange={event => onTarget(event.target.value)}
          />
          <datalist id={list}>
            {columns.map(name => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

/** The columns of the tables of a dataset's newest version, by its preview. */
function useColumns(project: string, dataset: string): string[] {
  const { client, datasets } = useHimalia();
  const { value } = useLoaded(
    async signal => {
      if (!dataset) {
        return [];
      }
      const versions = await client.get<Page<DatasetVersion>>(datasets.path(project, dataset, 'versions'), {
        query: { limit: 1 },
        signal
      });
      const [newest] = versions.items;
      const shown = await client.get<PreviewShown>(datasets.versionPath(newest, 'preview'), { signal });
      return (shown.preview?.tables ?? []).flatMap(table => table.columns.map(column => column.name));
    },
    [client, project, dataset]
  );
  return [...new Set(value ?? [])];
}

function guessTarget(columns: string[]): string {
  return columns.find(name => /^(target|label|class|digit|y|answer|species)$/i.test(name)) ?? '';
}
