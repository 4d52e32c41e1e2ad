import { type RefObject, useEffect, useRef, useState } from 'react';

import { ApiError } from '../api/client';
import { useHimalia } from '../context';

/** A sentence by field. */
export type Errors = { [field: string]: string };

export interface Sending {
  /** What is being done, while something is. */
  step: string | undefined;
  /** What went wrong and belongs to no field. */
  failure: Error | undefined;
  errors: Errors;
  /** Those of `errors` that hold: of what was wrong with what was typed, what is in `wrong` now. */
  still: (wrong: Errors) => Errors;
  /** Send, unless something is `wrong` with what was typed, or it is being sent already. */
  send: (act: (tell: (step: string) => void) => Promise<void>, wrong?: Errors) => void;
}

/** A form's sending: what it does now, and what went wrong, told at the fields that `fields` names. */
export function useSending(fields: readonly string[] = []): Sending {
  const { trans } = useHimalia();
  const [step, setStep] = useState<string>();
  const [failure, setFailure] = useState<Error>();
  const [errors, setErrors] = useState<Errors>({});
  const [isTyped, setTyped] = useState(false);
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => {
      alive.current = false;
    };
  }, []);
  const send: Sending['send'] = (act, wrong = {}) => {
    setErrors(wrong);
    setTyped(true);
    setFailure(undefined);
    if (Object.keys(wrong).length > 0 || step !== undefined) {
      return;
    }
    setStep(trans.__('Sending…'));
    act(setStep)
      .catch((error: Error) => {
        const told = placed(error, fields);
        setErrors(told.errors);
        setTyped(false);
        setFailure(told.failure);
      })
      .finally(() => alive.current && setStep(undefined));
  };
  const still = (wrong: Errors) =>
    isTyped ? Object.fromEntries(Object.entries(wrong).filter(([field]) => field in errors)) : errors;
  return { step, failure, errors, still, send };
}

/** The service's words at the fields that they name; what names none stays a failure of the whole. */
function placed(error: Error, known: readonly string[]): { errors: Errors; failure: Error | undefined } {
  const fields = error instanceof ApiError ? error.fields : [];
  const errors: Errors = {};
  let all = fields.length > 0;
  for (const { field, message } of fields) {
    const name = [...field.split('.')].reverse().find(part => known.includes(part));
    if (name !== undefined) {
      // After the name of its field it goes on small; on a line of its own it is a sentence.
      errors[name] = message.charAt(0).toUpperCase() + message.slice(1);
    } else {
      all = false;
    }
  }
  return { errors, failure: all ? undefined : error };
}

/** The first field has the focus, and after a look at what was typed the first that is wrong. */
export function useFocus(form: RefObject<HTMLFormElement>, errors: Errors): void {
  useEffect(() => form.current?.querySelector<HTMLElement>('input, select')?.focus(), [form]);
  useEffect(() => {
    if (Object.keys(errors).length > 0) {
      form.current?.querySelector('details:has([aria-invalid])')?.setAttribute('open', '');
      form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
    }
  }, [form, errors]);
}
