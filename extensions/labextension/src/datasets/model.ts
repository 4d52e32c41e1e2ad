import type { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import type { Client } from '../api/client';
import type { Live } from '../api/live';
import type { NotebookServer } from '../api/server';
import { type ListQuery, Resources } from '../api/resources';
import type {
  Checkout,
  Dataset,
  DatasetCheck,
  DatasetDiff,
  DatasetDraft,
  DatasetFiles,
  DatasetImport,
  DatasetVersion,
  Page
} from '../api/types';
import { type Chosen, type ChosenFile, isArchive } from '../ui/files';
import { Begun } from './begun';
import { hasFailed, importEnded } from './imports';
import { LabTransfer } from './labfiles';
import { Transfer } from './transfer';
import { type Made, type Source, Upload } from './upload';

const MOST_FILES = 1000;

type Files = Map<string, { digest: string; size: number }>;

/** Whether there is anything in it yet. */
export function hasVersion({ status }: Dataset): boolean {
  return status.latest !== null;
}

/** The datasets that the page has seen, and the uploads that it sends. */
export class Datasets extends Resources<Dataset> {
  constructor(
    client: Client,
    live: Live,
    private readonly server: NotebookServer,
    private readonly trans: TranslationBundle
  ) {
    super(client, live, 'datasets', 'dataset');
  }

  /** Uploads of this page by the id of their draft. */
  readonly uploads = new Map<string, Upload>();

  versions(
    { project, name }: Dataset,
    query: ListQuery,
    signal?: AbortSignal
  ): Promise<Page<DatasetVersion>> {
    return this.client.get(this.path(project, name, 'versions'), { query, signal });
  }

  /** Where a version's parts answer. */
  versionPath({ project, dataset, number }: DatasetVersion, ...rest: string[]): string {
    return this.path(project, dataset, 'versions', String(number), ...rest);
  }

  files(version: DatasetVersion, query: ListQuery, signal?: AbortSignal): Promise<DatasetFiles> {
    return this.client.get(this.versionPath(version, 'files'), { query, signal });
  }

  diff(version: DatasetVersion, from: number, token?: string, signal?: AbortSignal): Promise<DatasetDiff> {
    return this.client.get(this.versionPath(version, 'diff'), { query: { from, page_token: token }, signal });
  }

  /** Lay a version out where notebooks and jobs of the project see it. */
  checkout({ project, dataset, number }: DatasetVersion): Promise<Checkout> {
    return this.client.post(this.path(project, dataset, 'checkout'), { version: String(number) });
  }

  async removeVersion(version: DatasetVersion, query: ListQuery = {}): Promise<void> {
    await this.client.send('DELETE', this.versionPath(version), { query });
  }

  async restoreVersion(version: DatasetVersion): Promise<void> {
    await this.client.post(this.versionPath(version, 'restore'));
  }

  async setAlias({ project, dataset, number }: DatasetVersion, alias: string): Promise<void> {
    await this.client.put(this.path(project, dataset, 'aliases', alias), { version: number });
    await this.fetch(project, dataset);
  }

  async removeAlias({ project, dataset }: DatasetVersion, alias: string): Promise<void> {
    await this.client.delete(this.path(project, dataset, 'aliases', alias));
    await this.fetch(project, dataset);
  }

  /** Have all files of a version read again, and compared with what was stored. */
  verify(version: DatasetVersion): Promise<DatasetCheck> {
    return this.client.post(this.versionPath(version, 'verify'));
  }

  verified(version: DatasetVersion, signal?: AbortSignal): Promise<DatasetCheck> {
    return this.client.get(this.versionPath(version, 'verify'), { signal });
  }

  drafts({ project, name }: Dataset, signal?: AbortSignal): Promise<Page<DatasetDraft>> {
    return this.client.get(this.path(project, name, 'drafts'), { signal });
  }

  draftPath({ project, dataset, id }: DatasetDraft, ...rest: string[]): string {
    return this.path(project, dataset, 'drafts', id, ...rest);
  }

  /** Begin a new version: empty, or from one that is there. */
  begin(dataset: Dataset, base?: number): Promise<DatasetDraft> {
    const body = base === undefined ? {} : { base: String(base) };
    return this.client.post(this.path(dataset.project, dataset.name, 'drafts'), body);
  }

  /** Send files into a draft and make it a version; the upload is the page's until that is done. */
  upload(
    draft: DatasetDraft,
    { files, labPaths }: Pick<Chosen, 'files' | 'labPaths'>,
    source?: Source,
    isFirst = false
  ): Upload {
    const transfer = labPaths
      ? new LabTransfer(this.server, draft, labPaths)
      : new Transfer(this.client, this.draftPath(draft), this.trans, files);
    const upload = new Upload(this, draft, transfer, source, isFirst);
    this._begun.add(draft.id);
    this.uploads.set(draft.id, upload);
    upload.stageChanged.connect((_, stage) => {
      if (stage === 'done') {
        this.end(draft.id);
      }
      this._uploadsChanged.emit(upload);
    });
    void upload.run();
    return upload;
  }

  /** An upload of this page began, is at another stage, or is gone. */
  get uploadsChanged(): ISignal<this, Upload> {
    return this._uploadsChanged;
  }

  uploadsOf({ project, name }: Dataset): Upload[] {
    return [...this.uploads.values()].filter(
      ({ draft }) => draft.project === project && draft.dataset === name
    );
  }

  /** Whether this page sends to a draft, or has done so: a list of drafts may be older than its end. */
  hasUploaded(draftId: string): boolean {
    return this.uploads.has(draftId) || this._ended.has(draftId);
  }

  /** Whether a draft was begun by this page, perhaps before it was loaded again. */
  isOfPage(draft: DatasetDraft): boolean {
    return this._begun.has(draft.id);
  }

  /** Of what was chosen again for a draft, the files that have not arrived yet. */
  async missing(draft: DatasetDraft, files: readonly ChosenFile[]): Promise<ChosenFile[]> {
    const { base } = draft.status;
    const [there, before] = await Promise.all([
      this.allFiles(this.draftPath(draft, 'files')),
      this.baseFiles(draft.project, draft.dataset, base)
    ]);
    return files.filter(({ path, file }) => {
      const arrived = there.get(path.normalize('NFC'));
      // One that is as in the base may stand there from it, with other content than the person's.
      const isOld = arrived !== undefined && arrived.digest === before.get(path.normalize('NFC'))?.digest;
      return arrived === undefined || isOld || arrived.size !== file.size;
    });
  }

  /** Where all that has arrived is one archive: its path. */
  async arrivedArchive(draft: DatasetDraft): Promise<string | undefined> {
    const { base, changed } = draft.status;
    if (changed.files !== 1) {
      return undefined;
    }
    const [there, before] = await Promise.all([
      this.allFiles(this.draftPath(draft, 'files')),
      this.baseFiles(draft.project, draft.dataset, base)
    ]);
    const [path] = [...there].find(([name, { digest }]) => before.get(name)?.digest !== digest) ?? [''];
    return isArchive(path) ? path : undefined;
  }

  /** Make a draft the next version; `onto` says what to do when somebody else made one meanwhile. */
  async commit(draft: DatasetDraft, onto: 'base' | 'latest' = 'base'): Promise<Made> {
    const before = (await this.fetch(draft.project, draft.dataset)).status.latest?.number ?? 0;
    const version = await this.client.create<DatasetVersion>(this.draftPath(draft, 'commit'), { onto });
    this.fetch(draft.project, draft.dataset).catch((error: unknown) =>
      console.warn(`Himalia: the dataset “${draft.dataset}” could not be read again`, error)
    );
    return { version, isNew: version.number > before };
  }

  /** Bring an archive's files, or those of the machine, into a draft; how far that is, is told meanwhile. */
  async bring(
    draft: DatasetDraft,
    source: Source,
    tell: (message: string) => void,
    signal: AbortSignal
  ): Promise<void> {
    const { status } = await this.client.get<DatasetDraft>(this.draftPath(draft));
    const [[kind, path]] = Object.entries(source) as [keyof DatasetImport, string][];
    const last = status.imports.filter(each => each[kind] === path).pop();
    // Before a failure or another page, it may have been begun, and go on.
    const begun = last && !hasFailed(last.state) ? last : undefined;
    const { id } = begun ?? (await this.client.post<DatasetImport>(this.draftPath(draft, 'import'), source));
    const place = { id, draft: draft.id, path: this.draftPath(draft) };
    await importEnded(this.client, this.live, place, tell, signal);
  }

  /** The folders of the platform's machine that files may be imported from. */
  async importPaths(signal?: AbortSignal): Promise<string[]> {
    return (await this.client.get<Page<string>>('/import-paths', { signal })).items;
  }

  /** Forget a draft, and the dataset that was made for it: whether that is gone, too. */
  async discard(draft: DatasetDraft): Promise<boolean> {
    const upload = this.uploads.get(draft.id);
    upload?.pause();
    await this.client.delete(this.draftPath(draft));
    this.end(draft.id);
    if (upload) {
      this._uploadsChanged.emit(upload);
      upload.dispose();
    }
    const dataset = upload?.isFirst ? await this.fetch(draft.project, draft.dataset) : undefined;
    if (dataset?.status.latest !== null || (await this.drafts(dataset)).items.length > 0) {
      return false;
    }
    await this.remove(dataset);
    return true;
  }

  private end(draftId: string): void {
    this._begun.delete(draftId);
    this._ended.add(draftId);
    this.uploads.delete(draftId);
  }

  private async baseFiles(project: string, name: string, base: number | null): Promise<Files> {
    return base === null
      ? new Map()
      : this.allFiles(this.path(project, name, 'versions', String(base), 'files'));
  }

  private async allFiles(path: string): Promise<Files> {
    const found: Files = new Map();
    let token: string | undefined;
    do {
      const page: DatasetFiles = await this.client.get(path, {
        query: { limit: MOST_FILES, page_token: token }
      });
      page.items.forEach(({ path: name, digest, size }) => found.set(name, { digest, size }));
      token = page.next_page_token ?? undefined;
    } while (token);
    return found;
  }

  private readonly _begun = new Begun();
  private readonly _ended = new Set<string>();
  private readonly _uploadsChanged = new Signal<this, Upload>(this);
}
