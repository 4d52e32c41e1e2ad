import { ReactWidget } from '@jupyterlab/apputils';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { useEffect, useId, useRef } from 'react';

import { type Himalia, HimaliaContext, useHimalia } from '../context';
import { Button } from './basics';

type Content = (close: () => void) => JSX.Element;

/** Show a titled dialog over Lab until its content closes it, or Escape does. */
export function openModal(himalia: Himalia, title: string, content: Content): void {
  const dialog = new ModalWidget(himalia, title, content);
  Widget.attach(dialog, document.body);
  MessageLoop.sendMessage(dialog, Widget.Msg.UpdateRequest);
}

class ModalWidget extends ReactWidget {
  constructor(
    private readonly himalia: Himalia,
    private readonly titleText: string,
    private readonly content: Content
  ) {
    super();
    this.addClass('hm-RunDialog');
  }

  protected render(): JSX.Element {
    return (
      <HimaliaContext.Provider value={this.himalia}>
        <Modal title={this.titleText} content={this.content} close={() => this.dispose()} />
      </HimaliaContext.Provider>
    );
  }
}

interface ModalProps {
  title: string;
  content: Content;
  close: () => void;
}

/** The browser's own modal dialog: it keeps the focus inside and closes by Escape. */
function Modal({ title, content, close }: ModalProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const before = useRef<HTMLElement | null>(null);
  useEffect(() => {
    before.current = focused();
    dialog.current?.showModal();
  }, []);
  const end = () => {
    dialog.current?.close();
    // The browser gives it back to Lab's toolbar, which passes it on to another button.
    before.current?.focus();
  };
  return (
    <dialog
      ref={dialog}
      className="hm-Dialog"
      aria-labelledby={id}
      onClose={close}
      onCancel={event => {
        event.preventDefault();
        // What is being sent would be done all the same, and its failure told to nobody.
        if (!dialog.current?.querySelector('[aria-busy=true]')) {
          end();
        }
      }}
      // Keys typed into the form are no shortcuts of Lab.
      onKeyDown={event => event.stopPropagation()}
    >
      <h2 id={id}>{title}</h2>
      {content(end)}
    </dialog>
  );
}

/** The element with the focus, also inside of one of Lab's own elements. */
function focused(): HTMLElement | null {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) {
    element = element.shadowRoot.activeElement;
  }
  return element instanceof HTMLElement ? element : null;
}

interface FooterProps {
  /** What is being done, while something is. */
  step: string | undefined;
  /** The button that sends the form. */
  accept: string;
  disabled: boolean;
  cancel: () => void;
}

/** The last row of a dialog's form. */
export function FormFooter({ step, accept, disabled, cancel }: FooterProps): JSX.Element {
  const { trans } = useHimalia();
  return (
    <footer className="hm-RunForm-footer" aria-busy={step !== undefined}>
      <span className="hm-Quiet" role="status">
        {step}
      </span>
      <Button onClick={cancel} disabled={step !== undefined}>
        {trans.__('Cancel')}
      </Button>
      <button type="submit" className="hm-Button hm-mod-accept" disabled={disabled}>
        {accept}
      </button>
    </footer>
  );
}
