import { ReactWidget } from '@jupyterlab/apputils';

import { Himalia, HimaliaContext } from '../context';
import { Boundary } from './boundary';
import { himaliaIcon } from './icons';

/** A view in the main area: a tab with Himalia's icon, which takes the focus when it is activated. */
export abstract class View extends ReactWidget {
  constructor(protected readonly himalia: Himalia) {
    super();
    this.title.icon = himaliaIcon;
    this.title.closable = true;
    this.addClass('hm-View');
    // Lab takes the view with the focus for the current one.
    this.node.tabIndex = -1;
  }

  /** Show a part of the same thing, such as another version of it. */
  goTo?(place: unknown): void;

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
}
