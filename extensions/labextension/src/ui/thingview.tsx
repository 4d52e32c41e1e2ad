import type { LabIcon } from '@jupyterlab/ui-components';

import type { Resource, Store } from '../api/resources';
import type { Himalia } from '../context';
import { Opened, type Place } from './opened';
import { View } from './view';

interface ThingKind<T extends Resource> {
  store: Store<T>;
  icon: LabIcon;
  /** What the tab is, in full. */
  caption: (place: Place) => string;
  /** What to say when there is no such thing any more. */
  gone: string;
}

/** One thing of a noun in the main area, titled by the name that it has now. */
export abstract class ThingView<T extends Resource> extends View<Place> {
  constructor(
    himalia: Himalia,
    place: Place,
    private readonly kind: ThingKind<T>
  ) {
    super(himalia, place);
    // Tabs are narrow: the icon says which noun it is.
    this.title.icon = kind.icon;
    this.entitle();
  }

  override goTo(place: Place): void {
    this.move(place);
    this.update();
  }

  protected abstract shown(item: T): JSX.Element;

  protected content(): JSX.Element {
    const { store, gone } = this.kind;
    return (
      <Opened
        place={this.place}
        store={store}
        gone={gone}
        close={() => this.close()}
        onName={name => this.rename(name)}
      >
        {item => this.shown(item)}
      </Opened>
    );
  }

  private rename(name: string): void {
    if (name !== this.place.name) {
      this.move({ ...this.place, name });
    }
    this.entitle();
  }

  private entitle(): void {
    this.title.label = this.place.name;
    this.title.caption = this.kind.caption(this.place);
  }
}
