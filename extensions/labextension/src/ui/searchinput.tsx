import { type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';

import type { Found } from '../api/resources';
import { useHimalia } from '../context';
import { useLoaded, useSettled } from './hooks';

const TYPING_MS = 150;
const HIGHEST = 240;
const NONE: Found = { values: [], more: false };

/** Finds what has `text` in its name; all that there is, the newest first, where that is empty. */
export type Search = (text: string) => Promise<Found>;

interface SearchInputProps {
  /** Of the input, such as its id or its label. */
  attributes: { [name: string]: string | boolean | undefined };
  value: string;
  onValue: (value: string) => void;
  search: Search;
}

/** A choice among any number of things: a list opens below the input, and what is typed is searched for. */
export function SearchInput({ attributes, value, onValue, search }: SearchInputProps): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  // What was there before is no search.
  const [typed, setTyped] = useState('');
  const [active, setActive] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const text = useSettled(typed, TYPING_MS);
  const { value: found, error } = useLoaded(
    () => (isOpen ? search(text.trim()) : Promise.resolve(undefined)),
    [isOpen, text]
  );
  const values = (isOpen ? found : undefined)?.values ?? NONE.values;
  useEffect(() => setActive(-1), [isOpen, found]);
  const open = () => {
    setTyped('');
    setOpen(true);
  };
  const choose = (chosen: string) => {
    onValue(chosen);
    setOpen(false);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && !isOpen) {
      open();
    } else if (step !== undefined) {
      setActive(Math.min(Math.max(active + step, 0), values.length - 1));
    } else if (event.key === 'Enter' && active >= 0) {
      choose(values[active]);
    } else if (event.key === 'Escape' && isOpen) {
      setOpen(false);
    } else {
      return;
    }
    // The form is neither sent nor closed by the same key.
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="hm-SearchInput">
      <input
        {...attributes}
        ref={input}
        className="hm-Input"
        type="text"
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={event => {
          setTyped(event.target.value);
          setOpen(true);
          onValue(event.target.value);
        }}
        onClick={() => (isOpen ? setOpen(false) : open())}
        onKeyDown={onKeyDown}
        onBlur={() => setOpen(false)}
      />
      {isOpen && (
        <Choices
          id={id}
          below={input}
          found={found}
          error={error}
          active={active}
          onChoose={choose}
          onClose={() => setOpen(false)}
        />
      )}
    </div>
  );
}

interface ChoicesProps {
  id: string;
  below: React.RefObject<HTMLElement>;
  found: Found | undefined;
  error: Error | undefined;
  active: number;
  onChoose: (value: string) => void;
  onClose: () => void;
}

/** Over everything, so that no part of a form that scrolls cuts it off. */
function Choices({ id, below, found, error, active, onChoose, onClose }: ChoicesProps): JSX.Element {
  const { trans } = useHimalia();
  const list = useRef<HTMLDivElement>(null);
  const style = usePlace(below, list, onClose);
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  const { values, more } = found ?? NONE;
  const told = error
    ? error.message
    : !found
      ? trans.__('Loading…')
      : more
        ? trans.__('There are more: type a part of the name.')
        : values.length === 0
          ? trans.__('Nothing has this in its name.')
          : '';
  return (
    <div className="hm-Choices" ref={list} style={style}>
      <div role="listbox" id={id} aria-label={trans.__('Choices')}>
        {values.map((each, at) => (
          // The input has the focus and the keys; a choice only takes the mouse.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
          <div
            key={each}
            id={`${id}-${at}`}
            role="option"
            aria-selected={at === active}
            // The focus stays in the input.
            onMouseDown={event => event.preventDefault()}
            onClick={() => onChoose(each)}
          >
            {each}
          </div>
        ))}
      </div>
      {told && (
        <div className="hm-Choices-told" role="status">
          {told}
        </div>
      )}
    </div>
  );
}

/** Below an element, or above it where there is more room; what moves that element closes it. */
function usePlace(
  below: React.RefObject<HTMLElement>,
  list: React.RefObject<HTMLElement>,
  close: () => void
): React.CSSProperties {
  const [style, setStyle] = useState<React.CSSProperties>({});
  useLayoutEffect(() => {
    const place = below.current?.getBoundingClientRect();
    if (!place) {
      return undefined;
    }
    const room = window.innerHeight - place.bottom;
    const isAbove = room < HIGHEST && place.top > room;
    setStyle({
      left: place.left,
      width: place.width,
      maxHeight: Math.min(HIGHEST, (isAbove ? place.top : room) - 8),
      ...(isAbove ? { bottom: window.innerHeight - place.top } : { top: place.bottom })
    });
    const moved = (event: Event) => {
      const isOwn = (of: React.RefObject<HTMLElement>) => of.current?.contains(event.target as Node | null);
      if (event.type === 'resize' || !(isOwn(list) || isOwn(below))) {
        close();
      }
    };
    window.addEventListener('scroll', moved, true);
    window.addEventListener('resize', moved);
    return () => {
      window.removeEventListener('scroll', moved, true);
      window.removeEventListener('resize', moved);
    };
    // It stays where it opened.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  return style;
}
