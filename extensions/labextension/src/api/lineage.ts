import type { Client } from './client';
import type { Lineage } from './types';

/** Of so many used things the users are looked up by name. */
const MOST_LOOKED_UP = 5;

/** What uses what, as a refusal to delete names it. */
export interface Use {
  from_id: string;
  to_id: string;
}

/** What people call the things that use others; those that are gone are called by their noun alone. */
export async function userNames(client: Client, project: string, uses: Use[]): Promise<string[]> {
  const used = [...new Set(uses.map(({ to_id }) => to_id))].slice(0, MOST_LOOKED_UP);
  const path = `/projects/${encodeURIComponent(project)}/lineage`;
  const graphs = await Promise.all(used.map(of => client.get<Lineage>(path, { query: { of } })));
  const names = new Map(graphs.flatMap(({ nodes }) => nodes).map(({ id, name }) => [id, name]));
  return [...new Set(uses.map(({ from_id }) => from_id))].map(id => names.get(id) ?? id.split(':')[0]);
}
