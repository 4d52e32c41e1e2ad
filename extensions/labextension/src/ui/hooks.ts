import type { ISignal } from '@lumino/signaling';
import { useEffect, useReducer, useRef, useState } from 'react';

/** Render again when `signal` fires; many in one frame are one. */
export function useSignal<S, A>(signal: ISignal<S, A>): void {
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let frame = 0;
    const slot = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        render();
      });
    };
    signal.connect(slot);
    // What fired between the first render and now.
    render();
    return () => {
      cancelAnimationFrame(frame);
      signal.disconnect(slot);
    };
  }, [signal]);
}

/** The time in milliseconds, anew every `every` of them while `running`. */
export function useNow(every: number, running = true): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) {
      return undefined;
    }
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every, running]);
  return now;
}

/** Width and height of the element that the answered ref is given to. */
export function useSize<E extends HTMLElement>(): [React.RefObject<E>, { width: number; height: number }] {
  const ref = useRef<E>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (!element) {
      return undefined;
    }
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight })
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, size];
}

/** What `load` answers, `undefined` until then; loaded anew when `keys` change. Older answers are dropped. */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  keys: readonly unknown[]
): { value: T | undefined; error: Error | undefined; reload: () => void } {
  const [state, setState] = useState<{ value?: T; error?: Error }>({});
  const [turn, reload] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const abort = new AbortController();
    load(abort.signal).then(
      value => !abort.signal.aborted && setState({ value }),
      (error: Error) => !abort.signal.aborted && setState(before => ({ value: before.value, error }))
    );
    return () => abort.abort();
    // `load` is a new function at each render; what it depends on stands in `keys`.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [turn, ...keys]);
  return { value: state.value, error: state.error, reload };
}

interface Paged<T> {
  items: T[];
  next_page_token?: string | null;
}

/** Pages of what `load` answers for a page's token, the first at once and then as `more` asks for them. */
export function usePages<T, P extends Paged<T> = Paged<T>>(
  load: (token: string | undefined, signal?: AbortSignal) => Promise<P>,
  keys: readonly unknown[]
): { pages: P[] | undefined; error: Error | undefined; reload: () => void; more?: () => Promise<void> } {
  const first = useLoaded(signal => load(undefined, signal), keys);
  const [rest, setRest] = useState<{ of?: P; pages: P[]; error?: Error }>({ pages: [] });
  const { pages: later, error } = rest.of === first.value ? rest : { pages: [], error: undefined };
  const pages = first.value && [first.value, ...later];
  const token = pages?.[pages.length - 1].next_page_token;
  const more = async () => {
    const of = first.value;
    try {
      const page = await load(token ?? undefined);
      setRest({ of, pages: [...later, page] });
    } catch (failure) {
      setRest({ of, pages: later, error: failure as Error });
    }
  };
  return { pages, error: first.error ?? error, reload: first.reload, more: token ? more : undefined };
}

/** `value` once it has stayed the same for a while. */
export function useSettled<T>(value: T, after: number): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), after);
    return () => clearTimeout(timer);
  }, [value, after]);
  return settled;
}
