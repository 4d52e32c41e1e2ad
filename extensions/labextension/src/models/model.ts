import type { Client } from '../api/client';
import type { Live } from '../api/live';
import { type ListQuery, Resources } from '../api/resources';
import type { DatasetFiles, Evaluation, Model, ModelCard, ModelVersion, Page } from '../api/types';
import type { ModelSource } from './register';

export interface EvaluationWish {
  dataset: string;
  target: string;
  /** The table; none where there is only one. */
  path?: string;
  profile: string;
  size: string;
}

/** The models that the page has seen. */
export class Models extends Resources<Model> {
  constructor(client: Client, live: Live) {
    super(client, live, 'models', 'model');
  }

  /** Where a version's parts answer. */
  versionPath({ project, model, number }: ModelVersion, ...rest: string[]): string {
    return this.path(project, model, 'versions', String(number), ...rest);
  }

  versions(
    { project, name }: Pick<Model, 'project' | 'name'>,
    query: ListQuery = { limit: 100 },
    signal?: AbortSignal
  ): Promise<Page<ModelVersion>> {
    return this.client.get(this.path(project, name, 'versions'), { query, signal });
  }

  /** Make a new version of what a job or trial left. */
  async register(
    project: string,
    model: string,
    source: ModelSource & { path?: string }
  ): Promise<ModelVersion> {
    const version = await this.client.post<ModelVersion>(this.path(project, model, 'versions'), source);
    await this.fetch(project, model);
    return version;
  }

  async removeVersion(version: ModelVersion): Promise<void> {
    await this.client.delete(this.versionPath(version));
    await this.fetch(version.project, version.model);
  }

  /** Let an alias stand for a version, whatever it stood for before. */
  async setAlias({ project, model, number }: ModelVersion, alias: string): Promise<void> {
    await this.client.put(this.path(project, model, 'aliases', alias), { version: number });
    await this.fetch(project, model);
  }

  async removeAlias({ project, model }: ModelVersion, alias: string): Promise<void> {
    await this.client.delete(this.path(project, model, 'aliases', alias));
    await this.fetch(project, model);
  }

  card(version: ModelVersion, signal?: AbortSignal): Promise<ModelCard> {
    return this.client.get(this.versionPath(version, 'card'), { signal });
  }

  describe(version: ModelVersion, description: string): Promise<ModelCard> {
    return this.client.put(this.versionPath(version, 'card'), { description });
  }

  evaluations(version: ModelVersion, signal?: AbortSignal): Promise<Page<Evaluation>> {
    return this.client.get(this.versionPath(version, 'evaluations'), { signal });
  }

  evaluate(version: ModelVersion, wish: EvaluationWish): Promise<Evaluation> {
    return this.client.post(this.versionPath(version, 'evaluate'), wish);
  }

  files(version: ModelVersion, token?: string, signal?: AbortSignal): Promise<DatasetFiles> {
    const query = { limit: 200, page_token: token };
    return this.client.get(this.versionPath(version, 'files'), { query, signal });
  }

  /** The code of the job that made it, or all files, in one archive. */
  download(version: ModelVersion, part: 'code' | 'download'): Promise<void> {
    return this.client.download(this.versionPath(version, part));
  }
}
