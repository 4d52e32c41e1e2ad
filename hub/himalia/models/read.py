"""Reading models and versions: rows, put together as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.errors import NotFound, WrongState
from himalia.core.pagination import Page, page_of_rows
from himalia.core.schema import Who
from himalia.datasets.schema import LATEST
from himalia.lineage.schema import Node
from himalia.models.manifest import Manifest
from himalia.models.schema import (
    Model,
    ModelSpec,
    ModelStatus,
    ModelVersion,
    ModelVersionSpec,
    ModelVersionStatus,
    Signature,
    Source,
)
from himalia.models.tables import aliases, models, versions
from himalia.snapshots.collector import Held


@dataclass(frozen=True, slots=True)
class Resolved:
    """The version that a reference stands for; `model` is its name and `version` its number."""

    version_id: str
    model: str
    version: int


@dataclass(frozen=True, slots=True)
class Files:
    """What running a version takes: its files as a stored tree, and where they run.

    `requirements` are the lines of the model's requirements.txt; `environment` may be unknown.
    """

    version_id: str
    model: str
    version: int
    tree: str
    environment: str | None
    requirements: tuple[str, ...]


def find(connection: Connection, project_id: str, name: str) -> Any:
    """The row of a model. Raises NotFound."""
    query = sa.select(models).where(models.c.project_id == project_id, models.c.name == name)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"There is no model named {name} in this project.")
    return row


def find_version(connection: Connection, model: Any, wanted: str) -> Any:
    """The row of a version, by number or alias. Raises NotFound."""
    query = sa.select(versions).where(versions.c.model_id == model.id)
    if wanted == LATEST:
        query = query.order_by(versions.c.number.desc()).limit(1)
    elif wanted.isascii() and wanted.isdigit():
        query = query.where(versions.c.number == min(int(wanted[:12]), 2**31 - 1))
    else:
        query = query.join(aliases, aliases.c.version_id == versions.c.id).where(aliases.c.alias == wanted)
    row = connection.execute(query).first()
    if row is not None:
        return row
    if wanted == LATEST:
        raise NotFound(f"The model {model.name} has no version yet. Register one first.")
    raise NotFound(f"The model {model.name} has no version {wanted}.")


def resolve(connection: Connection, project_id: str, reference: str) -> Resolved:
    """The version that `name`, `name@number` or `name@alias` stands for now. Raises NotFound."""
    name, _, wanted = reference.partition("@")
    model = find(connection, project_id, name)
    row = find_version(connection, model, wanted or LATEST)
    return Resolved(row.id, model.name, row.number)


def has_version(connection: Connection, version_id: str) -> bool:
    """Whether a version has not been deleted."""
    return connection.execute(sa.select(versions.c.id).where(versions.c.id == version_id)).first() is not None


def files(connection: Connection, version_id: str) -> Files:
    """What running a version takes. Raises NotFound, and WrongState for one that must not be run."""
    query = (
        sa.select(versions, models.c.name)
        .join(models, models.c.id == versions.c.model_id)
        .where(versions.c.id == version_id)
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("This model version is gone.")
    if row.tree is None or row.problem is not None:
        raise WrongState(f"{row.name}@{row.number} cannot be run: {row.problem}")
    manifest = Manifest.from_json(row.manifest)
    return Files(
        version_id=row.id,
        model=row.name,
        version=row.number,
        tree=row.tree,
        environment=row.environment,
        requirements=tuple(manifest.requirements),
    )


def page_of(
    connection: Connection,
    project_id: str,
    page: Page,
    *,
    text: str | None = None,
    labels: Iterable[tuple[str, str]] = (),
) -> tuple[list[Any], str | None]:
    """Rows of one page, newest first, and the token of the next."""
    query = sa.select(models).where(models.c.project_id == project_id)
    if text:
        query = query.where(sa.func.lower(models.c.name).contains(text.lower(), autoescape=True))
    for key, value in labels:
        query = query.where(models.c.labels[key].as_string() == value)
    return page_of_rows(connection, query, page, models)


def versions_page(connection: Connection, model_id: str, page: Page) -> tuple[list[Any], str | None]:
    """Rows of a model's versions, newest first, and the token of the next page."""
    return page_of_rows(
        connection, sa.select(versions).where(versions.c.model_id == model_id), page, versions
    )


def show(connection: Connection, rows: Sequence[Any], project: str) -> list[Model]:
    """Models with their aliases, in the order of `rows`."""
    ids = [row.id for row in rows]
    query = (
        sa.select(versions.c.model_id, sa.func.count(), sa.func.max(versions.c.number))
        .where(versions.c.model_id.in_(ids))
        .group_by(versions.c.model_id)
    )
    sums = {row[0]: (row[1], row[2]) for row in connection.execute(query)}
    named = _aliases(connection, ids)
    who = people.names(connection, {row.created_by for row in rows})
    return [
        Model.model_construct(
            id=row.id,
            name=row.name,
            project=project,
            labels=row.labels,
            spec=ModelSpec.model_construct(**row.spec),
            status=ModelStatus(
                versions=sums.get(row.id, (0, None))[0],
                latest=sums.get(row.id, (0, None))[1],
                aliases={one.alias: one.number for one in named.get(row.id, [])},
            ),
            created_at=row.created_at,
            created_by=Who(id=row.created_by, name=who.get(row.created_by, "")),
            updated_at=row.updated_at,
            etag=str(row.version),
        )
        for row in rows
    ]


def _aliases(connection: Connection, ids: Sequence[str]) -> dict[str, list[Any]]:
    query = (
        sa.select(aliases, versions.c.number)
        .join(versions, versions.c.id == aliases.c.version_id)
        .where(aliases.c.model_id.in_(ids))
        .order_by(aliases.c.alias)
    )
    found: dict[str, list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row.model_id, []).append(row)
    return found


def show_versions(
    connection: Connection, rows: Sequence[Any], model: Any, project: str
) -> list[ModelVersion]:
    """Versions of one model, in the order of `rows`."""
    named: dict[str, list[str]] = {}
    for one in _aliases(connection, [model.id]).get(model.id, []):
        named.setdefault(one.version_id, []).append(one.alias)
    who = people.names(connection, {row.created_by for row in rows})
    return [
        ModelVersion.model_construct(
            id=row.id,
            name=f"{model.name}@{row.number}",
            project=project,
            model=model.name,
            number=row.number,
            spec=ModelVersionSpec(description=row.description, source=Source(**row.source)),
            status=_status(row, named.get(row.id, [])),
            created_at=row.created_at,
            created_by=Who(id=row.created_by, name=who.get(row.created_by, "")),
            updated_at=row.updated_at,
            etag=str(row.version),
        )
        for row in rows
    ]


def _status(row: Any, named: list[str]) -> ModelVersionStatus:
    manifest = Manifest.from_json(row.manifest)
    return ModelVersionStatus(
        files=row.files,
        size=row.size,
        digest=row.tree,
        aliases=named,
        flavors=manifest.flavors,
        signature=Signature(**manifest.signature) if manifest.signature is not None else None,
        environment=row.environment,
        requirements=manifest.requirements,
        metrics=row.metrics,
        parameters=row.parameters,
        problem=row.problem,
    )


def nodes(connection: Connection, project_id: str, ids: Sequence[str]) -> dict[str, Node]:
    """Versions in a graph of lineage, by id."""
    query = (
        sa.select(versions.c.id, versions.c.number, versions.c.problem, models.c.name)
        .join(models, models.c.id == versions.c.model_id)
        .where(models.c.project_id == project_id, versions.c.id.in_(ids))
    )
    return {
        row.id: Node(
            id=end(row.id),
            noun="model",
            name=f"{row.name}@{row.number}",
            title=f"{row.name}, version {row.number}",
        )
        for row in connection.execute(query)
    }


def held(connection: Connection) -> Held:
    """Files of all versions, and the code that made them: what a collection must keep."""
    code = versions.c.source["code", "snapshot"].as_string()
    queries = (sa.select(one).where(one.isnot(None)).distinct() for one in (versions.c.tree, code))
    return Held(trees=frozenset(tree for query in queries for tree in connection.execute(query).scalars()))


def end(version_id: str) -> str:
    """How links name a version."""
    return f"model:{version_id}"
