"""Drafts as the API shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.schema import Who
from himalia.datasets.schema import Changes, Draft, DraftStatus, Import, UploadShown
from himalia.datasets.tables import draft_files, drafts, imports, uploads, versions
from himalia.engine.states import ENDED
from himalia.snapshots.service import unowned


def show(
    connection: Connection, rows: Sequence[Any], dataset: Any, project: str, offset: Callable[[str], int]
) -> list[Draft]:
    """Drafts of one dataset, in the order of `rows`; `offset` tells how much of an upload is there."""
    who = people.names(connection, {row.created_by for row in rows})
    newest = sa.select(sa.func.max(versions.c.number)).where(
        versions.c.dataset_id == dataset.id, versions.c.deleted_at.is_(None)
    )
    latest = connection.execute(newest).scalar() or 0
    return [
        Draft(
            id=row.id,
            project=project,
            dataset=dataset.name,
            status=DraftStatus(
                base=_number(connection, row.base_id),
                seen=row.seen_number,
                latest=latest,
                changed=_changed(connection, row.id),
                removed=_removed(connection, row.id),
                missing=len(missing(connection, dataset.project_id, row.id)),
                uploads=[
                    UploadShown(id=one.id, path=one.path, size=one.size, offset=offset(one.id))
                    for one in unfinished(connection, row.id)
                ],
                imports=[show_import(one) for one in _imports(connection, row.id)],
            ),
            created_at=row.created_at,
            created_by=Who(id=row.created_by, name=who.get(row.created_by, "")),
            updated_at=row.updated_at,
        )
        for row in rows
    ]


def show_import(row: Any) -> Import:
    """An import as the API shows it."""
    return Import(
        id=row.id,
        archive=row.archive,
        server_path=row.server_path,
        into=row.into,
        state=row.state,
        message=row.message,
        created_at=row.created_at,
    )


def importing(connection: Connection, draft_id: str) -> bool:
    """Whether files are on their way into a draft."""
    return any(row.state not in ENDED for row in _imports(connection, draft_id))


def _imports(connection: Connection, draft_id: str) -> list[Any]:
    query = sa.select(imports).where(imports.c.draft_id == draft_id).order_by(imports.c.created_at)
    return list(connection.execute(query))


def missing(connection: Connection, project_id: str, draft_id: str) -> set[str]:
    """Digests of a draft's files whose bytes the project does not have, or not in that size."""
    wanted = sa.select(draft_files.c.digest, draft_files.c.size).where(
        draft_files.c.draft_id == draft_id, draft_files.c.digest.isnot(None)
    )
    return unowned(connection, project_id, wanted)


def find_draft(connection: Connection, dataset: Any, draft_id: str) -> Any | None:
    """The row of a dataset's draft."""
    query = sa.select(drafts).where(drafts.c.id == draft_id, drafts.c.dataset_id == dataset.id)
    return connection.execute(query).first()


def _number(connection: Connection, version_id: str | None) -> int | None:
    return connection.execute(sa.select(versions.c.number).where(versions.c.id == version_id)).scalar()


def _changed(connection: Connection, draft_id: str) -> Changes:
    query = sa.select(sa.func.count(), sa.func.sum(draft_files.c.size)).where(
        draft_files.c.draft_id == draft_id, draft_files.c.digest.isnot(None)
    )
    count, size = connection.execute(query).one()
    return Changes(files=count, size=int(size or 0))


def _removed(connection: Connection, draft_id: str) -> int:
    query = sa.select(sa.func.count()).where(
        draft_files.c.draft_id == draft_id, draft_files.c.digest.is_(None)
    )
    return int(connection.execute(query).scalar() or 0)


def unfinished(connection: Connection, draft_id: str) -> list[Any]:
    """Rows of a draft's uploads that are not whole, oldest first."""
    query = (
        sa.select(uploads)
        .where(uploads.c.draft_id == draft_id, uploads.c.digest.is_(None))
        .order_by(uploads.c.created_at)
    )
    return list(connection.execute(query))
