import { useMemo } from 'react';

import type { Evaluation, ModelVersion } from '../api/types';
import { useHimalia } from '../context';
import { outputPath } from '../jobs/drive';
import { Button, Empty, Failure, Loading, Pairs, Scroll, When } from '../ui/basics';
import { heatmap, scatter } from '../ui/charts';
import { useProjectEvents } from '../ui/events';
import { number } from '../ui/format';
import { useLoaded } from '../ui/hooks';
import { Plot } from '../ui/plot';
import { Preview } from '../ui/preview';
import { StateBadge } from '../ui/state';
import { evaluateModel } from './evaluate';

const REPORT = 'report.json';

/** How well a version did on datasets, newest first. */
export function Evaluations({ version }: { version: ModelVersion }): JSX.Element {
  const himalia = useHimalia();
  const { models, trans } = himalia;
  const { value, error, reload } = useLoaded(
    signal => models.evaluations(version, signal),
    [models, version.id]
  );
  useProjectEvents(
    version.project,
    // An evaluation's job is part of the version.
    ({ subject, data }) => subject.kind === 'job' && data.part_of === `model:${version.id}`,
    reload
  );
  if (error && !value) {
    return <Failure error={error} retry={reload} />;
  }
  if (!value) {
    return <Loading />;
  }
  if (value.items.length === 0) {
    return (
      <Empty
        action={
          version.status.problem
            ? undefined
            : { label: trans.__('Evaluate on a dataset'), run: () => evaluateModel(himalia, version) }
        }
      >
        {trans.__('An evaluation measures the model on a dataset that holds the right answers.')}
      </Empty>
    );
  }
  return (
    <div className="hm-Versions">
      {value.items.map(each => (
        <OneEvaluation key={each.id} version={version} evaluation={each} />
      ))}
    </div>
  );
}

function OneEvaluation({
  version,
  evaluation
}: {
  version: ModelVersion;
  evaluation: Evaluation;
}): JSX.Element {
  const { app, trans } = useHimalia();
  const { dataset, target, state, message, metrics, artifacts, job } = evaluation;
  const report = artifacts.find(each => each.path.endsWith(`/${REPORT}`));
  const pictures = artifacts.filter(each => each.media_type.startsWith('image/'));
  const open = () => void app.commands.execute('himalia:job-open', { project: version.project, name: job });
  return (
    <section className="hm-Evaluation">
      <h3>
        <StateBadge state={state} /> {trans.__('On %1, right answers in “%2”', dataset, target)}{' '}
        <span className="hm-Quiet">
          <When at={evaluation.created_at} />
        </span>{' '}
        <Button kind="quiet" onClick={open}>
          {trans.__('Open its job')}
        </Button>
      </h3>
      {message && <p>{message}</p>}
      <div className="hm-Facts">
        <Pairs pairs={Object.entries(metrics).map(([name, value]) => [name, number(value)])} />
        {report && <ReportPlots version={version} job={job} path={report.path} />}
      </div>
      {pictures.length > 0 && (
        <details open>
          <summary>{trans._n('%1 picture', '%1 pictures', pictures.length)}</summary>
          <div className="hm-Evaluation-pictures">
            {pictures.map(each => (
              <OutputPicture key={each.path} version={version} job={job} {...each} />
            ))}
          </div>
        </details>
      )}
    </section>
  );
}

interface Report {
  type?: string;
  labels?: string[];
  /** How many classes are in neither matrix nor table. */
  left_out?: number;
  confusion_matrix?: number[][];
  /** Of a regressor: what is right, and what was answered. */
  points?: [number, number][];
  per_class?: { label: string; precision: number; recall: number; f1: number; rows: number }[];
}

interface OutputProps {
  version: ModelVersion;
  job: string;
  path: string;
}

/** What a classifier mistakes for what, and how well it does on each class. */
function ReportPlots({ version, job, path }: OutputProps): JSX.Element | null {
  const { client, trans } = useHimalia();
  const { value, error, reload } = useLoaded(
    signal => client.get<Report>(outputPath(version.project, job, path), { signal }),
    [client, version.project, job, path]
  );
  const { labels = [], left_out: left = 0, confusion_matrix: matrix, per_class: classes = [] } = value ?? {};
  const rows = useMemo(
    () =>
      (matrix ?? []).flatMap((counts, right) =>
        counts.map((count, said) => ({ x: labels[said], y: labels[right], count }))
      ),
    // `labels` is a new list while there is no report.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [value]
  );
  const chart = useMemo(() => heatmap(rows, { x: trans.__('Taken for'), y: trans.__('Is') }), [rows, trans]);
  if (error) {
    return <Failure error={error} retry={reload} />;
  }
  if (value?.points) {
    return <AnswersPlot points={value.points} />;
  }
  if (!matrix) {
    return null;
  }
  return (
    <>
      <div className="hm-Evaluation-matrix">
        <Plot
          title={trans.__('Confusion matrix')}
          rows={rows}
          chart={chart}
          height={Math.min(420, 60 + labels.length * 28)}
        />
      </div>
      {left > 0 && (
        <p className="hm-Quiet">
          {trans._n(
            '%1 more class, with fewer rows, is not shown.',
            '%1 more classes, with fewer rows, are not shown.',
            left
          )}
        </p>
      )}
      <Scroll label={trans.__('Each class')}>
        <table className="hm-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Class')}</th>
              <th scope="col">{trans.__('Precision')}</th>
              <th scope="col">{trans.__('Recall')}</th>
              <th scope="col">{trans.__('F1')}</th>
              <th scope="col">{trans.__('Rows')}</th>
            </tr>
          </thead>
          <tbody>
            {classes.map(({ label, precision, recall, f1, rows: count }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{number(precision)}</td>
                <td>{number(recall)}</td>
                <td>{number(f1)}</td>
                <td>{count}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

/** How far a regressor's answers are from the right ones. */
function AnswersPlot({ points }: { points: [number, number][] }): JSX.Element {
  const { trans } = useHimalia();
  const rows = useMemo(() => points.map(([right, said]) => ({ x: right, y: said })), [points]);
  const chart = useMemo(
    () => scatter(rows, { x: trans.__('Right answer'), y: trans.__('Answer') }),
    [rows, trans]
  );
  return <Plot title={trans.__('Answers')} rows={rows} chart={chart} height={260} />;
}

/** What MLflow calls a picture, as a title: `roc_curve_plot` is “ROC curve”. */
function titleOf(name: string): string {
  const words = name
    .replace(/_plot$/, '')
    .replace(/_/g, ' ')
    .replace(/^roc\b/, 'ROC');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function OutputPicture({
  version,
  job,
  path,
  name,
  media_type
}: OutputProps & { name: string; media_type: string }): JSX.Element {
  const { client } = useHimalia();
  return (
    <figure>
      <figcaption>{titleOf(name)}</figcaption>
      <Preview
        name={path}
        mediaType={media_type}
        size={0}
        load={async signal =>
          (await client.send('GET', outputPath(version.project, job, path), { signal })).blob()
        }
      />
    </figure>
  );
}
