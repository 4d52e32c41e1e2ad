import { ISignal, Signal } from '@lumino/signaling';

/** The jobs that a person marked in the list. */
export class Selection {
  get ids(): ReadonlySet<string> {
    return this._ids;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  toggle(id: string): void {
    const ids = new Set(this._ids);
    if (!ids.delete(id)) {
      ids.add(id);
    }
    this.set(ids);
  }

  clear(): void {
    this.set(new Set());
  }

  private set(ids: ReadonlySet<string>): void {
    this._ids = ids;
    this._changed.emit();
  }

  private _ids: ReadonlySet<string> = new Set();
  private readonly _changed = new Signal<this, void>(this);
}
