import type { Client } from '../api/client';
import type { Live } from '../api/live';
import { type ListQuery, Resources } from '../api/resources';
import type {
  Checkout,
  Dataset,
  DatasetDiff,
  DatasetDraft,
  DatasetFiles,
  DatasetImport,
  DatasetVersion,
  Page
} from '../api/types';
import type { ChosenFile } from '../ui/files';
import { Upload } from './upload';

const MOST_FILES = 1000;

/** The datasets that the page has seen, and the uploads that it sends. */
export class Datasets extends Resources<Dataset> {
  constructor(client: Client, live: Live) {
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

  /** The bytes of a file. */
  async file(version: DatasetVersion, path: string, signal?: AbortSignal): Promise<Blob> {
    const response = await this.client.send('GET', this.versionPath(version, 'files', ...path.split('/')), {
      signal
    });
    return response.blob();
  }

  diff(version: DatasetVersion, from: number, signal?: AbortSignal): Promise<DatasetDiff> {
    return this.client.get(this.versionPath(version, 'diff'), { query: { from }, signal });
  }

  /** Lay a version out where notebooks and jobs of the project see it. */
  checkout({ project, dataset, number }: DatasetVersion): Promise<Checkout> {
    return this.client.post(this.path(project, dataset, 'checkout'), { version: String(number) });
  }

  async removeVersion(version: DatasetVersion): Promise<void> {
    await this.client.delete(this.versionPath(version));
  }

  async restoreVersion(version: DatasetVersion): Promise<void> {
    await this.client.post(this.versionPath(version, 'restore'));
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

  /** Send files into a draft, those left out that have arrived before; the upload is the page's until it is done. */
  upload(draft: DatasetDraft, files: readonly ChosenFile[], archive?: string): Upload {
    const upload = new Upload(this.client, this.draftPath(draft), files, archive);
    this.uploads.set(draft.id, upload);
    void upload.run();
    return upload;
  }

  /** Of what was chosen again for a draft, the files that have not arrived yet. */
  async missing(draft: DatasetDraft, files: readonly ChosenFile[]): Promise<ChosenFile[]> {
    const { base } = draft.status;
    const [there, before] = await Promise.all([
      this.allFiles(this.draftPath(draft, 'files')),
      base === null
        ? Promise.resolve(new Map<string, { digest: string; size: number }>())
        : this.allFiles(this.path(draft.project, draft.dataset, 'versions', String(base), 'files'))
    ]);
    return files.filter(({ path, file }) => {
      const arrived = there.get(path.normalize('NFC'));
      // One that is as in the base may stand there from it, with other content than the person's.
      const isOld = arrived !== undefined && arrived.digest === before.get(path.normalize('NFC'))?.digest;
      return arrived === undefined || isOld || arrived.size !== file.size;
    });
  }

  /** Make a draft the next version; `onto` says what to do when somebody else made one meanwhile. */
  async commit(draft: DatasetDraft, onto: 'base' | 'latest' = 'base'): Promise<DatasetVersion> {
    const version = await this.client.post<DatasetVersion>(this.draftPath(draft, 'commit'), { onto });
    this.forgetUpload(draft.id);
    await this.fetch(draft.project, draft.dataset);
    return version;
  }

  /** Put what is in an archive of the draft in its place; how far that is, is told meanwhile. */
  async unpack(
    draft: DatasetDraft,
    archive: string,
    tell: (progress: { message?: string | null; fraction?: number }) => void
  ): Promise<void> {
    const { id } = await this.client.post<DatasetImport>(this.draftPath(draft, 'import'), { archive });
    await new Promise<void>((done, failed) => {
      const end = (state: string | undefined, message: string | null | undefined) => {
        if (state === 'SUCCEEDED' || state === 'FAILED' || state === 'STOPPED') {
          following.dispose();
          if (state === 'SUCCEEDED') {
            done();
          } else {
            failed(new Error(message ?? state));
          }
        }
      };
      const ask = () => {
        this.client.get<DatasetDraft>(this.draftPath(draft)).then(({ status }) => {
          const found = status.imports.find(each => each.id === id);
          end(found?.state, found?.message);
        }, failed);
      };
      const following = this.live.follow(`draft:${draft.id}`, {
        onMessage: message => {
          if (message.type === 'progress' && message.data.id === id) {
            tell(message.data);
            end(message.data.state, message.data.message);
          }
        },
        onResumed: ask
      });
      // It may have ended before it was followed.
      ask();
    });
  }

  async discard(draft: DatasetDraft): Promise<void> {
    this.forgetUpload(draft.id);
    await this.client.delete(this.draftPath(draft));
  }

  private forgetUpload(id: string): void {
    this.uploads.get(id)?.dispose();
    this.uploads.delete(id);
  }

  private async allFiles(path: string): Promise<Map<string, { digest: string; size: number }>> {
    const found = new Map<string, { digest: string; size: number }>();
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
}
