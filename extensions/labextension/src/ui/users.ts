import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError } from '../api/client';

/** What of one noun uses a thing, as a refusal to delete tells: how many there are, and the names of some. */
export interface Users {
  noun: string;
  count: number;
  names: string[];
}

/** Who uses a thing that for this was not deleted; `undefined` for another failure. */
export function usersIn(error: unknown): Users[] | undefined {
  return error instanceof ApiError && error.code === 'in_use' && Array.isArray(error.details.used_by)
    ? (error.details.used_by as Users[])
    : undefined;
}

/** `the jobs fit, fit-2 and 59 others`. */
export function usersText(users: readonly Users[], trans: TranslationBundle): string {
  return users
    .map(({ noun, count, names }) => {
      const others = count - names.length;
      const list =
        others > 0
          ? trans._n('%2 and %1 other', '%2 and %1 others', others, names.join(', '))
          : joined(names, trans.__('and'));
      return ofNoun(noun, count, list, trans);
    })
    .join(trans.__(', and '));
}

function joined(names: readonly string[], and: string): string {
  return names.length < 2
    ? names.join()
    : `${names.slice(0, -1).join(', ')} ${and} ${names[names.length - 1]}`;
}

function ofNoun(noun: string, count: number, list: string, trans: TranslationBundle): string {
  switch (noun) {
    case 'job':
      return trans._n('the job %2', 'the jobs %2', count, list);
    case 'experiment':
      return trans._n('the experiment %2', 'the experiments %2', count, list);
    case 'endpoint':
      return trans._n('the endpoint %2', 'the endpoints %2', count, list);
    default:
      return list;
  }
}
