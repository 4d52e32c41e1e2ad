import type { Page, Trial } from '../api/types';

const PAGE = 500;
const UNDER_WAY: ReadonlySet<string> = new Set(['WAITING', 'RUNNING']);

type Ask = (query: { limit: number; page_token?: string }) => Promise<Page<Trial>>;

/** All trials of a search, page by page. What has ended stays as it is, so pages of ended trials are not asked again. */
export class TrialPages {
  /** Ask for what may have changed; all trials by number. */
  async refresh(ask: Ask): Promise<readonly Trial[]> {
    const pages: Page<Trial>[] = [];
    let token: string | undefined;
    do {
      const known: Page<Trial> | undefined = this._pages[pages.length];
      const page = known && isOver(known) ? known : await ask({ limit: PAGE, page_token: token });
      pages.push(page);
      token = page.next_page_token ?? undefined;
    } while (token !== undefined);
    this._pages = pages;
    return pages.flatMap(({ items }) => items);
  }

  private _pages: readonly Page<Trial>[] = [];
}

/** The last page may grow. */
function isOver({ items, next_page_token }: Page<Trial>): boolean {
  return Boolean(next_page_token) && items.every(trial => !UNDER_WAY.has(trial.state));
}
