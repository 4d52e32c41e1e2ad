import { type ReactNode, useMemo, useState } from 'react';

import { useHimalia } from '../context';
import { useSize } from './hooks';

/** Every row has this height in pixels, so that of many only those in sight are drawn. */
const ROW_HEIGHT = 34;
const SPARE = 12;
/** Tables up to here are drawn whole, for the browser's own search. */
const FEW = 100;

export interface Column<T> {
  name: string;
  title: ReactNode;
  cell: (row: T) => ReactNode;
  /** What rows are sorted by; none where sorting means nothing. Rows without a value come last. */
  value?: (row: T) => number | string | null;
  /** Whether the first press puts the largest on top. */
  isFalling?: boolean;
}

export interface BigTableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string | number;
  /** The column that it is sorted by at first. */
  first: string;
  isMarked?: (row: T) => boolean;
}

interface Order {
  by: string;
  isFalling: boolean;
}

/** A table of thousands of rows, sorted by a press on a column's name; the first column names the row. */
export function BigTable<T>({ label, columns, rows, keyOf, first, isMarked }: BigTableProps<T>): JSX.Element {
  const [ref, { height }] = useSize<HTMLDivElement>();
  const [top, setTop] = useState(0);
  const [order, setOrder] = useState<Order>({
    by: first,
    isFalling: columns.find(each => each.name === first)?.isFalling ?? false
  });
  const sorted = useMemo(() => inOrder(rows, columns, order), [rows, columns, order]);
  const isLong = sorted.length > FEW;
  const from = isLong ? Math.max(0, Math.floor(top / ROW_HEIGHT) - SPARE) : 0;
  const to = isLong ? Math.min(sorted.length, Math.ceil((top + height) / ROW_HEIGHT) + SPARE) : sorted.length;
  return (
    <div
      className="hm-BigTable"
      ref={ref}
      // A part that scrolls must be reachable by keyboard.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      role="region"
      aria-label={label}
      onScroll={event => setTop(event.currentTarget.scrollTop)}
    >
      <table className="hm-Table" aria-rowcount={sorted.length + 1}>
        <thead>
          <tr>
            {columns.map(column => (
              <Heading key={column.name} column={column} order={order} onOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap rows={from} />
          {sorted.slice(from, to).map((row, at) => (
            <tr key={keyOf(row)} aria-rowindex={from + at + 2} data-best={isMarked?.(row) || undefined}>
              {columns.map(({ name, cell }, place) =>
                place === 0 ? (
                  <th key={name} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={name}>{cell(row)}</td>
                )
              )}
            </tr>
          ))}
          <Gap rows={sorted.length - to} />
        </tbody>
      </table>
    </div>
  );
}

/** The place of rows that are not drawn. */
function Gap({ rows }: { rows: number }): JSX.Element | null {
  return rows > 0 ? <tr aria-hidden="true" style={{ height: rows * ROW_HEIGHT }} /> : null;
}

interface HeadingProps<T> {
  column: Column<T>;
  order: Order;
  onOrder: (order: Order) => void;
}

function Heading<T>({ column, order, onOrder }: HeadingProps<T>): JSX.Element {
  const { trans } = useHimalia();
  const { name, title, value, isFalling = false } = column;
  const isOrder = order.by === name;
  if (!value) {
    return <th scope="col">{title}</th>;
  }
  return (
    <th scope="col" aria-sort={!isOrder ? 'none' : order.isFalling ? 'descending' : 'ascending'}>
      <button
        type="button"
        className="hm-BigTable-sort"
        title={trans.__('Sort by this column')}
        onClick={() => onOrder({ by: name, isFalling: isOrder ? !order.isFalling : isFalling })}
      >
        {title}
        <span aria-hidden="true">{isOrder ? (order.isFalling ? ' ▾' : ' ▴') : ''}</span>
      </button>
    </th>
  );
}

function inOrder<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  { by, isFalling }: Order
): readonly T[] {
  const value = columns.find(each => each.name === by)?.value;
  if (!value) {
    return rows;
  }
  const sign = isFalling ? -1 : 1;
  return rows
    .map(row => ({ row, key: value(row) }))
    .sort((one, other) => {
      if (one.key === null || other.key === null) {
        return Number(one.key === null) - Number(other.key === null);
      }
      return sign * compared(one.key, other.key);
    })
    .map(({ row }) => row);
}

function compared(one: number | string, other: number | string): number {
  return typeof one === 'number' && typeof other === 'number'
    ? one - other
    : String(one).localeCompare(String(other));
}
