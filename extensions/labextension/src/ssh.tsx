import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';

import type { Himalia, LabParts } from './context';
import { CATEGORY } from './ui/views';

/** SSH in the launcher, where the profile has it: what to do on one's own machine. */
export function addSsh(himalia: Himalia, lab: LabParts): void {
  const { app, page, trans } = himalia;
  if (!page.ssh) {
    return;
  }
  const command = 'himalia:ssh';
  app.commands.addCommand(command, {
    label: 'SSH',
    caption: trans.__('How to sign in to this notebook server by SSH'),
    execute: () => showSsh(himalia)
  });
  lab.launcher?.add({ command, category: CATEGORY, rank: 10 });
  lab.palette?.addItem({ command, category: CATEGORY });
}

async function showSsh({ page, trans }: Himalia): Promise<void> {
  const hub = URLExt.join(window.location.origin, PageConfig.getOption('hubPrefix').replace(/hub\/?$/, ''));
  const steps = [
    trans.__('Once: a line with your public key in this server’s file'),
    trans.__('Once, on your own machine'),
    trans.__('Then, on your own machine')
  ];
  const words = ['~/.ssh/authorized_keys', `himalia login ${hub}`, page.ssh];
  const { button } = await showDialog({
    title: 'SSH',
    body: (
      <ol className="jp-himalia-ssh">
        {steps.map((step, index) => (
          <li key={step}>
            {step}: <code>{words[index]}</code>
          </li>
        ))}
      </ol>
    ),
    buttons: [Dialog.cancelButton({ label: trans.__('Close') }), Dialog.okButton({ label: trans.__('Copy') })]
  });
  if (button.accept) {
    Clipboard.copyToSystem(page.ssh);
  }
}
