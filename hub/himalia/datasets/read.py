"""Reading datasets and versions: rows, put together as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.errors import NotFound
from himalia.core.links import links
from himalia.core.pagination import Page, matching, page_of_rows
from himalia.core.schema import Who
from himalia.datasets.schema import (
    LATEST,
    Dataset,
    DatasetSpec,
    DatasetStatus,
    LatestVersion,
    Version,
    VersionSpec,
    VersionStatus,
)
from himalia.datasets.tables import aliases, datasets, drafts, versions
from himalia.lineage.schema import Node


@dataclass(frozen=True, slots=True)
class Resolved:
    """The version that a reference stands for; `dataset` is its name and `version` its number."""

    version_id: str
    dataset: str
    version: int
    tree: str


def find(connection: Connection, project_id: str, name: str) -> Any:
    """The row of a dataset that is not deleted. Raises NotFound."""
    query = sa.select(datasets).where(
        datasets.c.project_id == project_id, datasets.c.name == name, datasets.c.deleted_at.is_(None)
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"There is no dataset named {name} in this project.")
    return row


def find_version(connection: Connection, dataset: Any, wanted: str) -> Any:
    """The row of a version that is not deleted, by number or alias. Raises NotFound."""
    query = sa.select(versions).where(versions.c.dataset_id == dataset.id, versions.c.deleted_at.is_(None))
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
        raise NotFound(f"The dataset {dataset.name} has no version yet. Add files to it first.")
    raise NotFound(f"The dataset {dataset.name} has no version {wanted}.")


def resolve(connection: Connection, project_id: str, reference: str) -> Resolved:
    """The version that `name`, `name@number` or `name@alias` stands for now. Raises NotFound."""
    name, _, wanted = reference.partition("@")
    dataset = find(connection, project_id, name)
    row = find_version(connection, dataset, wanted or LATEST)
    return Resolved(row.id, dataset.name, row.number, row.tree)


def references(connection: Connection, version_ids: Set[str], *, deleted: bool = False) -> dict[str, str]:
    """What stands for each of the versions now, as `name@number`; none that is deleted, or whose dataset is.

    With `deleted` those alone, as long as they can be restored.
    """
    is_there = sa.and_(versions.c.deleted_at.is_(None), datasets.c.deleted_at.is_(None))
    query = (
        sa.select(versions.c.id, datasets.c.name, versions.c.number)
        .join(datasets, datasets.c.id == versions.c.dataset_id)
        .where(versions.c.id.in_(version_ids), sa.not_(is_there) if deleted else is_there)
    )
    return {row.id: f"{row.name}@{row.number}" for row in connection.execute(query)} if version_ids else {}


def version_before(connection: Connection, project_id: str, name: str, number: int) -> int:
    """The number of the version before another one. Raises NotFound for the first."""
    dataset = find(connection, project_id, name)
    query = sa.select(sa.func.max(versions.c.number)).where(
        versions.c.dataset_id == dataset.id, versions.c.number < number, versions.c.deleted_at.is_(None)
    )
    before = connection.execute(query).scalar()
    if before is None:
        raise NotFound(f"There is no version before {name}@{number} that it could be compared with.")
    return int(before)


def page_of(
    connection: Connection,
    project_id: str,
    page: Page,
    *,
    text: str | None = None,
    labels: Iterable[tuple[str, str]] = (),
    deleted: bool = False,
) -> tuple[list[Any], str | None]:
    """Rows of one page, newest first, and the token of the next."""
    query = sa.select(datasets).where(datasets.c.project_id == project_id)
    query = matching(query, datasets, text=text, labels=labels, deleted=deleted)
    return page_of_rows(connection, query, page, datasets)


def versions_page(
    connection: Connection, dataset_id: str, page: Page, deleted: bool = False
) -> tuple[list[Any], str | None]:
    """Rows of a dataset's versions, newest first, and the token of the next page."""
    query = sa.select(versions).where(versions.c.dataset_id == dataset_id)
    query = query.where(versions.c.deleted_at.isnot(None) if deleted else versions.c.deleted_at.is_(None))
    return page_of_rows(connection, query, page, versions)


def drafts_page(connection: Connection, dataset_id: str, page: Page) -> tuple[list[Any], str | None]:
    """Rows of a dataset's drafts, newest first, and the token of the next page."""
    return page_of_rows(connection, sa.select(drafts).where(drafts.c.dataset_id == dataset_id), page, drafts)


def show(connection: Connection, rows: Sequence[Any], project: str) -> list[Dataset]:
    """Datasets with their newest versions and aliases, in the order of `rows`."""
    ids = [row.id for row in rows]
    counts, newest = _newest(connection, ids)
    named = _aliases(connection, ids)
    who = people.names(connection, {row.created_by for row in rows})
    return [
        Dataset.model_construct(
            id=row.id,
            name=row.name,
            project=project,
            labels=row.labels,
            spec=DatasetSpec.model_construct(**row.spec),
            status=DatasetStatus.model_construct(
                versions=counts.get(row.id, 0),
                latest=newest.get(row.id),
                aliases={one.alias: one.number for one in named.get(row.id, [])},
                deleted_at=row.deleted_at,
            ),
            created_at=row.created_at,
            created_by=Who(id=row.created_by, name=who.get(row.created_by, "")),
            updated_at=row.updated_at,
            etag=str(row.version),
        )
        for row in rows
    ]


def _newest(connection: Connection, ids: list[str]) -> tuple[dict[str, int], dict[str, LatestVersion]]:
    live = sa.and_(versions.c.dataset_id.in_(ids), versions.c.deleted_at.is_(None))
    query = (
        sa.select(versions.c.dataset_id, sa.func.count(), sa.func.max(versions.c.number))
        .where(live)
        .group_by(versions.c.dataset_id)
    )
    sums = list(connection.execute(query))
    pairs = sa.tuple_(versions.c.dataset_id, versions.c.number).in_([(row[0], row[2]) for row in sums])
    newest = {
        row.dataset_id: LatestVersion(
            number=row.number, files=row.files, size=row.size, created_at=row.created_at
        )
        for row in (connection.execute(sa.select(versions).where(pairs)) if sums else ())
    }
    return {row[0]: row[1] for row in sums}, newest


def _aliases(connection: Connection, ids: list[str]) -> dict[str, list[Any]]:
    query = (
        sa.select(aliases, versions.c.number)
        .join(versions, versions.c.id == aliases.c.version_id)
        .where(aliases.c.dataset_id.in_(ids))
        .order_by(aliases.c.alias)
    )
    found: dict[str, list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row.dataset_id, []).append(row)
    return found


def show_versions(connection: Connection, rows: Sequence[Any], dataset: Any, project: str) -> list[Version]:
    """Versions of one dataset, in the order of `rows`."""
    named: dict[str, list[str]] = {}
    for one in _aliases(connection, [dataset.id]).get(dataset.id, []):
        named.setdefault(one.version_id, []).append(one.alias)
    who = people.names(connection, {row.created_by for row in rows})
    sources = _sources(connection, [row.id for row in rows])
    return [
        Version.model_construct(
            id=row.id,
            name=f"{dataset.name}@{row.number}",
            project=project,
            dataset=dataset.name,
            number=row.number,
            spec=VersionSpec(note=row.note),
            status=VersionStatus.model_construct(
                files=row.files,
                size=row.size,
                digest=row.tree,
                aliases=named.get(row.id, []),
                source_job=sources.get(row.id),
                deleted_at=row.deleted_at,
            ),
            created_at=row.created_at,
            created_by=Who(id=row.created_by, name=who.get(row.created_by, "")),
        )
        for row in rows
    ]


def _sources(connection: Connection, ids: list[str]) -> dict[str, str]:
    """Ids of the jobs that versions came from."""
    query = sa.select(links).where(links.c.from_id.in_([end(one) for one in ids]), links.c.kind == "output")
    return {
        row.from_id.removeprefix("dataset:"): row.to_id.removeprefix("job:")
        for row in (connection.execute(query) if ids else ())
    }


def nodes(connection: Connection, project_id: str, ids: Sequence[str]) -> dict[str, Node]:
    """Versions in a graph of lineage, deleted ones too, by id."""
    query = (
        sa.select(versions.c.id, versions.c.number, versions.c.deleted_at, datasets.c.name)
        .join(datasets, datasets.c.id == versions.c.dataset_id)
        .where(datasets.c.project_id == project_id, versions.c.id.in_(ids))
    )
    return {
        row.id: Node(
            id=end(row.id),
            noun="dataset",
            name=f"{row.name}@{row.number}",
            title=f"{row.name}, version {row.number}",
            state="DELETED" if row.deleted_at is not None else None,
        )
        for row in connection.execute(query)
    }


def end(version_id: str) -> str:
    """How links name a version."""
    return f"dataset:{version_id}"
