"""The only code that takes and gives back reservations of notebook servers."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from himalia.core import clock, events
from himalia.core.database import Database, Transaction
from himalia.core.errors import HimaliaError, NoCapacity
from himalia.core.identity import Credentials, HubAccounts
from himalia.core.ids import new_id
from himalia.core.people import Person
from himalia.core.permissions import Role
from himalia.engine import queue
from himalia.engine.backends.base import Account, Place
from himalia.engine.backends.local.machine import device_files
from himalia.engine.board import Active
from himalia.engine.changes import Change
from himalia.engine.folders import Folders
from himalia.engine.held import Holding
from himalia.engine.queue import Placement
from himalia.engine.resources import Resources
from himalia.engine.service import Engine, WorkloadSpec
from himalia.engine.states import ENDED
from himalia.profiles.model import Profile, Size
from himalia.projects import service as projects_service
from himalia.servers.catalogue import Catalogue
from himalia.servers.identities import Identities
from himalia.servers.schema import (
    Reservation,
    ReservationCreate,
    ReservedPerson,
    ReservedProject,
)

log = logging.getLogger(__name__)

AGE_CHECK_S = 5.0
"""How often it is looked whether a server has become too old."""


class Completes(Protocol):
    """What makes of a reservation one for a cluster."""

    async def complete(self, reservation: Reservation, profile: Profile, server: str) -> None:
        """Say what its pod is. Raises Unavailable."""


class Servers:
    """Reservations are workloads of kind `server`: counted by the queue, started and stopped by the hub."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        catalogue: Catalogue,
        identities: Identities,
        folders: Folders,
        hub: HubAccounts,
        pods: Completes | None = None,
    ) -> None:
        self.database = database
        self.engine = engine
        self.catalogue = catalogue
        self.identities = identities
        self.folders = folders
        self.hub = hub
        self.pods = pods
        engine.on_change("server", self._changed)

    async def reserve(self, credentials: Credentials, body: ReservationCreate) -> Reservation:
        """Take what a server needs, or raise NoCapacity with the sentence to show; Invalid for a bad profile."""
        account = {"name": body.user, "created": body.user_created or "", "groups": body.groups}
        person = await credentials.person(account)
        profile, size = self.catalogue.find(body.profile, body.size, person.groups)
        self.catalogue.check_ready(profile.environment)
        reserve = self.catalogue.resources(profile, size, "server")[0]
        self.engine.check(reserve, profile.name)
        identifier = new_id()
        placement = self._place(identifier, reserve, profile.name)
        try:
            return await self._start(identifier, placement, body, person, profile, size)
        except BaseException:
            try:
                await self.release(identifier)
            finally:
                if identifier not in self.engine.board.active:
                    self.engine.board.held.pop(identifier)
            raise

    async def _start(
        self,
        identifier: str,
        placement: Placement,
        body: ReservationCreate,
        person: Person,
        profile: Profile,
        size: Size,
    ) -> Reservation:
        reserve, limit = self.catalogue.resources(profile, size, "server")
        own = await self.database.write(lambda tx: projects_service.ensure_personal(tx, person))
        spec = WorkloadSpec(
            id=identifier,
            kind="server",
            name=body.server or body.user,
            project_id=own["id"],
            person_id=person.id,
            environment=profile.environment,
            task={
                "user": body.user,
                "server": body.server,
                "max_age_s": profile.idle.max_age_s,
                "unused_accelerators_s": profile.idle.unused_accelerators_s if reserve.devices else None,
            },
            reserve=reserve,
            limit=limit,
            profile=profile.name,
        )
        await self.database.write(lambda tx: self._store(tx, spec, placement, person))
        try:
            described = await self._describe(identifier, person, own, profile.environment, limit)
        except OSError as error:
            raise NoCapacity(f"The folders of the server could not be made: {error.strerror}.") from error
        described.reserve = reserve.as_json()
        if self.pods is not None:
            await self.pods.complete(described, profile, body.server)
        else:
            described.devices = list(device_files(placement.devices))
        described.idle_timeout_s = profile.idle.timeout_s or 0
        described.env.update(HIMALIA_PROFILE=profile.name, HIMALIA_SIZE=size.name)
        if profile.ssh:
            described.env["HIMALIA_SSH"] = "1"
        return described

    def _place(self, identifier: str, reserve: Resources, profile: str) -> Placement:
        """A place with its devices, held from now on, so that nothing else gets them. Raises NoCapacity."""
        board, machines = self.engine.board, self.engine.machines()
        held, allowed = board.held, board.constraints(profile)
        waiting = queue.Waiting(identifier, reserve, constraints=allowed)
        places = queue.plan([waiting], held, machines, {waiting.shape})
        if not places:
            left = queue.free(held, machines)
            usable = [left[one.name] for one in machines if one.takes(reserve, allowed)]
            most = max(usable, key=lambda room: room.memory_bytes, default=Resources())
            raise NoCapacity(
                f"This size needs {reserve.words()}, and only {most.words()} is free now. "
                "Choose a smaller size, or try again when others have stopped."
            )
        devices = frozenset(device for given in places[0].devices.values() for device in given)
        board.held.put(identifier, [Holding(identifier, reserve, places[0].machine, devices)])
        return places[0]

    def _store(self, tx: Transaction, spec: WorkloadSpec, placement: Placement, person: Person) -> None:
        self.engine.submit(tx, spec, placement)
        subject = ("server", spec.id, spec.name)
        events.emit(tx, "server.started", subject=subject, project=spec.project_id, person=person.id)

    async def release(self, identifier: str) -> None:
        """Give a reservation back; one that is gone is fine."""
        await self.database.write(lambda tx: self.engine.finish(tx, identifier))

    async def _describe(
        self, identifier: str, person: Person, own: dict[str, Any], environment: str, limit: Resources
    ) -> Reservation:
        account = self.identities.account(person)
        roles = await self.database.read(lambda c: self._roles(c, person))
        places = [place for place, role in roles if role >= Role.editor]
        folders = await asyncio.to_thread(self._folders, account, roles)
        return Reservation(
            id=identifier,
            person=ReservedPerson(
                id=person.id,
                uid=account.uid,
                gid=account.gid,
                groups=[place.gid for place in places if place.gid is not None],
            ),
            home=str(folders[0]),
            overlays=str(await asyncio.to_thread(self.folders.overlays, account)),
            projects=folders[1],
            environment=self.catalogue.environment(environment),
            environments=self.catalogue.environments(),
            limit=limit.as_json(),
            devices=[],
            env={"HIMALIA_PROJECT": own["name"], "MLFLOW_WORKSPACE": own["name"]},
        )

    def _roles(self, connection: Connection, person: Person) -> list[tuple[Place, Role]]:
        """The projects that the person is a member of: an editor sees both folders, a viewer the check-outs."""
        return [
            (self.identities.place(row), projects_service.role_of(connection, row["id"], person))
            for row in projects_service.of_person(connection, person)
        ]

    def _folders(
        self, account: Account, roles: list[tuple[Place, Role]]
    ) -> tuple[str, list[ReservedProject]]:
        home = self.folders.person(account)
        projects = [
            ReservedProject(
                id=place.id,
                name=place.name,
                shared=str(self.folders.shared(place)) if role >= Role.editor else None,
                checkouts=str(self.folders.checkouts(place)),
                gid=place.gid if role >= Role.editor else None,
            )
            for place, role in roles
        ]
        return str(home), projects

    @staticmethod
    def _changed(tx: Transaction, changes: list[Change]) -> None:
        for change in changes:
            if change.state in ENDED:
                subject = ("server", change.id, change.name)
                events.emit(tx, "server.stopped", subject=subject, project=change.project_id)

    async def stop_old_forever(self) -> None:
        """Stop servers that have run as long as their profile lets them, in use or not."""
        while True:
            await asyncio.sleep(AGE_CHECK_S)
            active, now = self.engine.board.active.values(), clock.now()
            for one in [one for one in active if _is_too_old(one, now)]:
                log.info("The server of %s has run as long as its profile lets it; it is stopped.", one.name)
                try:
                    await self.hub.stop_server(one.spec["task"]["user"], one.spec["task"]["server"])
                except HimaliaError as error:
                    log.warning("It was not stopped yet: %s", error)

    async def compare_forever(self) -> None:
        """Give back reservations whose server the hub no longer has."""
        while True:
            await asyncio.sleep(self.hub.settings.server_check_s)
            try:
                await self._compare()
            except HimaliaError as error:
                log.warning("Reservations could not be compared with the hub: %s", error)

    async def _compare(self) -> None:
        young = clock.now() - timedelta(seconds=self.hub.settings.server_check_s)
        active = self.engine.board.active.values()
        before: dict[str, list[Active]] = {}
        for one in active:
            if one.kind == "server" and one.created_at < young:
                before.setdefault(one.spec["task"]["user"], []).append(one)
        for user, reservations in before.items():
            held = await self.hub.servers(user)
            for one in reservations:
                if one.spec["task"]["server"] not in held:
                    log.info("The hub has no server for reservation %s; it is given back.", one.id)
                    await self.release(one.id)


def _is_too_old(item: Active, now: datetime) -> bool:
    longest = item.spec["task"].get("max_age_s") if item.kind == "server" else None
    return longest is not None and (now - item.created_at).total_seconds() >= longest
