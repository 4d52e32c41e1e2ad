/** Colours and weights that programs write as escape sequences (ECMA-48, SGR). */

export interface Span {
  text: string;
  /** CSS classes, empty for plain text. */
  style: string;
}

const SEQUENCE = /\u001b\[([0-9;:]*)([A-Za-z])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]/g;
const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

interface Look {
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  colour: string;
}

const PLAIN: Look = { bold: false, dim: false, italic: false, underline: false, colour: '' };

/** The line without its escape sequences. */
export function strip(line: string): string {
  return line.includes('\u001b') ? line.replace(SEQUENCE, '') : line;
}

/** The line in pieces of one look each. Colours begin anew on each line, as log tools print them. */
export function spans(line: string): Span[] {
  if (!line.includes('\u001b')) {
    return [{ text: line, style: '' }];
  }
  const found: Span[] = [];
  let look = PLAIN;
  let end = 0;
  for (const match of line.matchAll(SEQUENCE)) {
    push(found, line.slice(end, match.index), look);
    end = match.index + match[0].length;
    if (match[2] === 'm') {
      look = changed(look, match[1]);
    }
  }
  push(found, line.slice(end), look);
  return found;
}

function push(found: Span[], text: string, look: Look): void {
  if (!text) {
    return;
  }
  const style = [
    look.bold && 'hm-ansi-bold',
    look.dim && 'hm-ansi-dim',
    look.italic && 'hm-ansi-italic',
    look.underline && 'hm-ansi-underline',
    look.colour && `hm-ansi-${look.colour}`
  ]
    .filter(Boolean)
    .join(' ');
  found.push({ text, style });
}

function changed(look: Look, parameters: string): Look {
  const codes = parameters.split(/[;:]/).map(Number);
  let next = { ...look };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 38 || code === 48) {
      // 256 and 24-bit colours have no place in a theme: the nearest of the eight is shown for the first sixteen.
      if (code === 38 && codes[at + 1] === 5 && codes[at + 2] < 16) {
        next.colour = NAMES[codes[at + 2] % 8];
      }
      at += codes[at + 1] === 2 ? 4 : 2;
    } else {
      next = applied(next, code);
    }
  }
  return next;
}

function applied(look: Look, code: number): Look {
  if (code === 0) {
    return PLAIN;
  }
  if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
    return { ...look, colour: NAMES[code % 10] };
  }
  switch (code) {
    case 1:
      return { ...look, bold: true };
    case 2:
      return { ...look, dim: true };
    case 3:
      return { ...look, italic: true };
    case 4:
      return { ...look, underline: true };
    case 22:
      return { ...look, bold: false, dim: false };
    case 23:
      return { ...look, italic: false };
    case 24:
      return { ...look, underline: false };
    case 39:
      return { ...look, colour: '' };
    default:
      return look;
  }
}
