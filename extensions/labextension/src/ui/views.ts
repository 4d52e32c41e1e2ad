import type { ILayoutRestorer } from '@jupyterlab/application';
import { type ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { Resource, Store } from '../api/resources';
import type { Himalia } from '../context';
import type { Place } from './opened';
import type { View } from './view';

/** Where Himalia's commands stand in the palette and the launcher. */
export const CATEGORY = 'Himalia';

export interface ViewKind<P, V extends View<P>> {
  /** The command that opens one is `himalia:{name}-open`. */
  name: string;
  label?: string;
  /** What tells two places apart. */
  key: (place: P) => string;
  view: (place: P) => V;
  /** The place that a command without arguments means, such as the row under the context menu. */
  meant?: () => P | undefined;
}

/**
 * A kind of main-area view: opened by command, found again when open already, restored after a reload. Answers with
 * the view in front, where it is of this kind.
 */
export function addViewKind<P extends ReadonlyPartialJSONObject, V extends View<P>>(
  { app }: Himalia,
  restorer: ILayoutRestorer | null,
  { name, label, key, view, meant }: ViewKind<P, V>
): () => V | undefined {
  const open = new WidgetTracker<V>({ namespace: `himalia-${name}` });
  const keyOf = (widget: V) => key(widget.place);
  const identify = (widget: V) => (widget.id = `himalia-${name}:${keyOf(widget)}`);
  const command = `himalia:${name}-open`;
  const make = (place: P) => {
    const made = view(place);
    identify(made);
    made.moved.connect(() => {
      identify(made);
      // Lab restores it where it is now.
      void open.save(made);
    });
    return made;
  };
  app.commands.addCommand(command, {
    label,
    execute: async args => {
      const place = Object.keys(args).length > 0 ? (args as unknown as P) : meant?.();
      if (!place) {
        return;
      }
      const found = open.find(widget => keyOf(widget) === key(place));
      const shown = found ?? make(place);
      found?.goTo?.(place);
      if (!shown.isAttached) {
        app.shell.add(shown, 'main');
      }
      app.shell.activateById(shown.id);
      if (!found) {
        await open.add(shown);
      }
    }
  });
  void restorer?.restore(open, {
    command,
    args: widget => widget.place,
    name: keyOf
  });
  return () => open.find(widget => widget === app.shell.currentWidget);
}

/** What the view in front shows, as far as the page knows it. */
export function inFront<T extends Resource>(
  front: () => View<Place> | undefined,
  store: Store<T>
): () => T | undefined {
  return () => {
    const place = front()?.place;
    return place && store.find(place.project, place.name);
  };
}

export interface ItemCommand<T> {
  /** The command is `himalia:{name}`. */
  name: string;
  label: string;
  can?: (item: T) => boolean;
  act: (item: T) => unknown;
}

/** Commands in the palette for the thing that the view in front shows. */
export function addItemCommands<T>(
  { app }: Himalia,
  palette: ICommandPalette | null,
  shown: () => T | undefined,
  commands: readonly ItemCommand<T>[]
): void {
  for (const { name, label, can, act } of commands) {
    const command = `himalia:${name}`;
    app.commands.addCommand(command, {
      label,
      isEnabled: () => {
        const item = shown();
        return item !== undefined && (can?.(item) ?? true);
      },
      execute: () => {
        const item = shown();
        return item !== undefined ? act(item) : undefined;
      }
    });
    palette?.addItem({ command, category: CATEGORY });
  }
}
