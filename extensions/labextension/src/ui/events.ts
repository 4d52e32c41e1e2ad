import { useEffect, useRef } from 'react';

import type { PlatformEvent } from '../api/types';
import { useHimalia } from '../context';
import { useProjectId } from './opened';

/** Events come in crowds: what they change is asked for at most this often. */
const CALM_MS = 1000;

/** Reload, not too often, when the project tells of something `wanted`, and after a break of the live channel. */
export function useProjectEvents(
  project: string,
  wanted: (event: PlatformEvent) => boolean,
  reload: () => void
): void {
  const { live } = useHimalia();
  const id = useProjectId(project);
  const latest = useRef(wanted);
  latest.current = wanted;
  useEffect(() => {
    if (id === undefined) {
      return undefined;
    }
    let timer = 0;
    const soon = () => {
      timer ||= window.setTimeout(() => {
        timer = 0;
        reload();
      }, CALM_MS);
    };
    const following = live.follow(`project:${id}`, {
      onMessage: message => message.type === 'event' && latest.current(message.event) && soon(),
      onResumed: soon
    });
    return () => {
      clearTimeout(timer);
      following.dispose();
    };
  }, [live, id, reload]);
}
