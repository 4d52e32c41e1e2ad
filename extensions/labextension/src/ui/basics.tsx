import type { TranslationBundle } from '@jupyterlab/translation';
import { type ReactNode, type RefObject, useRef, useState } from 'react';

import { ApiError, isSignedOut } from '../api/client';
import { useHimalia } from '../context';
import { copyText } from './copy';
import { exact, number, relative } from './format';
import { useNow } from './hooks';

/** A relative time with the exact one on hover. */
export function When({ at }: { at: string | null | undefined }): JSX.Element | null {
  const now = useNow(30_000);
  if (!at) {
    return null;
  }
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={exact(time)}>
      {relative(time, Math.max(now, time))}
    </time>
  );
}

export interface ButtonProps {
  children: ReactNode;
  /** While what it answers is not settled, the button does nothing more. */
  onClick: () => unknown;
  kind?: 'plain' | 'accept' | 'warn' | 'quiet';
  disabled?: boolean;
  title?: string;
  pressed?: boolean;
}

/** A button in one of Lab's own looks. */
export function Button({
  children,
  onClick,
  kind = 'plain',
  disabled,
  title,
  pressed
}: ButtonProps): JSX.Element {
  const [busy, setBusy] = useState(false);
  const press = () => {
    const answer = busy ? undefined : onClick();
    if (answer instanceof Promise) {
      setBusy(true);
      void answer.finally(() => setBusy(false));
    }
  };
  return (
    <button
      type="button"
      className={`hm-Button hm-mod-${kind}`}
      onClick={press}
      disabled={disabled}
      // A disabled one would lose the focus.
      aria-disabled={busy || undefined}
      title={title}
      aria-pressed={pressed}
    >
      {children}
    </button>
  );
}

interface CopyButtonProps {
  /** What is copied, or makes it when the button is pressed. */
  text: string | (() => string);
  label?: string;
  title?: string;
  kind?: 'plain' | 'quiet';
  /** Where the text stands: it is selected when the browser does not let us copy it. */
  of?: RefObject<HTMLElement>;
}

/** A button that copies, and says whether that went well. */
export function CopyButton({ text, label, title, kind, of }: CopyButtonProps): JSX.Element {
  const { trans } = useHimalia();
  const [copied, setCopied] = useState<boolean>();
  const copy = async () => {
    const done = await copyText(typeof text === 'string' ? text : text());
    setCopied(done);
    if (!done && of?.current) {
      window.getSelection()?.selectAllChildren(of.current);
    }
  };
  const words = {
    undefined: label ?? trans.__('Copy'),
    true: trans.__('Copied'),
    false: of ? trans.__('Selected: copy it by keyboard') : trans.__('The browser refused to copy')
  }[`${copied}`];
  return (
    <Button kind={kind} title={title} onClick={copy}>
      {words}
    </Button>
  );
}

export interface EmptyProps {
  title?: string;
  children: ReactNode;
  action?: { label: string; run: () => unknown };
}

/** What a thing is for, in a sentence, with its one button. */
export function Empty({ title, children, action }: EmptyProps): JSX.Element {
  return (
    <div className="hm-Empty">
      {title && <div className="hm-Empty-title">{title}</div>}
      <p>{children}</p>
      {action && (
        <Button kind="accept" onClick={action.run}>
          {action.label}
        </Button>
      )}
    </div>
  );
}

/** What happened and what to do, with the detail behind a fold to copy. */
export function Failure({ error, retry }: { error: Error; retry?: () => unknown }): JSX.Element {
  const { trans } = useHimalia();
  const shown = useRef<HTMLPreElement>(null);
  const detail = detailOf(error);
  return (
    <div className="hm-Failure" role="alert">
      <p>
        <span className="hm-Failure-mark" aria-hidden="true">
          ✕
        </span>{' '}
        {error.message}
      </p>
      {isSignedOut(error) ? (
        <Button kind="accept" onClick={() => window.location.reload()}>
          {trans.__('Reload')}
        </Button>
      ) : (
        retry && (
          <Button kind="accept" onClick={retry}>
            {trans.__('Try again')}
          </Button>
        )
      )}
      <details>
        <summary>{trans.__('Detail')}</summary>
        <pre ref={shown}>{detail}</pre>
        <CopyButton text={detail} of={shown} />
      </details>
    </div>
  );
}

function detailOf(error: Error): string {
  if (error instanceof ApiError) {
    const { status, code, details } = error;
    return JSON.stringify({ status, code, message: error.message, details }, null, 2);
  }
  return error.stack ?? String(error);
}

/** A quiet line while something is on its way. */
export function Loading(): JSX.Element {
  const { trans } = useHimalia();
  return (
    <div className="hm-Loading" role="status">
      {trans.__('Loading…')}
    </div>
  );
}

/** A thin bar; `value` is from 0 to 1. */
export function Bar({ value, label }: { value: number; label: string }): JSX.Element {
  const percent = Math.round(value * 100);
  return (
    <div
      className="hm-Bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}

/** Names and values, one under the other. */
export function Pairs({ pairs }: { pairs: [string, ReactNode][] }): JSX.Element {
  return (
    <dl className="hm-Pairs">
      {pairs
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A JSON value in one line, as it would stand in code. */
export function valueText(value: unknown, trans: TranslationBundle): string {
  if (value === undefined) {
    return trans.__('not set');
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A JSON value in one line; of a long fraction what matters, and all of it under the pointer. */
export function Value({ of }: { of: unknown }): JSX.Element {
  const { trans } = useHimalia();
  const whole = valueText(of, trans);
  const short = typeof of === 'number' && !Number.isInteger(of) ? number(of) : whole;
  return <code title={short === whole ? undefined : whole}>{short}</code>;
}

/** A part that scrolls by itself: a region, so that the keyboard reaches it. */
export function Scroll({
  label,
  className = '',
  children
}: {
  label: string;
  className?: string;
  children: ReactNode;
}): JSX.Element {
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what takes no focus is not scrolled by keys
    <div className={`hm-Scroll ${className}`} tabIndex={0} role="region" aria-label={label}>
      {children}
    </div>
  );
}
