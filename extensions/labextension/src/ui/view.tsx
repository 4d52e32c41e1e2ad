import { ReactWidget } from '@jupyterlab/apputils';
import { ISignal, Signal } from '@lumino/signaling';

import { Himalia, HimaliaContext } from '../context';
import { Boundary } from './boundary';
import { himaliaIcon } from './icons';

/** A view in the main area of what is at a place: a tab with Himalia's icon, which takes the focus when activated. */
export abstract class View<P = unknown> extends ReactWidget {
  constructor(
    protected readonly himalia: Himalia,
    private _place: P
  ) {
    super();
    this.title.icon = himaliaIcon;
    this.title.closable = true;
    this.addClass('hm-View');
    // Lab takes the view with the focus for the current one.
    this.node.tabIndex = -1;
  }

  get place(): P {
    return this._place;
  }

  /** What it shows has another place now, such as a new name. */
  get moved(): ISignal<this, void> {
    return this._moved;
  }

  /** Show a part of the same thing, such as another version of it. */
  goTo?(place: P): void;

  protected move(place: P): void {
    this._place = place;
    this._moved.emit();
  }

  protected abstract content(): JSX.Element;

  protected render(): JSX.Element {
    return (
      <HimaliaContext.Provider value={this.himalia}>
        <Boundary>{this.content()}</Boundary>
      </HimaliaContext.Provider>
    );
  }

  protected override onActivateRequest(): void {
    this.node.focus();
  }

  private readonly _moved = new Signal<this, void>(this);
}
