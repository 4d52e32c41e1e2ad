/** Numbers as people read them. */

import type { TranslationBundle } from '@jupyterlab/translation';

/** In the person's language once that is known. */
const UNITS = {
  bytes: ['B', 'KiB', 'MiB', 'GiB', 'TiB'],
  day: 'd',
  hour: 'h',
  minute: 'min',
  second: 's'
};

/** Write units from now on as the person's language does. */
export function translateUnits(trans: TranslationBundle): void {
  Object.assign(UNITS, {
    bytes: [trans.__('B'), trans.__('KiB'), trans.__('MiB'), trans.__('GiB'), trans.__('TiB')],
    day: trans.__('d'),
    hour: trans.__('h'),
    minute: trans.__('min'),
    second: trans.__('s')
  });
}

/** `1.4 MiB` of a number of bytes. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.bytes.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${trimmed(value.toFixed(digits))} ${UNITS.bytes[unit]}`;
}

/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h` of a number of seconds. */
export function duration(seconds: number): string {
  if (seconds < 9.95) {
    return `${trimmed(seconds.toFixed(1))} ${UNITS.second}`;
  }
  const whole = Math.round(seconds);
  const pairs: [number, string, number, string][] = [
    [86400, UNITS.day, 3600, UNITS.hour],
    [3600, UNITS.hour, 60, UNITS.minute],
    [60, UNITS.minute, 1, UNITS.second]
  ];
  for (const [big, bigUnit, small, smallUnit] of pairs) {
    if (whole >= big) {
      const rest = Math.floor((whole % big) / small);
      return `${Math.floor(whole / big)} ${bigUnit}` + (rest ? ` ${rest} ${smallUnit}` : '');
    }
  }
  return `${whole} ${UNITS.second}`;
}

/** At most five significant digits; very large and very small numbers by exponent. */
export function number(value: number | null): string {
  if (value === null || !Number.isFinite(value)) {
    return String(value ?? '–');
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e9) {
    return value.toLocaleString();
  }
  const size = Math.abs(value);
  return size >= 1e7 || (size < 1e-4 && size > 0)
    ? value.toExponential(3)
    : String(Number(value.toPrecision(5)));
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60]
];

// Made once: making one costs more than a whole row of a list.
const LANGUAGE = document.documentElement.lang || undefined;
const RELATIVE = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: 'auto', style: 'short' });
const EXACT = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'full', timeStyle: 'long' });

/** Date and time in full. */
export function exact(at: number): string {
  return EXACT.format(at);
}

/** `5 minutes ago` of a time in milliseconds. */
export function relative(at: number, now: number): string {
  const seconds = (at - now) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) {
      return RELATIVE.format(Math.trunc(seconds / length), unit);
    }
  }
  return RELATIVE.format(0, 'second');
}

function trimmed(text: string): string {
  return text.replace(/\.0+$/, '');
}

const LINE = 76;

/** JSON over several lines, where what is short stays on one. */
export function json(value: unknown, indent = ''): string {
  const flat = JSON.stringify(value) ?? 'null';
  if (indent.length + flat.length <= LINE || typeof value !== 'object' || value === null) {
    return flat;
  }
  const inner = `${indent} `;
  if (Array.isArray(value)) {
    return `[\n${value.map(each => inner + json(each, inner)).join(',\n')}\n${indent}]`;
  }
  const fields = Object.entries(value).map(
    ([name, each]) => `${inner}${JSON.stringify(name)}: ${json(each, inner)}`
  );
  return `{\n${fields.join(',\n')}\n${indent}}`;
}
