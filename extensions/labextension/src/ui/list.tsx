import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';

import { useSize } from './hooks';

export interface ListProps<T> {
  label: string;
  items: readonly T[];
  keyOf: (item: T) => string;
  /** Pixels; every row has this height, so that only those in sight are drawn. */
  rowHeight: number;
  row: (item: T) => ReactNode;
  rowClass?: string;
  selected: ReadonlySet<string>;
  onOpen: (item: T) => void;
  /** None where rows cannot be selected. */
  onToggle?: (item: T) => void;
  hasMore: boolean;
  onMore: () => void;
}

/** Rows drawn above and below those in sight. */
const SPARE = 6;

/**
 * A virtualised list box: arrows move, Enter opens, Space selects, Home, End and the page keys jump.
 * It asks for more when its end comes near.
 */
export function List<T>(props: ListProps<T>): JSX.Element {
  const { items, keyOf, rowHeight, hasMore, onMore } = props;
  const [ref, { height }] = useSize<HTMLDivElement>();
  const [top, setTop] = useState(0);
  const [active, setActive] = useState<string | null>(null);
  const first = Math.max(0, Math.floor(top / rowHeight) - SPARE);
  const last = Math.min(items.length, Math.ceil((top + height) / rowHeight) + SPARE);
  const at = active === null ? -1 : items.findIndex(item => keyOf(item) === active);

  useEffect(() => {
    if (hasMore && height > 0 && last >= items.length - SPARE) {
      onMore();
    }
  }, [hasMore, height, items.length, last, onMore]);
  useKeptPlace(ref, items, keyOf, rowHeight);

  const go = (index: number) => {
    const element = ref.current;
    const next = Math.min(Math.max(0, index), items.length - 1);
    if (!element || next < 0) {
      return;
    }
    setActive(keyOf(items[next]));
    const above = next * rowHeight;
    if (above < element.scrollTop) {
      element.scrollTop = above;
    } else if (above + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = above + rowHeight - element.clientHeight;
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const jump = jumps(at, items.length, Math.max(1, Math.floor(height / rowHeight) - 1));
    if (event.key in jump) {
      go(jump[event.key]);
    } else if (event.key === 'Enter' && at >= 0) {
      props.onOpen(items[at]);
    } else if (event.key === ' ' && at >= 0) {
      (props.onToggle ?? props.onOpen)(items[at]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const rowId = (item: T) => `hm-row-${keyOf(item)}`;
  return (
    <div
      className="hm-List"
      ref={ref}
      role="listbox"
      tabIndex={0}
      aria-label={props.label}
      aria-multiselectable={props.onToggle !== undefined}
      aria-activedescendant={at >= first && at < last && at >= 0 ? rowId(items[at]) : undefined}
      onKeyDown={onKeyDown}
      onFocus={() =>
        at < 0 && items.length > 0 && setActive(keyOf(items[Math.ceil(top / rowHeight)] ?? items[0]))
      }
      onScroll={event => setTop(event.currentTarget.scrollTop)}
    >
      <div className="hm-List-canvas" role="presentation" style={{ height: items.length * rowHeight }}>
        {items.slice(first, last).map((item, offset) => (
          <Row
            key={keyOf(item)}
            id={rowId(item)}
            place={first + offset}
            count={hasMore ? -1 : items.length}
            isActive={keyOf(item) === active}
            item={item}
            list={props}
            onActive={() => setActive(keyOf(item))}
          />
        ))}
      </div>
    </div>
  );
}

/** Where each key goes from row `at` of `count`; a page is `page` rows. */
function jumps(at: number, count: number, page: number): { [key: string]: number } {
  return {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: count - 1
  };
}

interface RowProps<T> {
  id: string;
  place: number;
  count: number;
  isActive: boolean;
  item: T;
  list: ListProps<T>;
  onActive: () => void;
}

function Row<T>({ id, place, count, isActive, item, list, onActive }: RowProps<T>): JSX.Element {
  const selected = list.selected.has(list.keyOf(item));
  return (
    // The list box has the focus and the keys; a row only takes the mouse.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      id={id}
      className={`hm-List-row ${list.rowClass ?? ''}`}
      role="option"
      aria-selected={selected}
      aria-posinset={place + 1}
      aria-setsize={count}
      data-active={isActive || undefined}
      data-key={list.keyOf(item)}
      style={{ top: place * list.rowHeight, height: list.rowHeight }}
      onClick={event => {
        onActive();
        const marked = (event.target as Element).closest('.hm-List-mark') !== null;
        if (list.onToggle && (marked || event.ctrlKey || event.metaKey || event.shiftKey)) {
          list.onToggle(item);
        } else {
          list.onOpen(item);
        }
      }}
    >
      <span className="hm-List-mark" aria-hidden="true">
        {list.onToggle && (selected ? '☑' : '☐')}
      </span>
      {list.row(item)}
    </div>
  );
}

/** Rows that come in above must not move those that a person looks at. */
function useKeptPlace<T>(
  ref: React.RefObject<HTMLDivElement>,
  items: readonly T[],
  keyOf: (item: T) => string,
  rowHeight: number
): void {
  const anchor = useRef<string | null>(null);
  useLayoutEffect(() => {
    const element = ref.current;
    const first = items[0] ? keyOf(items[0]) : null;
    if (element && element.scrollTop > rowHeight / 2 && anchor.current !== null && anchor.current !== first) {
      const moved = items.findIndex(item => keyOf(item) === anchor.current);
      if (moved > 0) {
        element.scrollTop += moved * rowHeight;
      }
    }
    anchor.current = first;
  }, [ref, items, keyOf, rowHeight]);
}
