import { useEffect, useReducer, useRef, useState } from 'react';

import { ApiError } from '../api/client';
import type { News, Resource, Store } from '../api/resources';
import { useHimalia } from '../context';
import { Empty, Failure, Loading } from './basics';
import { useSignal } from './hooks';

/** Where a thing is found again: its project and name, and which version of it is meant. */
export type Place = {
  project: string;
  name: string;
  version?: number;
};

/** What tells two places apart; versions of one thing share a view. */
export function placeKey({ project, name }: Place): string {
  return `${project}/${name}`;
}

export interface OpenedProps<T extends Resource> {
  place: Place;
  store: Store<T>;
  /** What to say when there is no such thing any more. */
  gone: string;
  close: () => void;
  /** Told the name that it has, which others may change. */
  onName: (name: string) => void;
  children: (item: T) => JSX.Element;
}

/** The thing of a place, kept true: drawn from what the page knows at once, then from the service. */
export function Opened<T extends Resource>({
  place,
  store,
  gone,
  close,
  onName,
  children
}: OpenedProps<T>): JSX.Element {
  const { trans } = useHimalia();
  const { item, error, reload, removed } = useItem(store, place);
  useEffect(() => {
    if (item) {
      onName(item.name);
    }
  });
  if (removed || (error instanceof ApiError && error.status === 404)) {
    return (
      <Empty title={gone} action={{ label: trans.__('Close'), run: close }}>
        {trans.__('“%1” was deleted or never was in the project “%2”.', place.name, place.project)}
      </Empty>
    );
  }
  if (!item) {
    return error ? <Failure error={error} retry={reload} /> : <Loading />;
  }
  return children(item);
}

function useItem<T extends Resource>(
  store: Store<T>,
  { project, name }: Place
): { item: T | undefined; error: Error | undefined; reload: () => void; removed: boolean } {
  const [turn, reload] = useReducer((count: number) => count + 1, 0);
  const [error, setError] = useState<Error>();
  const [id, setId] = useState(() => store.find(project, name)?.id);
  // Others may have renamed it, and may do so while it is asked for.
  const renamed = useRef<string>();
  useSignal(store.news);
  useEffect(() => {
    const now = () => (id === undefined ? undefined : store.get(id)?.name) ?? renamed.current ?? name;
    const asked = now();
    store.fetch(project, asked).then(
      found => {
        setId(found.id);
        setError(undefined);
      },
      (failure: Error) => (now() === asked ? setError(failure) : reload())
    );
    // When its id is known, it is here already.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [store, project, name, turn]);
  useEffect(() => {
    // A deleted one may be restored, by whomever.
    const slot = (_: unknown, news: News) => {
      if (news.id === id && news.kind === 'put') {
        setError(undefined);
      } else if (news.id === id && news.kind === 'unknown') {
        renamed.current = news.name;
        reload();
      }
    };
    store.news.connect(slot);
    return () => void store.news.disconnect(slot);
  }, [store, id]);
  const projectId = useProjectId(project);
  useEffect(() => {
    if (projectId === undefined) {
      return undefined;
    }
    const following = store.followProject(projectId, reload);
    return () => following.dispose();
  }, [store, projectId]);
  const item = id === undefined ? undefined : store.get(id);
  return { item, error, reload, removed: id !== undefined && item === undefined };
}

/** The id of a project by its name, as live topics name it. */
export function useProjectId(project: string): string | undefined {
  const { projects } = useHimalia();
  useSignal(projects.changed);
  return projects.all.find(each => each.name === project || each.id === project)?.id;
}
