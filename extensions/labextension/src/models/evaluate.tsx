import { type FormEvent, useId, useRef, useState } from 'react';

import type {
  Dataset,
  DatasetVersion,
  ModelVersion,
  Page,
  PreviewShown,
  PreviewTable,
  Profile
} from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { defaultSize, firstChoice, ProfileFields } from '../jobs/profiles';
import { FormToCome } from '../jobs/runform';
import { Failure } from '../ui/basics';
import { ChoiceField, TextField } from '../ui/fields';
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
  const tables = useTables(version.project, dataset);
  const [chosen, setChosen] = useState<string>();
  const table = tables.find(each => each.path === chosen) ?? tables[0];
  const columns = table?.columns.map(column => column.name) ?? [];
  const target = typed ?? guessTarget(columns, version);
  const [choice, setChoice] = useState(() =>
    firstChoice(profiles, page, version.status.environment ?? undefined)
  );
  const list = useId();
  const form = useRef<HTMLFormElement>(null);
  const { step, failure, errors, send } = useSending(['dataset', 'target', 'path', 'profile', 'size']);
  useFocus(form, errors);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    send(
      async () => {
        const made = await models.evaluate(version, {
          dataset,
          target: target.trim(),
          ...(tables.length > 1 ? { path: table.path } : {}),
          ...choice
        });
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
        <ChoiceField
          label={trans.__('Dataset')}
          error={errors.dataset ?? errors.path}
          value={dataset}
          choices={datasets.map(({ name }) => [name, name] as const)}
          onValue={name => {
            setDataset(name);
            setTyped(undefined);
          }}
        />
        {tables.length > 1 && (
          <ChoiceField
            label={trans.__('Table')}
            value={table.path}
            choices={tables.map(({ path }) => [path, path] as const)}
            onValue={path => {
              setChosen(path);
              setTyped(undefined);
            }}
          />
        )}
        <TextField
          label={trans.__('Right answers')}
          description={trans.__('The column of its table that holds what the model is to say.')}
          error={errors.target}
          choices={{ id: list, values: columns }}
          value={target}
          onValue={setTyped}
        />
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

/** The tables of a dataset's newest version, by its preview. */
function useTables(project: string, dataset: string): PreviewTable[] {
  const { client, datasets } = useHimalia();
  const { value } = useLoaded(
    async signal => {
      if (!dataset) {
        return { dataset, tables: [] };
      }
      const versions = await client.get<Page<DatasetVersion>>(datasets.path(project, dataset, 'versions'), {
        query: { limit: 1 },
        signal
      });
      const [newest] = versions.items;
      const shown = await client.get<PreviewShown>(datasets.versionPath(newest, 'preview'), { signal });
      return { dataset, tables: shown.preview?.tables ?? [] };
    },
    [client, project, dataset]
  );
  // Until the answer comes, that of another dataset is none.
  return value?.dataset === dataset ? value.tables : [];
}

/** The one column that the model does not take, or what right answers are often called. */
function guessTarget(columns: string[], { status }: ModelVersion): string {
  const taken = (status.signature?.inputs ?? []).map(({ name }) => name);
  const left = columns.filter(name => !taken.includes(name));
  return left.length === 1
    ? left[0]
    : (columns.find(name => /^(target|label|class|digit|y|answer|species)$/i.test(name)) ?? '');
}
