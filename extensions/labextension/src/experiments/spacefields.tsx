import { useHimalia } from '../context';
import { valueText } from '../ui/basics';
import type { Errors } from '../ui/sending';
import type { SpaceRow } from './space';

interface SpaceFieldsProps {
  rows: SpaceRow[];
  onRows: (rows: SpaceRow[]) => void;
  /** Whether every combination is tried, for which ranges need steps. */
  onGrid: boolean;
  errors: Errors;
}

/** A row for each parameter of the notebook: ticked, it is searched within its range. */
export function SpaceFields({ rows, onRows, onGrid, errors }: SpaceFieldsProps): JSX.Element {
  const { trans } = useHimalia();
  const change = (at: number, part: Partial<SpaceRow>) =>
    onRows(rows.map((row, of) => (of === at ? { ...row, ...part } : row)));
  return (
    <fieldset className="hm-Space">
      <legend>{trans.__('Which parameters to search')}</legend>
      {rows.length === 0 && (
        <p className="hm-Quiet">
          {trans.__(
            'None can be: give a cell of the notebook the tag “parameters”, and what it assigns shows here.'
          )}
        </p>
      )}
      {rows.map((row, at) => (
        <Row
          key={row.name}
          row={row}
          others={rows.filter(each => each !== row && each.ticked).map(each => each.name)}
          onGrid={onGrid}
          error={errors[row.name]}
          onRow={part => change(at, part)}
        />
      ))}
      {errors.space && (
        <div className="hm-Field-error" role="alert">
          {errors.space}
        </div>
      )}
    </fieldset>
  );
}

interface RowProps {
  row: SpaceRow;
  /** What else is searched. */
  others: string[];
  onGrid: boolean;
  error: string | undefined;
  onRow: (part: Partial<SpaceRow>) => void;
}

function Row({ row, others, onGrid, error, onRow }: RowProps): JSX.Element {
  const { trans } = useHimalia();
  return (
    <div className="hm-Space-row">
      <label className="hm-Check" title={row.about}>
        <input
          type="checkbox"
          name={row.name}
          checked={row.ticked}
          onChange={event => onRow({ ticked: event.target.checked })}
        />{' '}
        {row.name}
      </label>
      {row.ticked ? (
        <RangeFields row={row} isWrong={error !== undefined} onRow={onRow} />
      ) : (
        <span className="hm-Quiet">
          {valueText(row.fixed, trans)}
          {row.about && ` · ${row.about}`}
        </span>
      )}
      {row.ticked && (
        <More row={row} others={others} onGrid={onGrid} isWrong={error !== undefined} onRow={onRow} />
      )}
      {error && (
        <div className="hm-Field-error" role="alert">
          {error}
        </div>
      )}
    </div>
  );
}

interface RangeProps {
  row: SpaceRow;
  isWrong: boolean;
  onRow: (part: Partial<SpaceRow>) => void;
}

function RangeFields({ row, isWrong, onRow }: RangeProps): JSX.Element {
  const { trans } = useHimalia();
  if (row.kind === 'categorical') {
    return (
      <span className="hm-Space-range">
        <Typed
          label={trans.__('Values of %1', row.name)}
          isWrong={isWrong}
          value={row.choices}
          onValue={choices => onRow({ choices })}
        />
      </span>
    );
  }
  return (
    <span className="hm-Space-range">
      <Typed
        label={trans.__('Lowest %1', row.name)}
        isWrong={isWrong}
        value={row.low}
        onValue={low => onRow({ low })}
      />
      <span>{trans.__('to')}</span>
      <Typed
        label={trans.__('Highest %1', row.name)}
        isWrong={isWrong}
        value={row.high}
        onValue={high => onRow({ high })}
      />
      <label
        className="hm-Check"
        title={trans.__('Draw evenly over orders of magnitude: 0.01, 0.1, 1, 10 …')}
      >
        <input type="checkbox" checked={row.log} onChange={event => onRow({ log: event.target.checked })} />{' '}
        {trans.__('log')}
      </label>
    </span>
  );
}

/** Steps within the range, and the other parameter that this one depends on. */
function More({
  row,
  others,
  onGrid,
  isWrong,
  onRow
}: RangeProps & { others: string[]; onGrid: boolean }): JSX.Element | null {
  const { trans } = useHimalia();
  const isRange = row.kind !== 'categorical';
  if (!isRange && others.length === 0 && !row.when) {
    return null;
  }
  return (
    <details className="hm-Space-more" open={(onGrid && row.kind === 'float') || undefined}>
      <summary>{isRange ? trans.__('Steps, condition') : trans.__('Condition')}</summary>
      {isRange && (
        <span className="hm-Space-range">
          <span>{trans.__('In steps of')}</span>
          <Typed
            label={trans.__('Step of %1', row.name)}
            isWrong={isWrong}
            value={row.step}
            onValue={step => onRow({ step })}
          />
        </span>
      )}
      {(others.length > 0 || row.when) && (
        <span className="hm-Space-range">
          <span>{trans.__('Searched')}</span>
          <select
            className="hm-Input"
            aria-label={trans.__('When %1 is searched', row.name)}
            value={row.when}
            onChange={event => onRow({ when: event.target.value })}
          >
            <option value="">{trans.__('always')}</option>
            {[...new Set([...others, ...(row.when ? [row.when] : [])])].map(name => (
              <option key={name} value={name}>
                {trans.__('only when %1 is', name)}
              </option>
            ))}
          </select>
          {row.when && (
            <Typed
              label={trans.__('Values of %1 with which %2 is searched', row.when, row.name)}
              isWrong={isWrong}
              value={row.whenValues}
              onValue={whenValues => onRow({ whenValues })}
            />
          )}
        </span>
      )}
    </details>
  );
}

interface TypedProps {
  label: string;
  isWrong: boolean;
  value: string;
  onValue: (value: string) => void;
}

function Typed({ label, isWrong, value, onValue }: TypedProps): JSX.Element {
  return (
    <input
      className="hm-Input"
      type="text"
      aria-label={label}
      aria-invalid={isWrong || undefined}
      autoComplete="off"
      spellCheck={false}
      value={value}
      onChange={event => onValue(event.target.value)}
    />
  );
}
