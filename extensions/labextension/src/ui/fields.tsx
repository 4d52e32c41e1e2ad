import { Field } from './form';
import { type Search, SearchInput } from './searchinput';

interface TextProps {
  label: string;
  value: string;
  error?: string;
  description?: string;
  /** What may be meant, offered while one types. */
  choices?: { id: string; values: readonly string[] };
  /** It is the one field of a dialog that was asked for. */
  hasFocus?: boolean;
  onValue: (value: string) => void;
}

/** A line of text in a form, with its label. */
export function TextField(props: TextProps): JSX.Element {
  const { label, value, error, description, choices, hasFocus, onValue } = props;
  return (
    <Field label={label} error={error} description={description}>
      {attributes => (
        <>
          <input
            {...attributes}
            className="hm-Input"
            type="text"
            list={choices?.id}
            autoComplete="off"
            spellCheck={false}
            // eslint-disable-next-line jsx-a11y/no-autofocus -- where the person is expected to begin
            autoFocus={hasFocus}
            value={value}
            onChange={event => onValue(event.target.value)}
          />
          {choices && (
            <datalist id={choices.id}>
              {choices.values.map(each => (
                <option key={each} value={each} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Field>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  error?: string;
  description?: string;
  /** Each as its value and what a person reads. */
  choices: readonly (readonly [string, string])[];
  onValue: (value: string) => void;
}

/** A choice among a few in a form, with its label. */
export function ChoiceField({
  label,
  value,
  error,
  description,
  choices,
  onValue
}: ChoiceProps): JSX.Element {
  return (
    <Field label={label} error={error} description={description}>
      {attributes => (
        <select
          {...attributes}
          className="hm-Input"
          value={value}
          onChange={event => onValue(event.target.value)}
        >
          {choices.map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface SearchProps {
  label: string;
  value: string;
  error?: string;
  description?: string;
  search: Search;
  onValue: (value: string) => void;
}

/** A choice among any number of things in a form, with its label. */
export function SearchField({ label, value, error, description, search, onValue }: SearchProps): JSX.Element {
  return (
    <Field label={label} error={error} description={description}>
      {attributes => (
        <SearchInput attributes={{ ...attributes }} search={search} value={value} onValue={onValue} />
      )}
    </Field>
  );
}
