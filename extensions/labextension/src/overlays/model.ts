import { useEffect, useState } from 'react';

import type { Overlay } from '../api/types';
import { Himalia, useHimalia } from '../context';

export function overlayPath(project: string, id: string, ...rest: string[]): string {
  return ['/projects', encodeURIComponent(project), 'overlays', encodeURIComponent(id), ...rest].join('/');
}

export function stopOverlay({ client }: Himalia, project: string, id: string): Promise<void> {
  return client.post(overlayPath(project, id, 'stop'));
}

export function isBuilding({ state }: Overlay): boolean {
  return state !== 'SUCCEEDED' && state !== 'FAILED' && state !== 'STOPPED';
}

/** How the building of an overlay stands, kept true. */
export function useOverlay(project: string, id: string): { overlay?: Overlay; error?: Error } {
  const { client, live } = useHimalia();
  const [found, setFound] = useState<{ overlay?: Overlay; error?: Error }>({});
  useEffect(() => {
    let left = false;
    const read = (): void => {
      client.get<Overlay>(overlayPath(project, id)).then(
        overlay => left || setFound({ overlay }),
        (error: Error) => left || setFound({ error })
      );
    };
    const following = live.follow(`overlay:${id}`, { onMessage: read, onResumed: read });
    read();
    return () => {
      left = true;
      following.dispose();
    };
  }, [client, live, project, id]);
  return found;
}
