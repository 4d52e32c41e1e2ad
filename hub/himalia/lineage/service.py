"""Finding what a thing came from, and what came from it. Each noun says what its things are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core.errors import NotFound
from himalia.core.links import links
from himalia.lineage.schema import Edge, Graph, Node, Users

MOST = 200
"""Nodes in one graph: more are no picture any more."""
TRIAL = "trial"
NAMED = 5
"""Users of a thing that are named, of each noun."""

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
_trial = links.alias()
_USERS = (
    sa.select(sa.func.coalesce(_trial.c.to_id, links.c.from_id).label("used_by"))
    .select_from(
        links.outerjoin(_trial, sa.and_(_trial.c.from_id == links.c.from_id, _trial.c.kind == TRIAL))
    )
    .distinct()
    .order_by("used_by")
)
"""What uses things, a search in place of its trials."""


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

    def users(
        self, connection: Connection, project_id: str, ends: Sequence[str], kind: str | None = None
    ) -> list[Users]:
        """What uses any of `ends`, by noun; a search stands for its trials. With `kind`, by such links alone."""
        query = _USERS.where(links.c.to_id.in_(ends))
        if kind is not None:
            query = query.where(links.c.kind == kind)
        by_noun: dict[str, list[str]] = {}
        for user in connection.execute(query).scalars() if ends else ():
            by_noun.setdefault(user.partition(":")[0], []).append(user)
        return [self._users(connection, project_id, noun, by_noun[noun]) for noun in sorted(by_noun)]

    def _users(self, connection: Connection, project_id: str, noun: str, ends: Sequence[str]) -> Users:
        nodes = self._resolved(connection, project_id, ends[:MOST]).values()
        # An endpoint's revisions have one name.
        names = sorted({node.name for node in nodes})
        count = len(ends) - len(nodes) + len(names)
        return Users(noun=noun, count=count, names=names[:NAMED])

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


def in_words(users: Iterable[Users]) -> str:
    """Users as a sentence names them: `the jobs fit, fit-2 and 59 others`."""
    told = []
    for one in users:
        others = one.count - len(one.names)
        listed = [*one.names, f"{others} other{'s' if others > 1 else ''}"] if others else one.names
        last = " and ".join(filter(None, (", ".join(listed[:-1]), listed[-1])))
        told.append(f"the {one.noun}{'s' if one.count > 1 else ''} {last}")
    return ", and ".join(told)


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
