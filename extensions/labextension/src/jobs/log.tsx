import { useState } from 'react';

import type { Job } from '../api/types';
import { useHimalia } from '../context';
import { OverlayLog } from '../overlays/view';
import { Empty } from '../ui/basics';
import { bytes } from '../ui/format';
import { GrowingLog } from '../ui/growinglog';
import { jobPath } from './model';
import { RankChoice, ranksOf } from './ranks';
import { isActive } from './states';

/** Stands for the building of the job's environment, which comes before its first attempt. */
const ENVIRONMENT = 0;

/** The log of one attempt and rank, the latest first shown, growing while it runs; before it, its environment's. */
export function JobLog({ job }: { job: Job }): JSX.Element {
  const { trans } = useHimalia();
  const { project, name, id, status } = job;
  const [chosen, setChosen] = useState<number | null>(null);
  const [chosenRank, setRank] = useState(0);
  const attempts = status.attempts.map(each => each.attempt);
  const overlay = status.environment_job;
  const choices = overlay ? [ENVIRONMENT, ...attempts] : attempts;
  const latest = status.reason === 'environment_failed' ? ENVIRONMENT : status.attempt;
  const attempt = chosen !== null && choices.includes(chosen) ? chosen : latest;
  const ranks = ranksOf(job, attempt);
  const rank = chosenRank < ranks.length ? chosenRank : 0;
  const of = ranks[rank] ?? status.attempts.find(each => each.attempt === attempt);
  const dropped = of?.log_dropped_bytes ?? 0;
  if (choices.length === 0 && status.state === 'QUEUED') {
    return <Empty>{trans.__('The log begins when the job starts.')}</Empty>;
  }
  return (
    <div className="hm-JobLog">
      {choices.length > 1 && (
        <label className="hm-JobLog-attempt">
          {trans.__('Attempt')}{' '}
          <select
            className="hm-Input"
            value={attempt}
            onChange={event => setChosen(Number(event.target.value))}
          >
            {choices.map(each => (
              <option key={each} value={each}>
                {each === ENVIRONMENT ? trans.__('Environment') : each}
              </option>
            ))}
          </select>
        </label>
      )}
      <RankChoice ranks={ranks} rank={rank} onRank={setRank} />
      {attempt === ENVIRONMENT && overlay ? (
        <OverlayLog project={project} id={overlay} />
      ) : (
        <GrowingLog
          key={`${attempt}.${rank}`}
          path={jobPath(project, name, 'log')}
          id={id}
          attempt={attempt}
          rank={rank}
          growing={isActive(status.state) && attempt === status.attempt}
          note={
            dropped > 0
              ? trans.__('%1 from the middle were left out, because the log grew too long.', bytes(dropped))
              : ''
          }
          file={`${name}-${attempt}${rank > 0 ? `-${rank}` : ''}.log`}
        />
      )}
    </div>
  );
}
