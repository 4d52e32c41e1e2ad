import type { IDisposable } from '@lumino/disposable';

import { ApiError, type Client } from '../api/client';
import type { Live } from '../api/live';
import type { DatasetDraft } from '../api/types';

const ENDED = ['SUCCEEDED', 'FAILED', 'STOPPED'];

/** Whether an import ended without having brought anything in. */
export function hasFailed(state: string): boolean {
  return state !== 'SUCCEEDED' && hasEnded(state);
}

export function hasEnded(state: string | null | undefined): boolean {
  return ENDED.includes(state ?? '');
}

/** What is waited for: import `id` into the draft that answers at `path`. */
interface Import {
  id: string;
  draft: string;
  path: string;
}

/** Settles when an import into a draft ends, as it ends; how far it is, is told meanwhile. */
export async function importEnded(
  client: Client,
  live: Live,
  { id, draft, path }: Import,
  tell: (message: string) => void,
  signal: AbortSignal
): Promise<void> {
  let following: IDisposable | undefined;
  const ended = new Promise<void>((done, failed) => {
    const look = (state: string | null | undefined, message: string | null | undefined) => {
      if (state === 'SUCCEEDED') {
        done();
      } else if (hasEnded(state)) {
        failed(new Error(message ?? String(state)));
      }
    };
    const ask = () =>
      client.get<DatasetDraft>(path, { signal }).then(
        ({ status }) => {
          const found = status.imports.find(each => each.id === id);
          look(found?.state, found?.message);
        },
        (error: Error) => {
          if (signal.aborted || (error instanceof ApiError && error.status === 404)) {
            failed(error);
          } else {
            // The service may just have begun again; the channel tells when it is back.
            console.warn('Himalia: how an import stands could not be read', error);
          }
        }
      );
    following = live.follow(`draft:${draft}`, {
      onMessage: message => {
        if (message.type === 'progress' && message.data.id === id) {
          tell(message.data.message ?? '');
          look(message.data.state, message.data.message);
        }
      },
      onResumed: () => void ask()
    });
    signal.addEventListener('abort', () => failed(new Error('paused')), { once: true });
    // It may have ended before it was followed.
    void ask();
  });
  try {
    await ended;
  } finally {
    following?.dispose();
  }
}
