import { type FormEvent, useId, useRef, useState } from 'react';

import type { DatasetVersion, ModelVersion, Page, PreviewShown, PreviewTable, Profile } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { defaultSize, firstChoice, ProfileFields } from '../jobs/profiles';
import { FormToCome } from '../jobs/runform';
import { Failure } from '../ui/basics';
import { hasVersion } from '../datasets/model';
import { ChoiceField, SearchField, TextField } from '../ui/fields';
import { useLoaded, useSettled } from '../ui/hooks';
import { FormFooter, openModal } from '../ui/modal';
import { useFocus, useSending } from '../ui/sending';

/** A name is asked for when it has stayed the same so long. */
const TYPING_MS = 300;

/** Ask on which dataset and column a version is to be measured, and measure it as a job. */
export function evaluateModel(himalia: Himalia, version: ModelVersion): void {
  const title = himalia.trans.__('Evaluate %1, version %2', version.model, version.number);
  openModal(himalia, title, close => <Prepared version={version} close={close} />);
}

function Prepared({ version, close }: { version: ModelVersion; close: () => void }): JSX.Element {
  const { client, datasets } = useHimalia();
  const { value, error, reload } = useLoaded(async () => {
    const [found, profiles] = await Promise.all([
      datasets.search(version.project, '', hasVersion),
      client.get<Page<Profile>>('/profiles')
    ]);
    return { first: found.values[0] ?? '', profiles: profiles.items };
  }, [version.id]);
  if (error || !value) {
    return <FormToCome error={error} retry={reload} close={close} />;
  }
  return <EvaluationForm version={version} {...value} close={close} />;
}

interface EvaluationFormProps {
  version: ModelVersion;
  /** The dataset to begin with; none where there is none. */
  first: string;
  profiles: Profile[];
  close: () => void;
}

function EvaluationForm({ version, first, profiles, close }: EvaluationFormProps): JSX.Element {
  const { app, datasets, models, page, trans } = useHimalia();
  const [dataset, setDataset] = useState(first);
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
          dataset: dataset.trim(),
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
        <SearchField
          label={trans.__('Dataset')}
          error={errors.dataset ?? errors.path}

          search={text => datasets.search(version.project, text, hasVersion)}
          value={dataset}
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
  const settled = useSettled(dataset, TYPING_MS);
  const { value } = useLoaded(
    async signal => {
      if (!settled) {
        return { dataset: settled, tables: [] };
      }
      const versions = await client.get<Page<DatasetVersion>>(datasets.path(project, settled, 'versions'), {
        query: { limit: 1 },
        signal
      });
      const [newest] = versions.items;
      const shown = await client.get<PreviewShown>(datasets.versionPath(newest, 'preview'), { signal });
      return { dataset: settled, tables: shown.preview?.tables ?? [] };
    },
    [client, project, settled]
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
