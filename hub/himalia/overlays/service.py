"""Environments made from a requirements.txt beside the code: planned here, built by a `task` workload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import events, people
from himalia.core.access import Access
from himalia.core.database import Database, Transaction
from himalia.core.errors import Invalid, NotFound, Unavailable
from himalia.core.ids import new_id
from himalia.core.people import Person
from himalia.engine.backends.base import Account
from himalia.engine.board import purpose_of
from himalia.engine.changes import Change
from himalia.engine.folders import Folders
from himalia.engine.resources import Resources
from himalia.engine.service import Engine, WorkloadSpec
from himalia.engine.states import ENDED, State
from himalia.engine.tables import workloads
from himalia.environments.overlay import (
    RequirementsError,
    is_ready,
    last_used,
    mark_used,
    packages,
)
from himalia.environments.places import Environments
from himalia.overlays.schema import Overlay, OverlayCreate

PURPOSE = "overlay"
BUILD = Resources.of(1, 2**30)
BUILD_LIMIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Base:
    """What an overlay adds to, and for whom: an environment, as a profile has it."""

    person_id: str
    project_id: str
    environment: str
    profile: str


@dataclass(frozen=True, slots=True)
class Needed:
    """The overlay that something runs in; `task` builds it still, and has to be submitted when `spec` is given."""

    overlay: str
    task: str | None
    spec: WorkloadSpec | None


class FindProfile(Protocol):
    """Raises Invalid for a profile that the members of `groups` may not use."""

    def __call__(self, name: str, size: str | None, groups: tuple[str, ...]) -> object: ...


class Numbering(Protocol):
    """Gives a person's account on this machine."""

    def account(self, person: Person) -> Account: ...


class Overlays:
    """One overlay per person, base environment and content of the requirements; never across people."""

    def __init__(
        self,
        database: Database,
        folders: Folders,
        environments: Environments,
        engine: Engine,
        identities: Numbering,
        find_profile: FindProfile,
        check_disk: Callable[[], None],
    ) -> None:
        self.database = database
        self.folders = folders
        self.environments = environments
        self.engine = engine
        self.identities = identities
        self.find_profile = find_profile
        self.check_disk = check_disk
        engine.on_change("task", self._changed, PURPOSE)

    # What kernels ask for

    async def create(self, access: Access, body: OverlayCreate) -> Overlay:
        """The caller's overlay of a requirements.txt; its building is begun unless it is there or under way.

        Raises Invalid, DiskFull.
        """
        self.check_disk()
        if body.profile is not None:
            self.find_profile(body.profile, None, access.person.groups)
        base = Base(access.person.id, access.in_project["id"], body.environment, body.profile or "")
        content = body.requirements.encode()

        def work(tx: Transaction) -> Overlay:
            needed = self.plan(tx.connection, base, content)
            if needed.task is None:
                return Overlay(digest=needed.overlay, environment=body.environment, ready=True)
            if needed.spec is not None:
                self.submit(tx, needed.spec)
            return _shown(_row(tx.connection, needed.task))

        return await self.database.write(work)

    async def get(self, access: Access, task: str) -> Overlay:
        """The overlay that a task of the project builds, or has built. Raises NotFound."""
        return await self.database.read(lambda c: _shown(self.find(c, access, task)))

    def find(self, connection: Connection, access: Access, task: str) -> Any:
        """The row of a task of the caller's project. Raises NotFound."""
        row = _row(connection, task)
        if row is None or not _builds(row) or row.project_id != access.in_project["id"]:
            raise NotFound(f"No environment {task} was built in {access.in_project['name']}.")
        return row

    async def stop(self, access: Access, task: str) -> Overlay:
        """End the building; what waits for it fails. Raises WrongState when it has ended."""

        def work(tx: Transaction) -> Overlay:
            self.engine.stop(tx, self.find(tx.connection, access, task).id)
            return _shown(_row(tx.connection, task))

        return await self.database.write(work)

    # What jobs ask for

    def plan(self, connection: Connection, base: Base, requirements: bytes) -> Needed:
        """The overlay's digest, and the task that builds it unless it is there or being built.

        Raises Invalid for a requirements.txt that cannot be used, and for an environment that is not there.
        """
        person = people.get(connection, base.person_id)
        if person is None:
            raise Unavailable("This person is gone.")
        account = self.identities.account(person)
        try:
            digest = self.environments.overlay_digest(base.environment, base.profile, requirements)
        except FileNotFoundError:
            raise Invalid.field("environment", self.environments.missing(base.environment)) from None
        destination = self.folders.overlay(account, digest)
        if is_ready(destination):
            mark_used(destination)
            return Needed(digest, None, None)
        building = self._building(connection, base.person_id, digest)
        if building is not None:
            return Needed(digest, building, None)
        try:
            command = self.environments.build_command(base.environment, destination, requirements)
        except RequirementsError as error:
            raise Invalid.field("spec.requirements", str(error)) from error
        spec = _task(base, digest, command)
        return Needed(digest, spec.id, spec)

    def packages(self, connection: Connection, person_id: str, digest: str) -> list[str] | None:
        """What a finished overlay of a person's holds, each as name==version; None where there is none."""
        person = people.get(connection, person_id)
        if person is None:
            return None
        return packages(self.folders.overlay(self.identities.account(person), digest))

    def submit(self, tx: Transaction, spec: WorkloadSpec) -> None:
        """Begin a building that `plan` found to be needed."""
        self.engine.submit(tx, spec)
        self._tell(tx, spec.id, spec.name, spec.project_id, spec.person_id, State.QUEUED)

    @staticmethod
    def _building(connection: Connection, person_id: str, digest: str) -> str | None:
        query = sa.select(workloads.c.id, workloads.c.kind, workloads.c.spec).where(
            workloads.c.kind == "task",
            workloads.c.person_id == person_id,
            workloads.c.state.notin_([*ENDED, State.STOPPING]),
        )
        for row in connection.execute(query):
            if _builds(row) and row.spec["overlay"] == digest:
                return str(row.id)
        return None

    # Removing

    async def remove_unused(self, before: datetime) -> int:
        """Remove what was not used since `before`, of people for whom nothing runs or waits: how many there were.

        A notebook server's kernels run in overlays that the service knows nothing of.
        """
        old = await asyncio.to_thread(self._unused, before.timestamp())
        # Renamed where overlays are planned, so that none of these is just being given to a job; nobody looks for
        # it under the new name, and what is left of it by a service that is killed is old enough the next time.
        retired = await self.database.write(lambda tx: self._retire(old, before.timestamp()))
        for path in retired:
            await asyncio.to_thread(self.folders.remove, path)
        return len(retired)

    def _unused(self, before: float) -> list[Path]:
        there = self.folders.home.glob("people/*/overlays/*")
        return [path for path in there if last_used(path) < before]

    def _retire(self, paths: list[Path], before: float) -> list[Path]:
        busy = {item.person_id for item in self.engine.board.active.values()}
        retired = []
        for path in paths:
            if path.parent.parent.name not in busy and last_used(path) < before:
                with suppress(OSError):  # the folder is its person's
                    retired.append(path.rename(path.with_name(f".{path.name.strip('.')}.unused")))
        return retired

    # Telling

    def _changed(self, tx: Transaction, changes: list[Change]) -> None:
        for change in changes:
            self._tell(tx, change.id, change.name, change.project_id, change.person_id, change.state)
            if change.state in ENDED and change.state != State.SUCCEEDED:
                # Also where it was ended while it waited: what needs it would wait for ever.
                self.engine.task_ended(tx, change.id, change.state)

    @staticmethod
    def _tell(tx: Transaction, task: str, name: str, project: str, person: str, state: State) -> None:
        subject = ("overlay", task, name)
        events.emit(
            tx, "overlay.changed", subject=subject, project=project, person=person, data={"state": state}
        )


def _task(base: Base, digest: str, command: list[str]) -> WorkloadSpec:
    task: Mapping[str, Any] = {"kind": "command", "command": command, "snapshot": False}
    return WorkloadSpec(
        id=new_id(),
        kind="task",
        purpose=PURPOSE,
        name=f"environment-{digest[:8]}",
        project_id=base.project_id,
        person_id=base.person_id,
        environment=base.environment,
        profile=base.profile,
        overlay=digest,
        task=task,
        reserve=BUILD,
        limit=Resources.of(1, 4 * 2**30),
        time_limit_s=BUILD_LIMIT_S,
        max_restarts=1,
    )


def _builds(row: Any) -> bool:
    return purpose_of(row.kind, row.spec) == PURPOSE


def _row(connection: Connection, task: str) -> Any:
    return connection.execute(sa.select(workloads).where(workloads.c.id == task)).first()


def _shown(row: Any) -> Overlay:
    return Overlay(
        digest=row.spec["overlay"],
        environment=row.spec["environment"],
        ready=row.state == State.SUCCEEDED,
        id=row.id,
        state=row.state,
        reason=row.reason,
        message=row.message,
        attempt=row.attempt,
        queued_at=row.queued_at,
        ended_at=row.ended_at,
    )
