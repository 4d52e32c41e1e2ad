"""Versions of what jobs left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from himalia.core.access import Access
from himalia.core.database import Transaction
from himalia.core.errors import Invalid
from himalia.core.idempotency import made_before, once
from himalia.datasets import read
from himalia.datasets.schema import Version, VersionCreate
from himalia.datasets.service import Datasets, Made
from himalia.snapshots.service import own_many
from himalia.storage.base import Stored
from himalia.storage.trees import Tree, TreeError, TreeFile


@dataclass(frozen=True, slots=True)
class JobFiles:
    """What an attempt of a job left: (path, size in bytes, digest) of each file."""

    job_id: str
    files: Sequence[tuple[str, int, str]]


OutputsOf = Callable[[Connection, str, str, int | None], JobFiles]
"""`(connection, project id, job's name, attempt or None for the latest)`; raises NotFound."""


class KeptOutputs:
    """Makes versions of jobs' outputs, whose bytes are in the store already."""

    def __init__(self, datasets: Datasets, outputs_of: OutputsOf) -> None:
        self.datasets = datasets
        self.database = datasets.database
        self.outputs_of = outputs_of

    async def create(
        self, access: Access, name: str, body: VersionCreate, key: str | None = None, mark: str = ""
    ) -> tuple[Version, bool]:
        """A version of a job's files; (version, whether it is new). Raises NotFound, Invalid, KeyReused."""
        project_id, person = access.in_project["id"], access.person.id

        def look(connection: Connection) -> str | JobFiles:
            read.find(connection, project_id, name)
            made = made_before(connection, person, key, mark)
            return made or self.outputs_of(connection, project_id, body.from_job, body.attempt)

        found = await self.database.read(look)
        if isinstance(found, str):
            return await self.datasets.shown_version(access, found), False
        tree = await asyncio.to_thread(_tree, found, body.path.strip("/"), body.from_job)
        stored = await self.datasets.snapshots.put(project_id, None, tree.to_bytes())
        made = Made(tree, stored.digest, body.note, source_job=found.job_id)

        def write(tx: Transaction) -> str:
            # What the job left may be collected once the job is gone.
            own_many(tx, project_id, [Stored(file.digest, file.size) for file in tree.files])
            dataset = read.find(tx.connection, project_id, name)
            return self.datasets.write_version(tx, access, dataset, made)

        def work(tx: Transaction) -> tuple[str, bool]:
            return once(tx, person, key, mark, lambda: write(tx))

        version_id, is_new = await self.database.write(work)
        return await self.datasets.shown_version(access, version_id), is_new


def _tree(found: JobFiles, folder: str, job: str) -> Tree:
    prefix = f"{folder}/" if folder else ""
    files = [
        TreeFile(path[len(prefix) :], size, digest)
        for path, size, digest in found.files
        if path.startswith(prefix)
    ]
    if not files:
        raise Invalid.field("path", f"The job {job} left no files {f'below {folder}' if folder else ''}.")
    try:
        return Tree.of(files)
    except TreeError as error:
        raise Invalid.field("path", str(error)) from error
