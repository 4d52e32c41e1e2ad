import type { Client } from '../api/client';
import type { Live } from '../api/live';
import { Resources } from '../api/resources';
import type {
  Endpoint,
  EndpointExample,
  EndpointMetrics,
  EndpointRevision,
  EndpointState,
  EndpointToken,
  NewEndpointToken,
  Page
} from '../api/types';

export const STATES: readonly EndpointState[] = [
  'STARTING',
  'READY',
  'UPDATING',
  'UNAVAILABLE',
  'FAILED',
  'STOPPING',
  'STOPPED'
];

/** What a revision serves, and on what. */
export type RevisionWish = Pick<EndpointRevision['spec'], 'model' | 'profile' | 'size'>;

/** What is to be served, and the share of the calls in per cent that it gets. */
export interface UpdateWish {
  spec: RevisionWish;
  weight?: number;
}

/** How long a token that forms call with is good, in seconds. */
const FORM_TOKEN_S = 3600;

/** The endpoints that the page has seen. */
export class Endpoints extends Resources<Endpoint> {
  constructor(client: Client, live: Live) {
    super(client, live, 'endpoints', 'endpoint');
  }

  deploy(project: string, spec: RevisionWish, name?: string): Promise<Endpoint> {
    return this.create(project, name ? { name, spec } : { spec });
  }

  /** Serve something else from now on; with `replace`, in place of the present revision instead of beside it. */
  update(endpoint: Endpoint, wish: UpdateWish, replace = false): Promise<Endpoint> {
    return this.act(endpoint, 'revisions', { ...wish, replace });
  }

  rollback(endpoint: Endpoint, revision?: number, replace = false): Promise<Endpoint> {
    return this.act(endpoint, 'rollback', { ...(revision === undefined ? {} : { revision }), replace });
  }

  async share({ project, name }: Endpoint, weights: { [revision: number]: number }): Promise<void> {
    this.put(await this.client.put<Endpoint>(this.path(project, name, 'traffic'), { weights }));
  }

  stop(endpoint: Endpoint): Promise<Endpoint> {
    return this.act(endpoint, 'stop', {});
  }

  start(endpoint: Endpoint): Promise<Endpoint> {
    return this.act(endpoint, 'start', {});
  }

  tokens({ project, name }: Endpoint, signal?: AbortSignal): Promise<Page<EndpointToken>> {
    return this.client.get(this.path(project, name, 'tokens'), { signal });
  }

  newToken({ project, name }: Endpoint, note: string): Promise<NewEndpointToken> {
    return this.client.post(this.path(project, name, 'tokens'), { note });
  }

  async removeToken({ project, name }: Endpoint, token: EndpointToken): Promise<void> {
    await this.client.delete(this.path(project, name, 'tokens', token.id));
  }

  /** The token that forms of this page call with, made when it is first needed. */
  async formToken({ id, project, name }: Endpoint, note: string): Promise<string> {
    let token = this._formTokens.get(id);
    if (token === undefined) {
      const made = await this.client.post<NewEndpointToken>(this.path(project, name, 'tokens'), {
        note,
        expires_in_s: FORM_TOKEN_S
      });
      token = made.token;
      this._formTokens.set(id, token);
    }
    return token;
  }

  /** The token is not good any more. */
  forgetFormToken({ id }: Endpoint): void {
    this._formTokens.delete(id);
  }

  metrics({ project, name }: Endpoint, signal?: AbortSignal): Promise<EndpointMetrics> {
    return this.client.get(this.path(project, name, 'metrics'), { signal });
  }

  example({ project, name }: Endpoint, signal?: AbortSignal): Promise<EndpointExample> {
    return this.client.get(this.path(project, name, 'example'), { signal });
  }

  private readonly _formTokens = new Map<string, string>();
}

/** The revision that answers most requests now, or would if any were ready. */
export function servingRevision({ status, spec }: Endpoint): EndpointRevision | undefined {
  const revisions = [...(status.revisions ?? [])].sort((one, other) => other.weight - one.weight);
  return revisions[0]?.weight > 0 ? revisions[0] : revisions.find(each => each.number === spec.revision);
}

export function newestFirst({ status }: Endpoint): EndpointRevision[] {
  return [...(status.revisions ?? [])].sort((one, other) => other.number - one.number);
}

/** A revision's model as people name it: `iris@3`. */
export function modelOf(revision: EndpointRevision | undefined): string {
  const model = revision?.model;
  return model ? `${model.name}@${model.version}` : (revision?.spec.model ?? '');
}
