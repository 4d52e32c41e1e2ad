"""Laying out versions for notebook servers, which see their project's `checkouts` from their start on."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from himalia.core.access import Access
from himalia.core.errors import Unavailable
from himalia.datasets.read import resolve
from himalia.datasets.schema import LATEST, Checkout
from himalia.datasets.service import Datasets
from himalia.snapshots.service import full_disk_said
from himalia.storage.errors import StorageError
from himalia.storage.trees import TreeError

INSIDE = "/checkouts"
"""Where jobs see their project's check-outs, and notebook servers those of all their projects, by name."""


class Checkouts:
    """Lays out versions in the folder of their project, which `folder` makes from the project's row."""

    def __init__(self, datasets: Datasets, folder: Callable[[dict[str, Any]], Path]) -> None:
        self.datasets = datasets
        self.folder = folder

    async def create(self, access: Access, name: str, wanted: str | None) -> Checkout:
        """Lay a version out, and say where it is. Raises NotFound, DiskFull, Unavailable."""
        project = access.in_project
        found = await self.datasets.database.read(
            lambda c: resolve(c, project["id"], f"{name}@{wanted or LATEST}")
        )
        self.datasets.check_disk()
        named = f"{found.dataset}@{found.version}"
        try:
            await asyncio.to_thread(self._lay_out, project, found.tree, named)
        except (StorageError, TreeError, OSError) as error:
            raise Unavailable(f"{named} could not be laid out: {error}") from error
        version = await self.datasets.shown_version(access, found.version_id)
        return Checkout(
            version=version, path=f"{INSIDE}/{project['name']}/{named}", job_path=f"{INSIDE}/{named}"
        )

    def _lay_out(self, project: dict[str, Any], tree: str, named: str) -> None:
        folder = self.folder(project)
        with full_disk_said():
            self.datasets.snapshots.store.checkout(tree, folder)
        # A name that people can read, replaced in one step where another dataset had it.
        link = folder / f".{secrets.token_hex(8)}"
        link.symlink_to(tree)
        link.replace(folder / named)
