import { type KeyboardEvent, useMemo } from 'react';

import type { Lineage } from '../api/types';
import { useHimalia } from '../context';
import { Empty, Failure, Loading } from './basics';
import { useProjectEvents } from './events';
import { useLoaded } from './hooks';
import { stateWord } from './words';

type Node = Lineage['nodes'][number];

const WIDTH = 190;
const HEIGHT = 46;
const GAP_X = 56;
const GAP_Y = 16;
const LETTERS = 24;

interface LineageProps {
  project: string;
  /** As links name it: `<noun>:<id>`. */
  of: string;
}

/** What a thing came from, to its left, and what came from it, to its right; each opens. */
export function LineageGraph({ project, of }: LineageProps): JSX.Element {
  const { client, trans } = useHimalia();
  const { value, error, reload } = useLoaded(
    signal =>
      client.get<Lineage>(`/projects/${encodeURIComponent(project)}/lineage`, { query: { of }, signal }),
    [client, project, of]
  );
  useProjectEvents(project, anything, reload);
  if (error && !value) {
    return <Failure error={error} retry={reload} />;
  }
  if (!value) {
    return <Loading />;
  }
  if (value.edges.length === 0) {
    return (
      <Empty>
        {trans.__(
          'It came from nothing here, and nothing came from it yet. What does, shows here by itself.'
        )}
      </Empty>
    );
  }
  return <Drawn graph={value} of={of} project={project} />;
}

/** A version, a revision or a state is news as well as a thing that is new. */
function anything(): boolean {
  return true;
}

function Drawn({ graph, of, project }: LineageProps & { graph: Lineage }): JSX.Element {
  const himalia = useHimalia();
  const { trans } = himalia;
  const { places, width, height } = useMemo(() => layout(graph), [graph]);
  const words = nounWords(trans);
  const edges = edgeWords(trans);
  return (
    <div className="hm-Lineage">
      {graph.cut && (
        <p className="hm-Note">{trans.__('There is more than fits here; the nearest is shown.')}</p>
      )}
      <svg
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        role="group"
        aria-label={trans.__('Lineage')}
      >
        {graph.edges.map(({ from_id, to_id, kind }) => {
          const source = places.get(to_id);
          const end = places.get(from_id);
          return (
            source &&
            end && (
              <path key={`${from_id} ${to_id} ${kind}`} className="hm-Lineage-edge" d={curve(source, end)}>
                <title>{edges[kind] ?? kind}</title>
              </path>
            )
          );
        })}
        {graph.nodes.map(node => (
          <Thing
            key={node.id}
            node={node}
            place={places.get(node.id) ?? { x: 0, y: 0 }}
            word={words[node.noun] ?? node.noun}
            isThis={node.id === of}
            open={() => openNode(himalia, project, node)}
          />
        ))}
      </svg>
    </div>
  );
}

interface Point {
  x: number;
  y: number;
}

interface ThingProps {
  node: Node;
  place: Point;
  word: string;
  isThis: boolean;
  open: () => void;
}

function Thing({ node, place, word, isThis, open }: ThingProps): JSX.Element {
  const { trans } = useHimalia();
  const state = node.state ? stateWord(node.state, trans) : '';
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      open();
    }
  };
  return (
    <g
      className="hm-Lineage-node"
      role="link"
      tabIndex={0}
      aria-label={[word, node.title, state, node.detail].filter(Boolean).join(', ')}
      aria-current={isThis || undefined}
      transform={`translate(${place.x} ${place.y})`}
      onClick={open}
      onKeyDown={onKeyDown}
    >
      <title>{[node.title, node.detail].filter(Boolean).join('\n')}</title>
      <rect width={WIDTH} height={HEIGHT} rx={3} />
      <text x={10} y={18} className="hm-Lineage-noun">
        {[word, state].filter(Boolean).join(' · ')}
      </text>
      <text x={10} y={35}>
        {node.title.length > LETTERS ? `${node.title.slice(0, LETTERS - 1)}…` : node.title}
      </text>
    </g>
  );
}

function nounWords(trans: ReturnType<typeof useHimalia>['trans']): { [noun: string]: string } {
  return {
    dataset: trans.__('Dataset'),
    job: trans.__('Job'),
    experiment: trans.__('Experiment'),
    model: trans.__('Model'),
    endpoint: trans.__('Endpoint')
  };
}

/** How a thing came from another, by the kind of their link. */
function edgeWords(trans: ReturnType<typeof useHimalia>['trans']): { [kind: string]: string } {
  return {
    input: trans.__('read'),
    output: trans.__('left by'),
    source: trans.__('made by'),
    trial: trans.__('trial of'),
    evaluates: trans.__('measured'),
    serves: trans.__('served')
  };
}

/** A version opens with what it belongs to, at itself: names are `digits@2`, or a name alone. */
function openNode({ app }: ReturnType<typeof useHimalia>, project: string, { noun, name }: Node): void {
  const command = `himalia:${noun}-open`;
  if (app.commands.hasCommand(command)) {
    void app.commands.execute(command, { project, ...placeOf(name) });
  }
}

/** What a reference such as `digits@2` names. */
export function placeOf(reference: string): { name: string; version?: number } {
  const [name, version] = reference.split('@');
  return /^\d+$/.test(version ?? '') ? { name, version: Number(version) } : { name };
}

/** Columns by the longest way from what came from nothing; in a column, near to what each comes from. */
function layout({ nodes, edges }: Lineage): { places: Map<string, Point>; width: number; height: number } {
  const sources = new Map(nodes.map(({ id }) => [id, [] as string[]]));
  edges.forEach(({ from_id, to_id }) => sources.get(from_id)?.push(to_id));
  const columnOf = new Map<string, number>();
  const column = (id: string, way: readonly string[]): number => {
    const known = columnOf.get(id);
    if (known !== undefined || way.includes(id)) {
      return known ?? 0;
    }
    const before = (sources.get(id) ?? []).filter(each => sources.has(each));
    const at = before.length === 0 ? 0 : 1 + Math.max(...before.map(each => column(each, [...way, id])));
    columnOf.set(id, at);
    return at;
  };
  const columns: string[][] = [];
  nodes.forEach(({ id }) => (columns[column(id, [])] ??= []).push(id));
  const rowOf = new Map<string, number>();
  const middle = (id: string) => {
    const rows = (sources.get(id) ?? []).map(each => rowOf.get(each) ?? 0);
    return rows.length === 0 ? 0 : rows.reduce((sum, row) => sum + row, 0) / rows.length;
  };
  const places = new Map<string, Point>();
  const tallest = Math.max(...columns.map(ids => ids.length));
  columns.forEach((ids, at) => {
    ids.sort((one, other) => middle(one) - middle(other));
    const above = (tallest - ids.length) / 2;
    ids.forEach((id, row) => {
      rowOf.set(id, above + row);
      places.set(id, { x: at * (WIDTH + GAP_X) + 2, y: (above + row) * (HEIGHT + GAP_Y) + 2 });
    });
  });
  return {
    places,
    width: columns.length * (WIDTH + GAP_X) - GAP_X + 4,
    height: tallest * (HEIGHT + GAP_Y) - GAP_Y + 4
  };
}

function curve(from: Point, to: Point): string {
  const [x1, y1] = [from.x + WIDTH, from.y + HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + HEIGHT / 2];
  const bend = Math.max(20, Math.abs(x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
