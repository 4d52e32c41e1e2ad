"""Reading endpoints: rows of endpoints, revisions and workloads, put together as the API shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.errors import NotFound
from himalia.core.pagination import Page, matching, page_of_rows
from himalia.core.schema import Who
from himalia.endpoints.plan import is_ready, state_of
from himalia.endpoints.schema import (
    Endpoint,
    EndpointRevision,
    EndpointSpec,
    EndpointState,
    EndpointStatus,
    EndpointToken,
    RevisionSpec,
    ServedModel,
)
from himalia.endpoints.tables import endpoint_revisions, endpoint_tokens, endpoints
from himalia.engine.board import Board
from himalia.engine.states import State
from himalia.engine.tables import workloads
from himalia.lineage.schema import Node
from himalia.snapshots.collector import Held

_REVISIONS = sa.select(
    endpoint_revisions,
    *(workloads.c[name] for name in ("state", "reason", "message", "attempt", "started_at", "ended_at")),
    workloads.c.person_id,
    workloads.c.spec["reserve"].label("reserve"),
    workloads.c.spec["overlay"].as_string().label("overlay"),
).join(workloads, workloads.c.id == endpoint_revisions.c.id)


def find(connection: Connection, project_id: str, name: str) -> Any:
    """The row of a live endpoint. Raises NotFound."""
    query = sa.select(endpoints).where(
        endpoints.c.project_id == project_id, endpoints.c.name == name, endpoints.c.deleted_at.is_(None)
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"There is no endpoint named {name} in this project.")
    return row


def by_id(connection: Connection, endpoint_id: str) -> Any:
    """The row of an endpoint, a deleted one too. Raises NotFound."""
    row = connection.execute(sa.select(endpoints).where(endpoints.c.id == endpoint_id)).first()
    if row is None:
        raise NotFound("This endpoint is gone.")
    return row


def is_taken(connection: Connection, project_id: str, name: str) -> bool:
    """Whether a live endpoint has this name."""
    query = sa.select(endpoints.c.id).where(
        endpoints.c.project_id == project_id, endpoints.c.name == name, endpoints.c.deleted_at.is_(None)
    )
    return connection.execute(query).first() is not None


def revisions_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[Any]]:
    """Revisions of endpoints, joined with their workloads, oldest first."""
    found: dict[str, list[Any]] = {identifier: [] for identifier in ids}
    query = _REVISIONS.where(endpoint_revisions.c.endpoint_id.in_(ids)).order_by(endpoint_revisions.c.number)
    for row in connection.execute(query) if ids else ():
        found[row.endpoint_id].append(row)
    return found


def running(connection: Connection) -> list[Any]:
    """All revisions whose workloads run."""
    return list(connection.execute(_REVISIONS.where(workloads.c.state == State.RUNNING)))


def revision(connection: Connection, identifier: str) -> Any:
    """One revision, joined with its workload; None where there is none."""
    return connection.execute(_REVISIONS.where(endpoint_revisions.c.id == identifier)).first()


def packages_of(connection: Connection, version_id: str, environment: str) -> list[str] | None:
    """What was laid over an environment for a model version when it was served last."""
    source = endpoint_revisions.c.source
    query = (
        sa.select(source)
        .where(
            source["version_id"].as_string() == version_id,
            endpoint_revisions.c.spec["environment"].as_string() == environment,
        )
        .order_by(endpoint_revisions.c.created_at.desc())
    )
    found = (one.get("packages") for one in connection.execute(query).scalars())
    return next((packages for packages in found if packages is not None), None)


def page_of(
    connection: Connection,
    project_id: str,
    page: Page,
    *,
    states: Collection[EndpointState] = (),
    text: str | None = None,
    labels: Iterable[tuple[str, str]] = (),
    deleted: bool = False,
) -> tuple[list[Any], str | None]:
    """Rows of one page, newest first, and the token of the next."""
    query = sa.select(endpoints).where(endpoints.c.project_id == project_id)
    query = matching(query, endpoints, text=text, labels=labels, deleted=deleted)
    if states:
        # A state follows from many rows, by `state_of`; a project has few endpoints.
        rows = list(connection.execute(query))
        revisions = revisions_of(connection, [row.id for row in rows])
        wanted = [row.id for row in rows if state_of(row, revisions[row.id]) in states]
        query = query.where(endpoints.c.id.in_(wanted))
    return page_of_rows(connection, query, page, endpoints)


class Shower:
    """Makes the API's endpoints; `public_url` and `direct_url` are where their addresses begin.

    The board knows what a revision that has not begun waits for.
    """

    def __init__(self, public_url: str, direct_url: str, board: Board) -> None:
        self.public_url = public_url
        self.direct_url = direct_url
        self.board = board

    def show(self, connection: Connection, rows: Sequence[Any], project: str) -> list[Endpoint]:
        """Endpoints with all their revisions, in the order of `rows`."""
        revisions = revisions_of(connection, [row.id for row in rows])
        authors = {row.created_by for row in rows} | {
            one.created_by for some in revisions.values() for one in some
        }
        who = people.names(connection, authors)
        return [self._endpoint(row, revisions[row.id], project, who) for row in rows]

    def _endpoint(self, row: Any, revisions: Sequence[Any], project: str, who: Mapping[str, str]) -> Endpoint:
        path = f"/{project}/{row.name}"
        coming = next((one for one in revisions if one.id == row.next_id), None)
        serving = [one for one in revisions if one.weight > 0]
        return Endpoint.model_construct(
            id=row.id,
            name=row.name,
            project=project,
            labels=row.labels,
            url=self.public_url + path,
            direct_url=self.direct_url + path,
            model=revisions[0].source["served_as"],
            spec=EndpointSpec(revision=revisions[-1].number, running=row.is_wanted),
            status=EndpointStatus.model_construct(
                state=state_of(row, revisions),
                ready=bool(row.is_wanted) and any(is_ready(one) for one in serving),
                message=row.message or self._why([*serving, coming] if coming else serving),
                next=coming.number if coming else None,
                revisions=[self._revision(one, who) for one in reversed(revisions)],
                deleted_at=row.deleted_at,
            ),
            created_at=row.created_at,
            created_by=Who(id=row.created_by, name=who.get(row.created_by, "")),
            updated_at=row.updated_at,
            etag=str(row.version),
        )

    def _why(self, wanted: Sequence[Any]) -> str | None:
        """What is wrong with a revision that answers, or is about to."""
        said = (self._said(one) for one in wanted if not is_ready(one))
        return next((words for words in said if words), None)

    def _said(self, row: Any) -> str | None:
        active = self.board.active.get(row.id) if row.state == State.STARTING else None
        waits: str | None = active.progress.get("message") if active and active.progress else None
        return row.message or waits

    def _revision(self, row: Any, who: Mapping[str, str]) -> EndpointRevision:
        model = row.source.get("model")
        return EndpointRevision.model_construct(
            number=row.number,
            id=row.id,
            spec=RevisionSpec.model_construct(**row.spec),
            model=ServedModel(name=model["name"], version=model["version"]) if model else None,
            packages=row.source.get("packages"),
            weight=row.weight,
            ready=is_ready(row),
            state=row.state,
            reason=row.reason,
            message=self._said(row),
            attempt=row.attempt,
            started_at=row.started_at,
            ended_at=row.ended_at,
            created_at=row.created_at,
            created_by=Who(id=row.created_by, name=who.get(row.created_by, "")),
        )


def tokens_of(connection: Connection, endpoint_id: str) -> list[EndpointToken]:
    """An endpoint's tokens, newest first."""
    query = sa.select(endpoint_tokens).where(endpoint_tokens.c.endpoint_id == endpoint_id)
    rows = list(connection.execute(query.order_by(endpoint_tokens.c.created_at.desc())))
    who = people.names(connection, {row.created_by for row in rows})
    return [
        EndpointToken(
            id=row.id,
            note=row.note,
            hint=row.hint,
            created_at=row.created_at,
            created_by=Who(id=row.created_by, name=who.get(row.created_by, "")),
            expires_at=row.expires_at,
        )
        for row in rows
    ]


def project_of(connection: Connection, endpoint_id: str) -> str | None:
    """The id of the project that an endpoint is in."""
    query = sa.select(endpoints.c.project_id).where(endpoints.c.id == endpoint_id)
    return connection.execute(query).scalar()


def source_of(connection: Connection, revision: str) -> dict[str, Any]:
    """What a revision is made from, as `sources.Source.as_json` wrote it."""
    query = sa.select(endpoint_revisions.c.source).where(endpoint_revisions.c.id == revision)
    found: dict[str, Any] = connection.execute(query).scalar_one()
    return found


def held(connection: Connection) -> Held:
    """The files of all revisions, so that any of them can be returned to."""
    query = sa.select(endpoint_revisions.c.source["files"].as_string()).distinct()
    return Held(trees=frozenset(connection.execute(query).scalars()))


def nodes(connection: Connection, project_id: str, ids: Sequence[str]) -> dict[str, Node]:
    """Revisions of the project's endpoints as nodes of a graph."""
    query = (
        _REVISIONS.add_columns(endpoints.c.name.label("endpoint"))
        .join(endpoints, endpoints.c.id == endpoint_revisions.c.endpoint_id)
        .where(endpoint_revisions.c.id.in_(ids), endpoints.c.project_id == project_id)
    )
    return {
        row.id: Node(
            id=f"endpoint:{row.id}",
            noun="endpoint",
            name=row.endpoint,
            title=f"{row.endpoint}, revision {row.number}",
            state=row.state,
        )
        for row in connection.execute(query)
    }
