"""What the API shows of lineage."""

from __future__ import annotations

from pydantic import BaseModel


class Node(BaseModel):
    """A thing: `id` is `<noun>:<id>`, `name` what it is found by, `title` what people read, `state` if it has one.

    `detail` says more: of a job, the notebook, script or command that it runs.
    """

    id: str
    noun: str
    name: str
    title: str
    state: str | None = None
    detail: str | None = None


class Edge(BaseModel):
    """`from_id` uses `to_id`, or comes from it; `kind` says how."""

    from_id: str
    to_id: str
    kind: str


class Users(BaseModel):
    """What of one noun uses a thing: how many there are, and what some of them are called."""

    noun: str
    count: int
    names: list[str]


class Graph(BaseModel):
    """What a thing came from, and what came from it. `cut` says that there is more than is shown."""

    nodes: list[Node]
    edges: list[Edge]
    cut: bool
