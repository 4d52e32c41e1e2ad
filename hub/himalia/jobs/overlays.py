"""Environments made from a requirements.txt beside the code: planned here, built by a `task` workload."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.errors import Invalid, Unavailable
from himalia.core.ids import new_id
from himalia.core.people import Person
from himalia.engine.backends.base import Account
from himalia.engine.backends.local.folders import Folders
from himalia.engine.resources import Resources
from himalia.engine.service import Engine, WorkloadSpec
from himalia.engine.states import ENDED
from himalia.engine.tables import workloads
from himalia.environments.overlay import RequirementsError, build_command, is_ready, overlay_digest
from himalia.jobs.service import Needed

BUILD = Resources.of(1, 2**30)
BUILD_LIMIT_S = 3600.0


class Numbering(Protocol):
    """Gives a person's account on this machine."""

    def account(self, person: Person) -> Account: ...


class Overlays:
    """One overlay per person, base environment and content of the requirements; never across people."""

    def __init__(self, home: Path, folders: Folders, engine: Engine, identities: Numbering) -> None:
        self.home = home
        self.folders = folders
        self.engine = engine
        self.identities = identities

    def __call__(
        self,
        connection: Connection,
        person_id: str,
        project_id: str,
        environment: str,
        requirements: bytes,
    ) -> Needed:
        """The overlay's digest, and the task that builds it unless it is there or being built.

        Raises Invalid for a requirements.txt that cannot be used.
        """
        person = people.get(connection, person_id)
        if person is None:
            raise Unavailable("This person is gone.")
        account = self.identities.account(person)
        base = self.folders.environment(environment)
        digest = overlay_digest(requirements, base)
        if is_ready(self.folders.overlay(account, digest)):
            return Needed(digest, None, None)
        building = self._building(connection, person_id, digest)
        if building is not None:
            return Needed(digest, building, None)
        try:
            command = build_command(base, self.folders.overlay(account, digest), requirements)
        except RequirementsError as error:
            raise Invalid.field("spec.requirements", str(error)) from error
        task: Mapping[str, Any] = {"kind": "command", "command": command, "snapshot": False}
        spec = WorkloadSpec(
            id=new_id(),
            kind="task",
            name=f"environment-{digest[:8]}",
            project_id=project_id,
            person_id=person_id,
            environment=environment,
            overlay=digest,
            task=task,
            reserve=BUILD,
            limit=Resources.of(1, 4 * 2**30),
            time_limit_s=BUILD_LIMIT_S,
            max_restarts=1,
        )
        return Needed(digest, spec.id, spec)

    @staticmethod
    def _building(connection: Connection, person_id: str, digest: str) -> str | None:
        query = sa.select(workloads.c.id, workloads.c.spec).where(
            workloads.c.kind == "task",
            workloads.c.person_id == person_id,
            workloads.c.state.notin_(list(ENDED)),
        )
        for row in connection.execute(query):
            if row.spec["overlay"] == digest:
                return str(row.id)
        return None
