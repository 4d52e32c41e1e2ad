import { useHimalia } from '../context';
import { valueText } from '../ui/basics';
import type { Errors } from '../ui/sending';
import type { SpaceRow } from './space';

interface SpaceFieldsProps {
  rows: SpaceRow[];
  onRows: (rows: SpaceRow[]) => void;
  errors: Errors;
}

/** A row for each parameter of the notebook: ticked, it is searched within its range. */
export function SpaceFields({ rows, onRows, errors }: SpaceFieldsProps): JSX.Element {
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
        <Row key={row.name} row={row} error={errors[row.name]} onRow={part => change(at, part)} />
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
  error: string | undefined;
  onRow: (part: Partial<SpaceRow>) => void;
}

function Row({ row, error, onRow }: RowProps): JSX.Element {
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
  const text = (value: string, label: string, onValue: (value: string) => void) => (
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
  if (row.kind === 'categorical') {
    return (
      <span className="hm-Space-range">
        {text(row.choices, trans.__('Values of %1', row.name), choices => onRow({ choices }))}
      </span>
    );
  }
  return (
    <span className="hm-Space-range">
      {text(row.low, trans.__('Lowest %1', row.name), low => onRow({ low }))}
      <span>{trans.__('to')}</span>
      {text(row.high, trans.__('Highest %1', row.name), high => onRow({ high }))}
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
