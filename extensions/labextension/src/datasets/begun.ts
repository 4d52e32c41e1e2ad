const KEY = 'himalia-uploads';

/** Ids of the drafts that this tab began: it knows them again after a reload, other tabs and people do not. */
export class Begun {
  has(id: string): boolean {
    return this._ids.has(id);
  }

  add(id: string): void {
    this._ids.add(id);
    this.keep();
  }

  delete(id: string): void {
    this._ids.delete(id);
    this.keep();
  }

  private keep(): void {
    sessionStorage.setItem(KEY, JSON.stringify([...this._ids]));
  }

  private readonly _ids = new Set(JSON.parse(sessionStorage.getItem(KEY) ?? '[]') as string[]);
}
