import { type ReactNode, useCallback, useEffect, useMemo, useState } from 'react';

import { type Filter, type Listed, Query } from '../api/query';
import type { Store } from '../api/resources';
import type { Project } from '../api/types';
import { useHimalia } from '../context';
import { Empty, type EmptyProps, Failure, Loading } from './basics';
import { useSettled, useSignal } from './hooks';
import { List } from './list';
import { stateWord } from './words';

const ROW_HEIGHT = 46;
const TYPING_MS = 200;
const NONE: ReadonlySet<string> = new Set();

export interface ListPanelProps<T extends Listed> {
  project: Project;
  store: Store<T>;
  /** What the list is called, and what its search is. */
  label: string;
  search: string;
  /** What can be filtered by; none where the noun has no states. */
  states?: readonly string[];
  row: (item: T) => ReactNode;
  rowClass?: string;
  onOpen: (item: T) => void;
  /** What stands there when the project has none, and when the search finds none. */
  empty: EmptyProps;
  nothingFound: string;
  /** Beside the search, such as a button that makes a new one. */
  action?: ReactNode;
  /** Above the rows, such as what can be done with those selected. */
  above?: ReactNode;
  selected?: ReadonlySet<string>;
  onToggle?: (item: T) => void;
}

/** A project's things of one noun: searched, filtered by state, newest first, drawn as far as they are in sight. */
export function ListPanel<T extends Listed>(props: ListPanelProps<T>): JSX.Element {
  const { project, store, states = [], selected, onToggle } = props;
  const { trans } = useHimalia();
  const [state, setState] = useState('');
  const [typed, setTyped] = useState('');
  const text = useSettled(typed.trim(), TYPING_MS);
  const query = useQuery(
    store,
    project,
    useMemo(() => ({ state, text }), [state, text])
  );
  useSignal(store.news);
  const shown = query.items.map(id => store.get(id)).filter((item): item is T => item !== undefined);
  const more = useCallback(() => void query.more(), [query]);
  const filtered = state !== '' || text !== '';
  return (
    <div className="hm-ListPanel">
      <div className="hm-ListPanel-bar">
        <input
          type="search"
          className="hm-Input"
          aria-label={props.search}
          placeholder={trans.__('Search')}
          value={typed}
          onChange={event => setTyped(event.target.value)}
        />
        {states.length > 0 && <StateFilter states={states} value={state} onValue={setState} />}
        {props.action}
      </div>
      {props.above}
      {query.error && <Failure error={query.error} retry={() => query.load()} />}
      {!query.loaded && query.loading && <Loading />}
      {query.loaded &&
        shown.length === 0 &&
        !query.error &&
        (filtered ? <Empty>{props.nothingFound}</Empty> : <Empty {...props.empty} />)}
      {shown.length > 0 && (
        <List
          label={props.label}
          items={shown}
          keyOf={keyOf}
          rowHeight={ROW_HEIGHT}
          rowClass={props.rowClass}
          row={props.row}
          selected={selected ?? NONE}
          onOpen={props.onOpen}
          onToggle={onToggle}
          hasMore={query.hasMore}
          onMore={more}
        />
      )}
    </div>
  );
}

function keyOf(item: Listed): string {
  return item.id;
}

interface StateFilterProps {
  states: readonly string[];
  value: string;
  onValue: (state: string) => void;
}

function StateFilter({ states, value, onValue }: StateFilterProps): JSX.Element {
  const { trans } = useHimalia();
  return (
    <select
      className="hm-Input"
      aria-label={trans.__('State')}
      value={value}
      onChange={event => onValue(event.target.value)}
    >
      <option value="">{trans.__('Any state')}</option>
      {states.map(state => (
        <option key={state} value={state}>
          {stateWord(state, trans)}
        </option>
      ))}
    </select>
  );
}

function useQuery<T extends Listed>(store: Store<T>, project: Project, filter: Filter): Query<T> {
  const { id, name } = project;
  const query = useMemo(() => new Query(store, { id, name }, filter), [store, id, name, filter]);
  useEffect(() => {
    void query.load();
    return () => query.dispose();
  }, [query]);
  useSignal(query.changed);
  return query;
}

/** The two lines of a row: state, name and time; below them what there is to say. */
export function TwoLines(props: {
  badge: ReactNode;
  name: string;
  title?: string;
  when: ReactNode;
  children: ReactNode;
}): JSX.Element {
  return (
    <div className="hm-Row">
      <div className="hm-Row-first">
        {props.badge}
        <span className="hm-Row-name" title={props.title ?? props.name}>
          {props.name}
        </span>
        <span className="hm-Row-when">{props.when}</span>
      </div>
      <div className="hm-Row-second">{props.children}</div>
    </div>
  );
}
