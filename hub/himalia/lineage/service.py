"""Finding what a thing came from, and what came from it. Each noun says what its things are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core.errors import NotFound
from himalia.core.links import links
from himalia.lineage.schema import Edge, Graph, Node

MOST = 200
"""Nodes in one graph: more are no picture any more."""
TRIAL = "trial"

Resolve = Callable[[Connection, str, Sequence[str]], Mapping[str, Node]]
"""`resolve(connection, project_id, ids)`: nodes of those ids that the project has, by id without its noun."""
Best = Callable[[Connection, str], Sequence[str]]
"""`best(connection, id)`: ids of the jobs that are the best trials of a search."""
Link = tuple[str, str, str]
_other, _user = links.alias(), links.alias()
_SHOWN = sa.or_(
    ~sa.exists().where(_other.c.from_id == links.c.from_id, _other.c.kind == TRIAL),
    sa.exists().where(_user.c.to_id == links.c.from_id),
)
"""Links of all but trials from which nothing came."""


class Lineage:
    """The links of a project's things as graphs."""

    def __init__(self) -> None:
        self._nouns: dict[str, Resolve] = {}
        self._best: dict[str, Best] = {}

    def register(self, noun: str, resolve: Resolve, best: Best | None = None) -> None:
        """Let things of a noun appear in graphs; those around one of them have its `best` trials."""
        self._nouns[noun] = resolve
        if best is not None:
            self._best[noun] = best

    def graph(self, connection: Connection, project_id: str, of: str) -> Graph:
        """The graph around one thing of a project: all that it came from, and all that came from it.

        Raises NotFound. A trial is shown where something came from it; else its experiment stands for it.
        """
        found, cut_above = _closure(connection, of, links.c.from_id, links.c.to_id)
        below, cut_below = _closure(connection, of, links.c.to_id, links.c.from_id, _SHOWN)
        noun, _, identifier = of.partition(":")
        best = self._best[noun](connection, identifier) if noun in self._best else ()
        found |= below | {(f"job:{job}", of, TRIAL) for job in best}
        ends = {of} | {end for link in found for end in link[:2]}
        nodes = self._resolved(connection, project_id, ends)
        if of not in nodes:
            raise NotFound(f"This project has nothing that is called {of}.")
        shown = sorted(link for link in found if link[0] in nodes and link[1] in nodes)
        return Graph(
            nodes=sorted(nodes.values(), key=lambda node: node.id),
            edges=[Edge(from_id=start, to_id=end, kind=kind) for start, end, kind in shown],
            cut=cut_above or cut_below,
        )

    def _resolved(self, connection: Connection, project_id: str, ends: Iterable[str]) -> dict[str, Node]:
        by_noun: dict[str, list[str]] = {}
        for end in ends:
            noun, _, identifier = end.partition(":")
            by_noun.setdefault(noun, []).append(identifier)
        nodes: dict[str, Node] = {}
        for noun, ids in by_noun.items():
            resolve = self._nouns.get(noun)
            if resolve is not None:
                nodes |= {f"{noun}:{one}": node for one, node in resolve(connection, project_id, ids).items()}
        return nodes


def _closure(
    connection: Connection,
    start: str,
    near: sa.Column[str],
    far: sa.Column[str],
    only: sa.ColumnElement[bool] | None = None,
) -> tuple[set[Link], bool]:
    """All links that lead on from `start` in one direction, nearest first, and whether some were left out."""
    found: set[Link] = set()
    seen, edge = {start}, [start]
    while edge:
        query = sa.select(links).where(near.in_(edge))
        if only is not None:
            query = query.where(only)
        query = query.order_by(links.c.from_id, links.c.to_id).limit(5 * MOST)
        rows = [(row.from_id, row.to_id, row.kind) for row in connection.execute(query)]
        index = 1 if far is links.c.to_id else 0
        fresh = list(dict.fromkeys(row[index] for row in rows if row[index] not in seen))
        room = MOST - len(seen)
        kept = set(fresh[:room]) | seen
        found |= {row for row in rows if row[index] in kept}
        seen |= kept
        if len(fresh) > room:
            return found, True
        edge = fresh
    return found, False
