"""Graphs of what came from what, on a real database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core.database import metadata
from himalia.core.errors import NotFound
from himalia.core.links import links
from himalia.lineage.schema import Graph, Node
from himalia.lineage.service import MOST, Lineage, in_words

LOOP = [
    ("job:t1", "dataset:d1", "input"),
    ("job:t1", "experiment:e", "trial"),
    ("job:t2", "dataset:d1", "input"),
    ("job:t2", "experiment:e", "trial"),
    ("job:t3", "experiment:e", "trial"),
    ("experiment:e", "dataset:d1", "input"),
    ("model:m1", "job:t1", "source"),
    ("endpoint:r1", "model:m1", "serves"),
    ("job:other", "dataset:d2", "input"),
]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'links.sqlite'}")
    metadata.create_all(engine, tables=[links])
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def fill(connection: Connection, rows: Sequence[tuple[str, str, str]]) -> None:
    values = [{"from_id": start, "to_id": end, "kind": kind} for start, end, kind in rows]
    connection.execute(links.insert(), values)


def registered() -> Lineage:
    lineage = Lineage()
    for noun in ("job", "dataset", "experiment", "model", "endpoint"):

        def resolve(_: Connection, of_project: str, ids: Sequence[str], noun: str = noun) -> dict[str, Node]:
            assert of_project in ("p", "q")
            mine = [one for one in ids if of_project == "p"]
            # Revisions r1 and r2 are those of one endpoint.
            names = {one: one[0] if noun == "endpoint" else one for one in mine}
            return {one: Node(id=f"{noun}:{one}", noun=noun, name=names[one], title=one) for one in mine}

        lineage.register(noun, resolve, (lambda _, __: ["t3"]) if noun == "experiment" else None)
    return lineage


def graph(connection: Connection, of: str, project: str = "p") -> Graph:
    return registered().graph(connection, project, of)


def used(connection: Connection, *ends: str, kind: str | None = None) -> str:
    return in_words(registered().users(connection, "p", ends, kind))


def names(found: Graph) -> set[str]:
    return {node.id for node in found.nodes}


def test_what_an_endpoint_came_from(connection: Connection) -> None:
    fill(connection, LOOP)
    found = graph(connection, "endpoint:r1")
    assert names(found) == {"endpoint:r1", "model:m1", "job:t1", "experiment:e", "dataset:d1"}
    assert len(found.edges) == 5
    assert not found.cut


def test_what_came_from_a_dataset_shows_trials_that_became_something(connection: Connection) -> None:
    fill(connection, LOOP)
    became = {"experiment:e", "job:t1", "model:m1", "endpoint:r1"}
    assert names(graph(connection, "dataset:d1")) == {"dataset:d1", *became}
    assert names(graph(connection, "dataset:d2")) == {"dataset:d2", "job:other"}


def test_a_search_shows_its_best_trial_too(connection: Connection) -> None:
    fill(connection, LOOP)
    found = graph(connection, "experiment:e")
    assert names(found) == {"experiment:e", "dataset:d1", "job:t1", "model:m1", "endpoint:r1", "job:t3"}
    assert ("job:t3", "experiment:e", "trial") in {(e.from_id, e.to_id, e.kind) for e in found.edges}


def test_other_projects_are_not_seen(connection: Connection) -> None:
    fill(connection, LOOP)
    with pytest.raises(NotFound):
        graph(connection, "endpoint:r1", "q")


def test_things_that_use_each_other_end_somewhere(connection: Connection) -> None:
    fill(connection, [("job:a", "dataset:b", "input"), ("dataset:b", "job:a", "output")])
    assert names(graph(connection, "job:a")) == {"job:a", "dataset:b"}


def test_more_than_a_picture_holds_is_cut(connection: Connection) -> None:
    fill(connection, [(f"job:j{number}", "dataset:d", "input") for number in range(3 * MOST)])
    found = graph(connection, "dataset:d")
    assert found.cut
    assert len(found.nodes) == MOST


def test_what_uses_a_thing_is_named_with_its_noun(connection: Connection) -> None:
    fill(connection, [*LOOP, ("endpoint:r2", "model:m1", "serves"), ("job:rate", "model:m1", "evaluates")])
    assert used(connection, "dataset:d1") == "the experiment e"
    assert used(connection, "dataset:d1", "dataset:d2") == "the experiment e, and the job other"
    assert used(connection, "model:m1") == "the endpoint r, and the job rate"
    assert used(connection, "model:m1", kind="serves") == "the endpoint r"
    assert used(connection, "endpoint:r1") == used(connection) == ""
    fill(connection, [("job:a", "dataset:d3", "input"), ("job:b", "dataset:d3", "input")])
    assert used(connection, "dataset:d3") == "the jobs a and b"
    fill(connection, [(f"job:c{number}", "dataset:d3", "input") for number in range(2 * MOST)])
    assert used(connection, "dataset:d3") == f"the jobs a, b, c0, c1, c10 and {2 * MOST - 3} others"
