import type { ModelVersion, Tensor } from '../api/types';
import { useHimalia } from '../context';
import { Aliases } from '../ui/aliases';
import { Button, Pairs, Value } from '../ui/basics';
import { told } from '../ui/confirm';
import { number } from '../ui/format';
import { placeOf } from '../ui/lineage';

/** What a version is: how well it did, what it takes and gives, and where it came from. */
export function VersionOverview({ version }: { version: ModelVersion }): JSX.Element {
  const { models, trans } = useHimalia();
  const { status, spec } = version;
  const metrics = Object.entries(status.metrics);
  const parameters = Object.entries(status.parameters);
  const { inputs = [], outputs = [] } = status.signature ?? {};
  return (
    <div className="hm-Overview">
      {metrics.length > 0 && (
        <section>
          <h3>{trans.__('Metrics')}</h3>
          <Pairs pairs={metrics.map(([name, value]) => [name, number(value)])} />
        </section>
      )}
      {parameters.length > 0 && (
        <section>
          <h3>{trans.__('Parameters')}</h3>
          <Pairs pairs={parameters.map(([name, value]) => [name, <Value key="v" of={value} />])} />
        </section>
      )}
      <section>
        <h3>{trans.__('Aliases')}</h3>
        <Aliases
          of={version.name}
          aliases={status.aliases}
          set={alias => models.setAlias(version, alias)}
          remove={alias => models.removeAlias(version, alias)}
        />
      </section>
      <section>
        <h3>{trans.__('What it takes')}</h3>
        <Tensors tensors={inputs} />
      </section>
      <section>
        <h3>{trans.__('What it gives')}</h3>
        <Tensors tensors={outputs} />
      </section>
      <section>
        <h3>{trans.__('Where it came from')}</h3>
        <SourceOf version={version} />
      </section>
      {spec.description && (
        <section>
          <h3>{trans.__('Description')}</h3>
          <p>{spec.description}</p>
        </section>
      )}
      <section>
        <h3>{trans.__('What it runs in')}</h3>
        <Pairs
          pairs={[
            [trans.__('Environment'), status.environment],
            [trans.__('Flavors'), status.flavors.join(', ')],
            [trans.__('Packages'), status.requirements.join(', ')]
          ]}
        />
      </section>
    </div>
  );
}

/** Inputs or outputs in words: `sepal length: double`, `float32 (any × 64)`. */
function Tensors({ tensors }: { tensors: Tensor[] }): JSX.Element {
  const { trans } = useHimalia();
  if (tensors.length === 0) {
    return <p className="hm-Quiet">{trans.__('The model does not say: it has no signature.')}</p>;
  }
  const shape = ({ shape: sizes }: Tensor) =>
    sizes ? ` (${sizes.map(size => (size < 0 ? trans.__('any') : size)).join(' × ')})` : '';
  return (
    <Pairs
      pairs={tensors.map((each, at) => [
        each.name ?? trans.__('array %1', at + 1),
        <code key="t">
          {each.type}
          {shape(each)}
          {each.required ? '' : ` · ${trans.__('optional')}`}
        </code>
      ])}
    />
  );
}

/** The job, trial or run that it was registered from, with its code and data; what the platform has, opens. */
function SourceOf({ version }: { version: ModelVersion }): JSX.Element {
  const { app, models, trans } = useHimalia();
  const { job, experiment, trial, run_id, path, code, datasets = [] } = version.spec.source;
  const link = (noun: string, reference: string) => (
    <button
      key={reference}
      type="button"
      className="hm-Link"
      onClick={() =>
        void app.commands.execute(`himalia:${noun}-open`, { project: version.project, ...placeOf(reference) })
      }
    >
      {reference}
    </button>
  );
  const downloadCode = () =>
    told(() => models.download(version, 'code'), trans.__('It was not downloaded.'), trans);
  return (
    <>
      <Pairs
        pairs={[
          [
            trans.__('Dataset'),
            datasets.length > 0 ? <>{datasets.map(each => link('dataset', each))}</> : null
          ],
          [trans.__('Code'), code && <code key="c">{code.entry}</code>],
          [trans.__('Experiment'), experiment && link('experiment', experiment)],
          [trans.__('Trial'), trial !== null && trial !== undefined ? String(trial) : null],
          [trans.__('Job'), job && link('job', job)],
          [trans.__('Run'), run_id && <code key="r">{run_id}</code>],
          [trans.__('Folder'), path && <code key="p">{path}</code>]
        ]}
      />
      {code?.snapshot && (
        <p className="hm-Best-actions">
          <Button title={trans.__('The folder of the job that made it, as it ran')} onClick={downloadCode}>
            {trans.__('Download code')}
          </Button>
        </p>
      )}
    </>
  );
}
