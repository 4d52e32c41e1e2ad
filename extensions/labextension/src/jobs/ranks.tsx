import type { Attempt, Job, Rank } from '../api/types';
import { useHimalia } from '../context';
import { Scroll, When } from '../ui/basics';
import { bytes, duration } from '../ui/format';
import { useNow } from '../ui/hooks';
import { StateBadge } from '../ui/state';
import { placeText, ranFor, reasonText } from './states';

/** The ranks of one attempt; none unless the job is distributed. */
export function ranksOf(job: Job, attempt: number): Rank[] {
  return job.status.attempts.find(each => each.attempt === attempt)?.ranks ?? [];
}

interface RankChoiceProps {
  ranks: Rank[];
  rank: number;
  onRank: (rank: number) => void;
}

/** Whose log or metrics are shown, where there is more than one to choose from. */
export function RankChoice({ ranks, rank, onRank }: RankChoiceProps): JSX.Element | null {
  const { trans } = useHimalia();
  if (ranks.length < 2) {
    return null;
  }
  return (
    <label className="hm-JobLog-attempt">
      {trans.__('Rank')}{' '}
      <select className="hm-Input" value={rank} onChange={event => onRank(Number(event.target.value))}>
        {ranks.map(each => (
          <option key={each.rank} value={each.rank}>
            {each.rank}
          </option>
        ))}
      </select>
    </label>
  );
}

/** How each rank of an attempt stands. */
export function Ranks({ attempt }: { attempt: Attempt }): JSX.Element {
  const { trans } = useHimalia();
  return (
    <Scroll label={trans.__('Ranks')}>
      <table className="hm-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Rank')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('Why')}</th>
            <th scope="col">{trans.__('Machine')}</th>
            <th scope="col">{trans.__('Started')}</th>
            <th scope="col">{trans.__('Ran for')}</th>
            <th scope="col">{trans.__('Most memory')}</th>
            <th scope="col">{trans.__('Exit code')}</th>
          </tr>
        </thead>
        <tbody>
          {(attempt.ranks ?? []).map(rank => (
            <RankRow key={rank.rank} rank={rank} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function RankRow({ rank }: { rank: Rank }): JSX.Element {
  const { trans } = useHimalia();
  const { started_at, ended_at, usage } = rank;
  const now = useNow(1000, started_at !== null && ended_at === null);
  const wall = usage.wall_s ?? ranFor({ started_at, ended_at }, now);
  return (
    <tr>
      <td>{rank.rank}</td>
      <td>
        <StateBadge state={rank.state} />
      </td>
      <td>{rank.message ?? reasonText(rank.reason, trans)}</td>
      <td>{placeText(rank)}</td>
      <td>
        <When at={started_at} />
      </td>
      <td>{wall === null ? '' : duration(wall)}</td>
      <td>{typeof usage.max_memory_bytes === 'number' ? bytes(usage.max_memory_bytes) : ''}</td>
      <td>{rank.exit_code ?? ''}</td>
    </tr>
  );
}
