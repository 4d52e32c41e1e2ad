import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ISignal, Signal } from '@lumino/signaling';

/** The person's settings, from Lab's registry (schema/plugin.json); its defaults until they are loaded. */
export class Settings {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A notice in Lab when one of the person's jobs ends. */
  get notices(): boolean {
    return this.read('notices', true);
  }

  /** Pixels. */
  get logFontSize(): number {
    return this.read('logFontSize', 13);
  }

  get confirmStop(): boolean {
    return this.read('confirmStop', true);
  }

  connect(settings: ISettingRegistry.ISettings): void {
    this._settings = settings;
    settings.changed.connect(() => this._changed.emit());
    this._changed.emit();
  }

  private read<T extends boolean | number>(name: string, otherwise: T): T {
    return (this._settings?.get(name).composite as T | undefined) ?? otherwise;
  }

  private _settings: ISettingRegistry.ISettings | undefined;
  private readonly _changed = new Signal<this, void>(this);
}
