import { ISignal, Signal } from '@lumino/signaling';

import { strip } from './ansi';

/** Lines searched before the page gets a turn. */
const SEARCH_SLICE = 50_000;

/**
 * The lines of a log as a terminal would show them: a carriage return writes over its line.
 * Text only comes at the end; a million lines are a million strings and nothing more.
 */
export class LogModel {
  get lines(): readonly string[] {
    return this._lines;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  append(text: string): void {
    if (!text) {
      return;
    }
    const pieces = (this._open + text).split('\n');
    this._open = pieces.pop() ?? '';
    if (this._lines.length > 0 && this._hasOpen) {
      this._lines.pop();
    }
    for (const piece of pieces) {
      this._lines.push(overwritten(piece));
    }
    this._hasOpen = this._open !== '';
    if (this._hasOpen) {
      this._lines.push(overwritten(this._open));
    }
    this._changed.emit();
  }

  clear(): void {
    this._lines = [];
    this._open = '';
    this._hasOpen = false;
    this._changed.emit();
  }

  /** Indices of the lines that hold `text`, in any case, told in slices so that the page never stands still. */
  async search(text: string, found: (lines: readonly number[]) => void, signal: AbortSignal): Promise<void> {
    const wanted = text.toLowerCase();
    const hits: number[] = [];
    for (let at = 0; at < this._lines.length && !signal.aborted; at += 1) {
      if (strip(this._lines[at]).toLowerCase().includes(wanted)) {
        hits.push(at);
      }
      if (at % SEARCH_SLICE === SEARCH_SLICE - 1) {
        found([...hits]);
        await new Promise(resolve => setTimeout(resolve));
      }
    }
    if (!signal.aborted) {
      found(hits);
    }
  }

  private _lines: string[] = [];
  /** The last line, while its end has not come; kept raw, because more may overwrite it. */
  private _open = '';
  private _hasOpen = false;
  private readonly _changed = new Signal<this, void>(this);
}

function overwritten(line: string): string {
  const plain = line.endsWith('\r') ? line.slice(0, -1) : line;
  const at = plain.lastIndexOf('\r');
  return at < 0 ? plain : plain.slice(at + 1);
}
