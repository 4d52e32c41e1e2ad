import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';

import { useHimalia } from '../context';
import { Span, spans, strip } from './ansi';
import { Button, CopyButton } from './basics';
import { useSignal, useSize } from './hooks';
import { LogModel } from './logmodel';

/** Browsers lay out boxes up to some 16 million pixels; a longer log is scrolled in proportion. */
const TALLEST = 8_000_000;
/** Characters drawn of one line; the rest is in the copy. */
const WIDEST = 4000;
const SPARE = 10;

export interface LogProps {
  model: LogModel;
  /** Lines still come: offer to follow them. */
  growing: boolean;
  /** A sentence above the log, such as how much was left out. */
  note?: string;
  onDownload?: () => void;
}

/** A log of up to millions of lines: search, follow, colours, copy. */
export function LogView({ model, growing, note, onDownload }: LogProps): JSX.Element {
  const { trans, settings } = useHimalia();
  useSignal(model.changed);
  useSignal(settings.changed);
  const [follow, setFollow] = useState(true);
  const scroller = useRef<Scroller>(null);
  const search = useSearch(model, line => {
    setFollow(false);
    scroller.current?.show(line);
  });
  const count = model.lines.length;
  return (
    <div className="hm-Log">
      <div className="hm-Log-bar">
        <input
          type="search"
          className="hm-Input"
          aria-label={trans.__('Search in the log')}
          placeholder={trans.__('Search')}
          value={search.text}
          onChange={event => search.setText(event.target.value)}
          onKeyDown={search.onKeyDown}
        />
        {search.text && (
          <span className="hm-Log-hits" role="status">
            {search.hits.length === 0
              ? trans.__('None')
              : trans.__('%1 of %2', (search.at + 1).toLocaleString(), search.hits.length.toLocaleString())}
          </span>
        )}
        <span className="hm-Log-count">{trans._n('%1 line', '%1 lines', count, count.toLocaleString())}</span>
        {growing && (
          <Button
            pressed={follow}
            onClick={() => setFollow(!follow)}
            title={trans.__('Keep the newest line in sight')}
          >
            {trans.__('Follow')}
          </Button>
        )}
        <CopyButton text={() => model.lines.map(strip).join('\n')} label={trans.__('Copy all')} />
        {onDownload && <Button onClick={onDownload}>{trans.__('Download')}</Button>}
      </div>
      {note && <p className="hm-Note">{note}</p>}
      <Lines
        model={model}
        count={count}
        follow={follow && growing}
        onFollow={setFollow}
        fontSize={settings.logFontSize}
        wanted={search.text.toLowerCase()}
        hit={search.hits[search.at]}
        scroller={scroller}
      />
    </div>
  );
}

interface Scroller {
  show(line: number): void;
}

interface LinesProps {
  model: LogModel;
  count: number;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  fontSize: number;
  wanted: string;
  hit: number | undefined;
  scroller: React.MutableRefObject<Scroller | null>;
}

function Lines({ model, count, follow, onFollow, fontSize, wanted, hit, scroller }: LinesProps): JSX.Element {
  const { trans } = useHimalia();
  const [ref, { height }] = useSize<HTMLDivElement>();
  const [top, setTop] = useState(0);
  const line = Math.round(fontSize * 1.5);
  const full = count * line;
  const shown = Math.min(full, TALLEST);
  // Where the boxes would stand in a log laid out in full.
  const ratio = shown > height ? (full - height) / (shown - height) : 1;
  const offset = top * ratio;
  const first = Math.max(0, Math.floor(offset / line) - SPARE);
  const last = Math.min(count, Math.ceil((offset + height) / line) + SPARE);

  useLayoutEffect(() => {
    if (follow && ref.current) {
      ref.current.scrollTop = ref.current.scrollHeight;
    }
  }, [follow, count, height, ref]);
  scroller.current = {
    show: wantedLine => {
      if (ref.current) {
        ref.current.scrollTop = Math.max(0, wantedLine * line - height / 2) / ratio;
      }
    }
  };
  const onScroll = (event: React.UIEvent<HTMLDivElement>) => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    if (follow && scrollTop < top && scrollHeight - clientHeight - scrollTop > line) {
      onFollow(false);
    }
    setTop(scrollTop);
  };
  return (
    <div
      className="hm-Log-lines"
      ref={ref}
      role="log"
      aria-live="off"
      aria-label={trans.__('Log')}
      // A region that scrolls must be reachable by keyboard.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      style={{ fontSize, lineHeight: `${line}px` }}
      onScroll={onScroll}
    >
      <div style={{ height: shown, position: 'relative' }}>
        <div className="hm-Log-window" style={{ top: first * line - offset + top }}>
          {model.lines.slice(first, last).map((text, index) => (
            <Line
              key={first + index}
              text={text}
              height={line}
              wanted={wanted}
              isHit={first + index === hit}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

interface LineProps {
  text: string;
  height: number;
  wanted: string;
  isHit: boolean;
}

function Line({ text, height, wanted, isHit }: LineProps): JSX.Element {
  const { trans } = useHimalia();
  const cut = text.length > WIDEST ? text.slice(0, WIDEST) : text;
  const hidden = text.length - cut.length;
  return (
    <div className="hm-Log-line" style={{ height }} data-hit={isHit || undefined}>
      {withHits(spans(cut), wanted).map(({ text: piece, style, hit }, index) => (
        <span key={index} className={style || undefined}>
          {hit ? <mark>{piece}</mark> : piece}
        </span>
      ))}
      {hidden > 0 && <em>{trans.__(' … %1 more characters', hidden.toLocaleString())}</em>}
    </div>
  );
}

/** The spans cut where what is searched for begins and ends: a hit may go over several looks. */
function withHits(all: Span[], wanted: string): (Span & { hit: boolean })[] {
  const whole = all
    .map(span => span.text)
    .join('')
    .toLowerCase();
  const cuts: number[] = [];
  for (let at = whole.indexOf(wanted); wanted && at >= 0; at = whole.indexOf(wanted, at + wanted.length)) {
    cuts.push(at, at + wanted.length);
  }
  const pieces: (Span & { hit: boolean })[] = [];
  let begin = 0;
  for (const { text, style } of all) {
    const end = begin + text.length;
    const inside = [begin, ...cuts.filter(cut => cut > begin && cut < end), end];
    for (let index = 0; index + 1 < inside.length; index += 1) {
      // An odd number of cuts up to here: a hit has begun and not ended.
      const hit = cuts.filter(cut => cut <= inside[index]).length % 2 === 1;
      pieces.push({ text: text.slice(inside[index] - begin, inside[index + 1] - begin), style, hit });
    }
    begin = end;
  }
  return pieces;
}

interface Search {
  text: string;
  setText: (text: string) => void;
  hits: readonly number[];
  at: number;
  onKeyDown: (event: KeyboardEvent) => void;
}

/** Enter goes to the next hit, Shift+Enter to the one before, Escape empties the field. */
function useSearch(model: LogModel, show: (line: number) => void): Search {
  const [text, setText] = useState('');
  const [hits, setHits] = useState<readonly number[]>([]);
  const [at, setAt] = useState(0);
  const showLine = useRef(show);
  showLine.current = show;
  useEffect(() => {
    setHits([]);
    setAt(0);
    if (!text) {
      return undefined;
    }
    const abort = new AbortController();
    let moved = false;
    void model.search(
      text,
      found => {
        setHits(found);
        if (!moved && found.length > 0) {
          moved = true;
          showLine.current(found[0]);
        }
      },
      abort.signal
    );
    return () => abort.abort();
  }, [model, text]);
  const onKeyDown = useCallback(
    (event: KeyboardEvent) => {
      if (event.key === 'Escape') {
        setText('');
      } else if (event.key === 'Enter' && hits.length > 0) {
        const next = (at + (event.shiftKey ? -1 : 1) + hits.length) % hits.length;
        setAt(next);
        showLine.current(hits[next]);
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    },
    [at, hits]
  );
  return { text, setText, hits, at, onKeyDown };
}
