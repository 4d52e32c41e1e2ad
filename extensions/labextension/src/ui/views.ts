import type { ILayoutRestorer } from '@jupyterlab/application';
import { type ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { Himalia } from '../context';
import type { View } from './view';

/** Where Himalia's commands stand in the palette and the launcher. */
export const CATEGORY = 'Himalia';

export interface ViewKind<P> {
  /** The command that opens one is `himalia:{name}-open`. */
  name: string;
  label?: string;
  /** What tells two places apart. */
  key: (place: P) => string;
  view: (place: P) => View;
  /** The place that a command without arguments means, such as the row under the context menu. */
  meant?: () => P | undefined;
}

/**
 * A kind of main-area view: opened by command, found again when open already, restored after a reload. Answers with
 * what the view in front shows, where it is of this kind.
 */
export function addViewKind<P extends ReadonlyPartialJSONObject>(
  { app }: Himalia,
  restorer: ILayoutRestorer | null,
  { name, label, key, view, meant }: ViewKind<P>
): () => P | undefined {
  const open = new WidgetTracker<View>({ namespace: `himalia-${name}` });
  const places = new WeakMap<View, P>();
  const keyOf = (widget: View) => key(places.get(widget) as P);
  const command = `himalia:${name}-open`;
  app.commands.addCommand(command, {
    label,
    execute: async args => {
      const place = Object.keys(args).length > 0 ? (args as unknown as P) : meant?.();
      if (!place) {
        return;
      }
      const found = open.find(widget => keyOf(widget) === key(place));
      const shown = found ?? view(place);
      shown.id = `himalia-${name}:${key(place)}`;
      places.set(shown, place);
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
    args: widget => places.get(widget) as P,
    name: keyOf
  });
  return () => places.get(app.shell.currentWidget as View);
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
