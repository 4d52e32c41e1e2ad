"""Names for jobs that were submitted without one."""

from __future__ import annotations

from pathlib import PurePosixPath

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core.database import Transaction
from himalia.core.ids import numbered, slug
from himalia.jobs.schema import JobSpec
from himalia.jobs.tables import jobs


def base_name(spec: JobSpec) -> str:
    """A name from the notebook, the script or the command's first word."""
    what = spec.notebook or spec.script or spec.command[0]
    return slug(PurePosixPath(what).stem, "job")


_TAKEN = sa.select(jobs.c.id).where(
    jobs.c.project_id == sa.bindparam("project"),
    jobs.c.name == sa.bindparam("name"),
    jobs.c.deleted_at.is_(None),
)


class Numbers:
    """The next number of each name: `digits`, `digits-2`, `digits-3`, … Kept so that a thousandth is quick."""

    def __init__(self) -> None:
        self._next: dict[tuple[str, str], int] = {}

    def free(self, tx: Transaction, project_id: str, base: str) -> str:
        """A name that no live job of the project has; unless the transaction is careful, that is likely."""
        key = (project_id, base)
        number = self._next.get(key, 1)
        if key in self._next and not tx.careful:
            self._next[key] = number + 1
            return numbered(base, number)
        while is_taken(tx.connection, project_id, numbered(base, number)):
            number = 2 * number if key not in self._next and number > 1 else number + 1
        if len(self._next) > 10_000:
            self._next.clear()
        self._next[key] = number + 1
        return numbered(base, number)


def is_taken(connection: Connection, project_id: str, name: str) -> bool:
    """Whether a live job has this name."""
    return connection.execute(_TAKEN, {"project": project_id, "name": name}).first() is not None
