import { type ReactNode, useId } from 'react';

import type { Json, Schema } from '../api/types';
import { useHimalia } from '../context';

/** What stands in a form's fields: as typed, not yet as JSON. */
export type Draft = { [name: string]: string | boolean };

export interface FieldProps {
  label: string;
  description?: ReactNode;
  error?: string;
  children: (attributes: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean }) => ReactNode;
}

/** A label, its field, what it means, and what is wrong with it. */
export function Field({ label, description, error, children }: FieldProps): JSX.Element {
  const id = useId();
  const told = [description && `${id}-about`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div className="hm-Field">
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-describedby': told || undefined, 'aria-invalid': error ? true : undefined })}
      {description && (
        <div id={`${id}-about`} className="hm-Field-about">
          {description}
        </div>
      )}
      {error && (
        <div id={`${id}-error`} className="hm-Field-error" role="alert">
          {error}
        </div>
      )}
    </div>
  );
}

export interface FormProps {
  schema: Schema;
  draft: Draft;
  onDraft: (draft: Draft) => void;
  errors: { [name: string]: string };
}

/** One field for each property of a JSON schema, in its order. */
export function SchemaForm({ schema, draft, onDraft, errors }: FormProps): JSX.Element {
  return (
    <>
      {Object.entries(schema.properties ?? {}).map(([name, property]) => (
        <Field
          key={name}
          label={property.title ?? name}
          description={property.description}
          error={errors[name]}
        >
          {attributes => (
            <Input
              attributes={{ ...attributes, name }}
              schema={property}
              value={draft[name] ?? ''}
              onValue={value => onDraft({ ...draft, [name]: value })}
            />
          )}
        </Field>
      ))}
    </>
  );
}

interface InputProps {
  attributes: { id: string; name: string };
  schema: Schema;
  value: string | boolean;
  onValue: (value: string | boolean) => void;
}

function Input({ attributes, schema, value, onValue }: InputProps): JSX.Element {
  const { trans } = useHimalia();
  if (schema.enum) {
    return (
      <select
        {...attributes}
        className="hm-Input"
        value={String(value)}
        onChange={event => onValue(event.target.value)}
      >
        {schema.enum.map(choice => (
          <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>
            {typeof choice === 'string' ? choice : JSON.stringify(choice)}
          </option>
        ))}
      </select>
    );
  }
  if (kind(schema) === 'boolean' && !isNullable(schema)) {
    return (
      <input
        {...attributes}
        type="checkbox"
        checked={value === true}
        onChange={event => onValue(event.target.checked)}
      />
    );
  }
  const numeric = kind(schema) === 'integer' || kind(schema) === 'number';
  return (
    <input
      {...attributes}
      className="hm-Input"
      type="text"
      inputMode={numeric ? 'decimal' : undefined}
      placeholder={isNullable(schema) ? trans.__('none') : undefined}
      autoComplete="off"
      spellCheck={false}
      value={String(value)}
      onChange={event => onValue(event.target.value)}
    />
  );
}

/** A draft that says what the schema's defaults say. */
export function draftOf(schema: Schema, values: { [name: string]: Json } = {}): Draft {
  const draft: Draft = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const value = name in values ? values[name] : (property.default ?? null);
    if (property.enum) {
      draft[name] = JSON.stringify(value);
    } else if (kind(property) === 'boolean' && !isNullable(property)) {
      draft[name] = value === true;
    } else if (kind(property) === 'string') {
      draft[name] = typeof value === 'string' ? value : '';
    } else {
      draft[name] = value === null && kind(property) !== '' ? '' : JSON.stringify(value);
    }
  }
  return draft;
}

export interface Read {
  values: { [name: string]: Json };
  /** By field; empty when all is well. */
  errors: { [name: string]: string };
}

/** What a draft says as JSON, and a sentence for each field that says nothing the schema allows. */
export function readDraft(schema: Schema, draft: Draft, trans: { __: (text: string) => string }): Read {
  const read: Read = { values: {}, errors: {} };
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const result = readField(property, draft[name] ?? '', trans);
    if ('error' in result) {
      read.errors[name] = result.error;
    } else {
      read.values[name] = result.value;
    }
  }
  return read;
}

type FieldResult = { value: Json } | { error: string };

function readField(
  schema: Schema,
  typed: string | boolean,
  trans: { __: (text: string) => string }
): FieldResult {
  if (typeof typed === 'boolean') {
    return { value: typed };
  }
  if (schema.enum) {
    return { value: JSON.parse(typed) as Json };
  }
  const text = typed.trim();
  if (text === '' && isNullable(schema)) {
    return { value: null };
  }
  switch (kind(schema)) {
    case 'string':
      return { value: typed };
    case 'integer':
      return /^[-+]?\d+$/.test(text) && Number.isSafeInteger(Number(text))
        ? { value: Number(text) }
        : { error: trans.__('Write a whole number, such as 10.') };
    case 'number':
      return text !== '' && Number.isFinite(Number(text))
        ? { value: Number(text) }
        : { error: trans.__('Write a number, such as 0.5.') };
    default:
      return readJson(schema, text, trans);
  }
}

function readJson(schema: Schema, text: string, trans: { __: (text: string) => string }): FieldResult {
  const wrong = {
    array: trans.__('Write a list, such as [1, 2, 3].'),
    object: trans.__('Write a JSON object, such as {"name": 1}.')
  }[kind(schema)];
  try {
    const value = JSON.parse(text) as Json;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if ((kind(schema) === 'array' && !Array.isArray(value)) || (kind(schema) === 'object' && !isObject)) {
      return { error: wrong ?? '' };
    }
    return { value };
  } catch {
    return { error: wrong ?? trans.__('Write a JSON value: a number, "text", true, null or a list.') };
  }
}

function kind(schema: Schema): string {
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? ''];
  return types.find(type => type !== 'null') ?? '';
}

function isNullable(schema: Schema): boolean {
  return Array.isArray(schema.type) && schema.type.includes('null');
}
