import type { Attempt, JobState } from '../api/types';
import { isActive } from './states';

/** What an event says of one attempt. */
export interface AttemptNews {
  attempt: number;
  state: JobState;
  reason: string | null;
  message: string | null;
  at: string;
}

/** The attempts after an event. What an end leaves behind (usage, exit code) only the job's own answer tells. */
export function attemptsAfter(before: Attempt[], news: AttemptNews): Attempt[] {
  if (news.attempt === 0) {
    return before;
  }
  const known = before.find(each => each.attempt === news.attempt) ?? begun(news);
  const rest = before.filter(each => each.attempt !== news.attempt);
  return [...rest, changed(known, news)].sort((one, other) => one.attempt - other.attempt);
}

function begun({ attempt, at }: AttemptNews): Attempt {
  return {
    attempt,
    state: 'STARTING',
    reason: null,
    message: null,
    starting_at: at,
    started_at: null,
    ended_at: null,
    exit_code: null,
    log_bytes: 0,
    log_dropped_bytes: 0,
    usage: { cpu_s: null, wall_s: null, max_memory_bytes: null }
  };
}

function changed(attempt: Attempt, { state, reason, message, at }: AttemptNews): Attempt {
  if (attempt.ended_at !== null) {
    return attempt;
  }
  if (state === 'RUNNING') {
    return { ...attempt, state, started_at: at };
  }
  if (state === 'QUEUED') {
    // The job waits again, so this try of it is over.
    const ended = reason === 'platform_stopped' ? 'STOPPED' : 'FAILED';
    return { ...attempt, state: ended, reason, message, ended_at: at };
  }
  return isActive(state) ? { ...attempt, state } : { ...attempt, state, reason, message, ended_at: at };
}
