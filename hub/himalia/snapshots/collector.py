"""Removes what nobody can reach any more: deleted jobs whose time is over, their folders and logs, and objects.

Each step leaves things as they may be, so ending the service at any moment does no harm: rows go before the
files that they name, and files without rows go in a later pass. A pass never takes what is young: an object that
is sent, or announced and found to be there, has its row and its file renewed, and stays for `grace`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.database import Database, Transaction
from himalia.core.errors import HimaliaError
from himalia.engine import forget
from himalia.engine.board import Active, Board
from himalia.engine.folders import Folders
from himalia.engine.logs import LogFiles
from himalia.projects import service as projects_service
from himalia.snapshots.reachable import Reachable
from himalia.snapshots.tables import objects
from himalia.storage.base import ObjectStore
from himalia.storage.digests import is_digest
from himalia.storage.errors import StorageError

log = logging.getLogger(__name__)

FIRST_S = 60.0
"""Longest wait before the first pass of a service."""
CHUNK = 500
_ATTEMPT = re.compile(r"[a-z2-7]{16}-[0-9]+")
Owned = tuple[str, str]
"""(project id, digest): that a project has an object."""


@dataclass(frozen=True, slots=True)
class Freed:
    """What one pass removed; `size` is in bytes."""

    jobs: int
    objects: int
    size: int


@dataclass(frozen=True, slots=True)
class Held:
    """What must stay: `trees` with all their files, and objects by their `digests`."""

    trees: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()

    def __or__(self, other: Held) -> Held:
        return Held(self.trees | other.trees, self.digests | other.digests)


Live = Callable[[Connection], Held]
"""Tells what a noun holds."""


@dataclass(frozen=True, slots=True)
class Purges:
    """Each function removes some of the deleted things whose time, `kept`, is over, and tells how many; those of
    `jobs` are counted."""

    projects: Callable[[Transaction], int]
    jobs: Callable[[Transaction], int]
    kept: timedelta
    others: Sequence[Callable[[Transaction], int]] = ()


class Collector:
    """Removes in passes, one after the other, what is not needed any more."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        board: Board,
        folders: Folders,
        logs: LogFiles,
        purges: Purges,
        live: Sequence[Live],
        grace: timedelta,
    ) -> None:
        self.database = database
        self.store = store
        self.board = board
        self.folders = folders
        self.logs = logs
        self.purges = purges
        self.live = [self._workloads, *live]
        self.grace = grace
        self.reachable = Reachable(store)

    async def collect_forever(self, every_s: float, tell: Callable[[Freed], None]) -> None:
        """A pass every `every_s`; one that fails is tried again at the next time."""
        await asyncio.sleep(min(FIRST_S, every_s))
        while True:
            try:
                freed = await self.collect()
            except (HimaliaError, StorageError, OSError) as error:
                log.warning("What is not needed could not be removed now: %s", error)
            else:
                tell(freed)
                if freed.jobs or freed.objects:
                    words = "Removed %d deleted jobs and %d objects of %d bytes that nothing needs."
                    log.info(words, freed.jobs, freed.objects, freed.size)
            await asyncio.sleep(every_s)

    async def collect(self) -> Freed:
        """One pass. Raises HimaliaError, StorageError, OSError."""
        jobs = await self._purge()
        await self._remove_nameless()
        await self._disown()
        await self._remove_checkouts()
        owned = await self.database.read(_owned_digests)
        collected = await asyncio.to_thread(self.store.collect, owned, self.grace)
        return Freed(jobs, collected.objects, collected.size)

    async def _purge(self) -> int:
        """Remove the rows whose time is over: how many jobs there were among them."""
        write, ended = self.database.write, clock.now() - self.purges.kept
        while await write(self.purges.projects):
            pass
        jobs = 0
        while some := await write(self.purges.jobs):
            jobs += some
        for purge in self.purges.others:
            while await write(purge):
                pass
        while await write(lambda tx: forget.forget_old(tx, ended)):
            pass
        return jobs

    async def _remove_nameless(self) -> None:
        """Remove folders and logs of workloads that are gone, and folders of projects that were emptied.

        The folders and logs are listed first, since a workload's row comes before them.
        """
        paths = await asyncio.to_thread(self._places)
        for path in await self.database.read(lambda c: forget.nameless(c, paths)):
            await asyncio.to_thread(self.folders.remove, path)
        for project in await self.database.read(projects_service.purged):
            await asyncio.to_thread(self.folders.remove, self.folders.home / "projects" / project)

    def _places(self) -> list[Path]:
        work = self.folders.home.glob("people/*/work/*/*")
        alone = self.folders.home.glob("people/*/alone/*/*")
        return [
            path for path in (*work, *alone, *self.logs.folder.glob("*.log")) if _ATTEMPT.fullmatch(path.stem)
        ]

    async def _remove_checkouts(self) -> None:
        """Remove what was laid out of trees that nothing holds any more, and the names that lead there."""
        before = clock.now().timestamp() - self.grace.total_seconds()
        old = await asyncio.to_thread(_old_checkouts, self.folders.home, before)
        held = await self.database.read(self._held)
        for path in old:
            if path.is_symlink() or path.name not in held.trees:
                await asyncio.to_thread(self.folders.remove, path)

    async def _disown(self) -> None:
        """Delete the rows of objects that nothing of any project needs."""
        began = clock.now()
        cutoffs = self._cutoffs(began)  # before what is needed is read: a workload may end in between
        held = await self.database.read(self._held)
        live = await asyncio.to_thread(self.reachable.of, held.trees) | held.digests
        cutoff = began - self.grace
        old = await self.database.read(lambda c: _older(c, cutoffs, cutoff))
        dead = [one for one in old if one[1] not in live]
        if dead:
            await self.database.write(lambda tx: self._delete(tx, dead, cutoff, held))

    def _held(self, connection: Connection) -> Held:
        return reduce(or_, (live(connection) for live in self.live))

    def _workloads(self, connection: Connection) -> Held:
        """Code that workloads run from, what they read, and what they left."""
        inputs = [one for item in list(self.board.active.values()) for one in _inputs(item)]
        reads = [one["tree"] for one in inputs if "tree" in one]
        trees = forget.snapshots_in_use(connection).union(reads)
        return Held(frozenset(trees), frozenset(forget.outputs_in_use(connection)))

    def _cutoffs(self, now: datetime) -> dict[str, datetime]:
        """By project: what came since its oldest workload began may be an output that is reported at its end."""
        cutoffs: dict[str, datetime] = {}
        for item in self.board.active.values():
            before = cutoffs.get(item.project_id, now - self.grace)
            cutoffs[item.project_id] = min(before, item.created_at)
        return cutoffs

    def _delete(self, tx: Transaction, dead: Iterable[Owned], cutoff: datetime, held: Held) -> None:
        """All in one transaction: a tree goes with its files, or not at all.

        Nothing goes when something came into use meanwhile that was to go: the next pass looks again. What was
        renewed meanwhile stays.
        """
        by_project: dict[str, list[str]] = {}
        for project, digest in dead:
            by_project.setdefault(project, []).append(digest)
        now = self._held(tx.connection)
        fresh = (now.trees - held.trees) | (now.digests - held.digests)
        if any(not fresh.isdisjoint(digests) for digests in by_project.values()):
            return
        for project, digests in by_project.items():
            for start in range(0, len(digests), CHUNK):
                some = digests[start : start + CHUNK]
                old = sa.and_(objects.c.project_id == project, objects.c.created_at < cutoff)
                tx.execute(objects.delete().where(old, objects.c.digest.in_(some)))


def _old_checkouts(home: Path, before: float) -> list[Path]:
    """Trees that were laid out and last used before a time, and links that lead nowhere."""
    return [
        path
        for path in home.glob("projects/*/checkouts/*")
        if (
            not path.exists() if path.is_symlink() else is_digest(path.name) and path.stat().st_mtime < before
        )
    ]


def _inputs(item: Active) -> Iterable[Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = item.spec.get("inputs", {})
    return found.values()


def _owned_digests(connection: Connection) -> set[str]:
    return set(connection.execute(sa.select(objects.c.digest).distinct()).scalars())


def _older(connection: Connection, cutoffs: dict[str, datetime], cutoff: datetime) -> list[Owned]:
    """What projects have that is older than their cutoff."""
    rows = connection.execute(sa.select(objects).where(objects.c.created_at < cutoff))
    return [
        (row.project_id, row.digest) for row in rows if row.created_at < cutoffs.get(row.project_id, cutoff)
    ]
