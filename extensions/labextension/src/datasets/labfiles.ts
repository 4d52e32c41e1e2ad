import { FileDialog, type IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ISignal, Signal } from '@lumino/signaling';

import type { NotebookServer } from '../api/server';
import type { DatasetDraft } from '../api/types';
import type { Himalia } from '../context';
import { type Chosen, inLab } from '../ui/files';
import type { Carrier } from './upload';

/** Files of the notebook server, which brings them into a draft itself: they do not come through the browser. */
export class LabTransfer implements Carrier {
  constructor(
    private readonly server: NotebookServer,
    private readonly draft: DatasetDraft,
    private readonly paths: readonly string[]
  ) {}

  get files(): number {
    return this._all.files;
  }

  get bytes(): number {
    return this._all.bytes;
  }

  get sent(): { files: number; bytes: number } {
    return this._sent;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.server.fill(
      this.draft,
      this.paths,
      ({ files, size, files_done, size_done }) => {
        this._all = { files, bytes: size };
        // Where it goes on, what has arrived is found again first.
        if (size_done >= this._sent.bytes) {
          this._sent = { files: files_done, bytes: size_done };
        }
        this._changed.emit();
      },
      signal
    );
  }

  private _all = { files: 0, bytes: 0 };
  private _sent = { files: 0, bytes: 0 };
  private readonly _changed = new Signal<this, void>(this);
}

/** What is selected in Lab's file browser. */
export function selected({ docManager }: Himalia, browser: IDefaultFileBrowser): Chosen {
  const { contents } = docManager.services;
  return inLab(Array.from(browser.selectedItems(), ({ path }) => contents.localPath(path)));
}

/** Let the person choose files and folders of the notebook server; `undefined` where they choose none. */
export async function chooseInLab({ docManager, trans }: Himalia): Promise<Chosen | undefined> {
  const { contents } = docManager.services;
  const { value } = await FileDialog.getOpenFiles({
    manager: docManager,
    title: trans.__('Files of this server'),
    label: trans.__('Choose a folder, of which everything is taken, or files.')
  });
  return value ? inLab(value.map(({ path }) => contents.localPath(path))) : undefined;
}
