"""The only code that changes endpoints and their revisions; `rollouts` carries out what it writes down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock, events, links
from himalia.core.access import Access
from himalia.core.changing import deleted_one, refuse_stale
from himalia.core.database import Database, Transaction
from himalia.core.errors import InUse, Invalid, NameInUse, NoCapacity, NotFound, WrongState
from himalia.core.idempotency import once
from himalia.core.ids import new_id, numbered, slug
from himalia.endpoints import read
from himalia.endpoints.plan import is_ready
from himalia.endpoints.read import Shower, find, is_taken, revisions_of
from himalia.endpoints.schema import (
    Endpoint,
    EndpointCreate,
    EndpointUpdate,
    RevisionCreate,
    RevisionSpec,
    Rollback,
    Traffic,
)
from himalia.endpoints.sources import Source, Sources
from himalia.endpoints.tables import endpoint_revisions, endpoint_tokens, endpoints
from himalia.engine import queue
from himalia.engine.forget import forget
from himalia.engine.resources import Resources
from himalia.engine.service import Engine, WorkloadSpec
from himalia.engine.states import ENDED, State
from himalia.jobs.service import Chosen
from himalia.models import read as models_read
from himalia.overlays.service import Base
from himalia.projects.service import check_may_run

PURGE_AT_ONCE = 20


class Choose(Protocol):
    """Finds the resources of a profile for a person's endpoint; raises Invalid."""

    def __call__(self, spec: RevisionSpec, groups: tuple[str, ...]) -> Chosen: ...


@dataclass(frozen=True, slots=True)
class _Made:
    """A revision to be written down."""

    spec: RevisionSpec
    chosen: Chosen
    source: Source
    person: str


class Endpoints:
    """Deploy, update, roll back, stop, start, share traffic."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        sources: Sources,
        choose: Choose,
        check_disk: Callable[[], None],
        shower: Shower,
        retention_days: int = 30,
    ) -> None:
        self.database = database
        self.engine = engine
        self.sources = sources
        self.choose = choose
        self.check_disk = check_disk
        self.shower = shower
        self.retention_days = retention_days
        self.wake: Callable[[str], None] = lambda _: None

    # Deploying

    async def create(
        self, access: Access, body: EndpointCreate, key: str | None = None, mark: str = ""
    ) -> tuple[Endpoint, bool]:
        """Deploy a model at a new address; (endpoint, whether it is new). Raises Invalid, NameInUse, DiskFull."""
        made = await self._prepared(access, body.spec)
        project_id = access.in_project["id"]

        def make(tx: Transaction) -> str:
            check_may_run(tx, access)
            name = self._free_name(tx, project_id, body.name, made)
            now, endpoint_id = clock.now(), new_id()
            row = {
                "id": endpoint_id,
                "project_id": project_id,
                "name": name,
                "labels": body.labels,
                "is_wanted": True,
                "next_id": None,
                "next_attempt": 1,
                "next_weight": 100,
                "message": None,
                "version": 1,
                "created_at": now,
                "created_by": made.person,
                "updated_at": now,
                "deleted_at": None,
            }
            tx.execute(endpoints.insert(), row)
            revision = self._insert(tx, row, 1, name, made)
            tx.execute(endpoints.update().where(endpoints.c.id == endpoint_id).values(next_id=revision))
            tell(tx, "endpoint.created", row["id"], name, project_id, made.person, {"state": "STARTING"})
            tx.after_commit(lambda: self.wake(endpoint_id))
            return endpoint_id

        def work(tx: Transaction) -> tuple[str, bool]:
            return once(tx, made.person, key, mark, lambda: make(tx))

        endpoint_id, is_new = await self.database.write(work)
        return await self.shown(access, endpoint_id), is_new

    async def add_revision(self, access: Access, name: str, body: RevisionCreate) -> Endpoint:
        """Serve something else from now on, without a failed request. Raises NoCapacity where it does not fit."""
        made = await self._prepared(access, body.spec)

        def change(tx: Transaction, row: Any, revisions: Sequence[Any]) -> dict[str, Any]:
            check_may_run(tx, access)
            number = revisions[-1].number + 1
            if not body.replace:
                self._refuse_without_room(row, revisions, made.chosen.reserve, made.spec.profile, number)
            served_as = revisions[0].source["served_as"]
            revision = self._insert(tx, row._asdict(), number, served_as, made)
            if body.replace:
                self._give_nothing(tx, row)
            return {"next_id": revision, "next_attempt": 1, "next_weight": body.weight, "is_wanted": True}

        return await self._change(access, name, change)

    async def rollback(self, access: Access, name: str, body: Rollback) -> Endpoint:
        """Return to an earlier revision, without a failed request; an update that is under way is given up.

        Raises NotFound, WrongState, NoCapacity.
        """

        def change(tx: Transaction, row: Any, revisions: Sequence[Any]) -> dict[str, Any]:
            if body.revision is None and row.next_id and any(one.weight for one in revisions):
                return {"next_id": None}
            target = _target(revisions, body.revision)
            ended = target.state in ENDED
            if ended and not body.replace:
                reserve = Resources.from_json(target.reserve)
                self._refuse_without_room(row, revisions, reserve, target.spec["profile"], target.number)
            if body.replace:
                self._give_nothing(tx, row)
            if ended:
                self.sources.start(tx, self.engine, target, row.project_id, access.person)
            attempt = target.attempt if not ended and target.state != "STOPPING" else target.attempt + 1
            return {
                "next_id": target.id,
                "next_attempt": attempt,
                "next_weight": 100,
                "is_wanted": True,
            }

        return await self._change(access, name, change)

    async def _prepared(self, access: Access, spec: RevisionSpec) -> _Made:
        self.check_disk()
        person = access.person
        project_id = access.in_project["id"]
        source = await self.database.read(lambda c: self.sources.find(c, project_id, spec))
        if spec.environment is None and source.environment is not None:
            spec = spec.model_copy(update={"environment": source.environment})
        chosen = self.choose(spec, person.groups)
        self.engine.check(chosen.reserve, chosen.profile)
        source = await asyncio.to_thread(self.sources.completed, source, chosen.environment)
        source = await self.database.read(lambda c: self.sources.known(c, source, chosen.environment))
        if spec.secrets:
            await self.database.read(lambda c: self.sources.check_secrets(c, access, spec.secrets))
        resolved = spec.model_copy(update={"size": chosen.size, "environment": chosen.environment})
        return _Made(resolved, chosen, source, person.id)

    def _insert(self, tx: Transaction, row: Any, number: int, served_as: str, made: _Made) -> str:
        """A revision and its workload, which waits for its turn."""
        revision, project_id, version_id = new_id(), row["project_id"], made.source.version_id
        if version_id is not None and not models_read.has_version(tx.connection, version_id):
            raise Invalid.field("spec.model", "This model version was deleted just now.")
        base = Base(made.person, project_id, made.chosen.environment, made.chosen.profile)
        needed = self.sources.environment(tx, base, made.source)
        tx.execute(
            endpoint_revisions.insert().values(
                id=revision,
                endpoint_id=row["id"],
                number=number,
                spec=made.spec.model_dump(),
                source={**made.source.as_json(), "served_as": served_as},
                weight=0,
                ready_attempt=0,
                served_at=None,
                created_at=clock.now(),
                created_by=made.person,
            )
        )
        self.engine.submit(
            tx,
            WorkloadSpec(
                id=revision,
                kind="endpoint",
                name=f"{row['name']}-{number}",
                project_id=project_id,
                person_id=made.person,
                environment=made.chosen.environment,
                overlay=needed.overlay if needed else None,
                task={
                    "kind": "command",
                    "command": made.source.command(served_as, number),
                    "snapshot": False,
                },
                inputs={"model": {"tree": made.source.files, "path": made.source.path}},
                isolated=True,
                reserve=made.chosen.reserve,
                limit=made.chosen.limit,
                profile=made.chosen.profile,
                variables=made.spec.env,
                secrets=tuple(made.spec.secrets),
                needs_id=needed.task if needed else None,
            ),
        )
        _link(tx, revision, version_id)
        return revision

    @staticmethod
    def _free_name(tx: Transaction, project_id: str, name: str | None, made: _Made) -> str:
        if name is None:
            base, number = slug(made.source.title, "endpoint"), 1
            while is_taken(tx.connection, project_id, numbered(base, number)):
                number += 1
            return numbered(base, number)
        if is_taken(tx.connection, project_id, name):
            raise NameInUse(f"There is an endpoint named {name} already. Choose another name, or give none.")
        return name

    def _refuse_without_room(
        self, row: Any, revisions: Sequence[Any], reserve: Resources, profile: str, number: int
    ) -> None:
        """Raise NoCapacity when a revision cannot start beside those that serve."""
        if not row.is_wanted or not any(one.weight > 0 and one.state not in ENDED for one in revisions):
            return
        machines, allowed = self.engine.machines(), self.engine.board.constraints(profile)
        rooms = queue.free(self.engine.board.held, machines)
        usable = [rooms[one.name] for one in machines if one.takes(reserve, allowed)]
        if not usable or any(reserve.fits(room) for room in usable):
            return
        largest = max(usable, key=lambda room: (room.memory_bytes, room.cpus_m))
        raise NoCapacity(
            f"Revision {number} needs {reserve.words()} beside the present one, and {largest.words()} is free. "
            "Stop something first, or ask for replace: the present one is stopped then, and calls fail until the "
            "new one is ready.",
            needed=reserve.as_json(),
            free=largest.as_json(),
            can_replace=True,
        )

    @staticmethod
    def _give_nothing(tx: Transaction, row: Any) -> None:
        tx.execute(
            endpoint_revisions.update().where(endpoint_revisions.c.endpoint_id == row.id).values(weight=0)
        )

    # Steering

    async def set_traffic(self, access: Access, name: str, body: Traffic) -> Endpoint:
        """Share the requests among revisions that are ready. Raises NotFound, WrongState."""

        def change(tx: Transaction, row: Any, revisions: Sequence[Any]) -> dict[str, Any]:
            by_number = {one.number: one for one in revisions}
            if unknown := sorted(body.weights.keys() - by_number.keys()):
                raise NotFound(f"The endpoint has no revision {unknown[0]}.")
            late = [n for n, weight in body.weights.items() if weight and not is_ready(by_number[n])]
            if late:
                raise WrongState(
                    f"Revision {late[0]} is not ready, so it can answer nothing. Update or roll back to it first."
                )
            for one in revisions:
                weight = body.weights.get(one.number, 0)
                values: dict[str, Any] = {"weight": weight}
                if weight and not one.weight:
                    values["served_at"] = clock.now()
                tx.execute(
                    endpoint_revisions.update().where(endpoint_revisions.c.id == one.id).values(values)
                )
            shared = {one.id for one in revisions if body.weights.get(one.number)}
            return {"next_id": None if row.next_id in shared else row.next_id}

        return await self._change(access, name, change)

    async def stop(self, access: Access, name: str) -> Endpoint:
        """Answer no more; requests that are under way are finished."""

        def change(_tx: Transaction, row: Any, _revisions: Sequence[Any]) -> dict[str, Any]:
            if not row.is_wanted:
                raise WrongState("The endpoint is stopped already.")
            return {"is_wanted": False, "next_id": None, "message": None}

        return await self._change(access, name, change)

    async def start(self, access: Access, name: str) -> Endpoint:
        """Answer again, with the revisions that did before. Raises WrongState when nothing has to be started."""
        self.check_disk()

        def change(tx: Transaction, row: Any, revisions: Sequence[Any]) -> dict[str, Any]:
            serving = [one for one in revisions if one.weight > 0]
            stopped = [one for one in serving if one.state in ENDED]
            if row.is_wanted and (row.next_id or (serving and not stopped)):
                is_ending = any(one.state == State.STOPPING for one in serving)
                raise WrongState(
                    "Its server is still ending. Try again in a moment."
                    if is_ending
                    else "The endpoint runs already, or is being started."
                )
            for one in stopped:
                self.sources.start(tx, self.engine, one, row.project_id, access.person)
            if serving:
                return {"is_wanted": True, "message": None}
            newest = revisions[-1]
            if newest.state in ENDED:
                self.sources.start(tx, self.engine, newest, row.project_id, access.person)
            return {
                "is_wanted": True,
                "message": None,
                "next_id": newest.id,
                "next_attempt": newest.attempt + 1,
                "next_weight": 100,
            }

        return await self._change(access, name, change)

    async def update(self, access: Access, name: str, body: EndpointUpdate, etag: str | None) -> Endpoint:
        """Rename or label an endpoint; its name is part of its address. Raises Stale, NameInUse."""

        def change(tx: Transaction, row: Any, _revisions: Sequence[Any]) -> dict[str, Any]:
            refuse_stale("endpoint", row.version, etag)
            values: dict[str, Any] = {}
            if body.labels is not None:
                values["labels"] = body.labels
            if body.name is not None and body.name != row.name:
                if is_taken(tx.connection, row.project_id, body.name):
                    raise NameInUse(f"There is an endpoint named {body.name} already. Choose another name.")
                values["name"] = body.name
            return values

        return await self._change(access, name, change)

    async def _change(
        self,
        access: Access,
        name: str,
        change: Callable[[Transaction, Any, Sequence[Any]], dict[str, Any]],
    ) -> Endpoint:
        def work(tx: Transaction) -> str:
            row = find(tx.connection, access.in_project["id"], name)
            values = change(tx, row, revisions_of(tx.connection, [row.id])[row.id])
            # What went wrong last time is over once something else is asked for.
            fresh = {"message": None, "version": row.version + 1, "updated_at": clock.now()}
            tx.execute(endpoints.update().where(endpoints.c.id == row.id).values({**fresh, **values}))
            person = access.person.id
            tell(tx, "endpoint.changed", row.id, values.get("name", row.name), row.project_id, person)
            tx.after_commit(lambda: self.wake(row.id))
            return str(row.id)

        return await self.shown(access, await self.database.write(work))

    # Deleting

    async def delete(self, access: Access, name: str, cascade: bool) -> None:
        """Delete an endpoint; one that runs only with `cascade`, which stops it. Its tokens are good no more."""

        def work(tx: Transaction) -> None:
            row = find(tx.connection, access.in_project["id"], name)
            if row.is_wanted and not cascade:
                raise InUse(f"{name} is running. Stop it first, or ask for cascade=true.")
            values = {"deleted_at": clock.now(), "is_wanted": False, "next_id": None}
            tx.execute(endpoints.update().where(endpoints.c.id == row.id).values(values))
            person = access.person.id
            for one in revisions_of(tx.connection, [row.id])[row.id]:
                links.remove_from(tx, f"endpoint:{one.id}")
            tell(tx, "endpoint.deleted", row.id, row.name, row.project_id, person, {"state": "STOPPED"})
            tx.after_commit(lambda: self.wake(row.id))

        await self.database.write(work)

    async def restore(self, access: Access, name: str, new_name: str | None) -> Endpoint:
        """Bring back a deleted endpoint, stopped, by name or id. Raises NotFound, NameInUse."""

        def work(tx: Transaction) -> str:
            query = sa.select(endpoints)
            where = access.in_project["id"], name
            row = deleted_one(tx.connection, query, endpoints, "endpoint", where, self.retention_days)
            wanted = new_name or row.name
            if is_taken(tx.connection, row.project_id, wanted):
                raise NameInUse(f"The name {wanted} has been taken meanwhile. Give another one.")
            values = {"deleted_at": None, "name": wanted, "updated_at": clock.now()}
            tx.execute(endpoints.update().where(endpoints.c.id == row.id).values(values))
            person = access.person.id
            for one in revisions_of(tx.connection, [row.id])[row.id]:
                _link(tx, one.id, one.source.get("version_id"))
            tell(tx, "endpoint.restored", row.id, wanted, row.project_id, person, {"state": "STOPPED"})
            return str(row.id)

        return await self.shown(access, await self.database.write(work))

    def purge(self, tx: Transaction) -> int:
        """Remove deleted endpoints that can no longer be restored, for good; some at a time: how many."""
        before = clock.now() - timedelta(days=self.retention_days)
        query = sa.select(endpoints.c.id).where(endpoints.c.deleted_at < before).limit(PURGE_AT_ONCE)
        ids = list(tx.execute(query).scalars())
        revisions = [one for some in revisions_of(tx.connection, ids).values() for one in some]
        busy = {one.endpoint_id for one in revisions if one.state not in ENDED}
        gone = [one for one in ids if one not in busy]
        dead = [one.id for one in revisions if one.endpoint_id not in busy]
        if gone:
            tx.execute(endpoint_tokens.delete().where(endpoint_tokens.c.endpoint_id.in_(gone)))
            tx.execute(endpoint_revisions.delete().where(endpoint_revisions.c.endpoint_id.in_(gone)))
            tx.execute(endpoints.delete().where(endpoints.c.id.in_(gone)))
            links.forget(tx, [f"endpoint:{one}" for one in dead])
            forget(tx, dead)
        return len(gone)

    def project_deleted(self, tx: Transaction, project_id: str, cascade: bool) -> None:
        """Hook: a project with endpoints that run is deleted only with `cascade`, which stops them."""
        query = sa.select(endpoints.c.id, endpoints.c.name).where(
            endpoints.c.project_id == project_id,
            endpoints.c.is_wanted,
            endpoints.c.deleted_at.is_(None),
        )
        running = list(tx.execute(query))
        if running and not cascade:
            raise InUse(
                f"{len(running)} endpoint(s) of this project are running. Stop them, or use cascade=true."
            )
        for row in running:
            values = {"is_wanted": False, "next_id": None}
            tx.execute(endpoints.update().where(endpoints.c.id == row.id).values(values))
            tx.after_commit(lambda row=row: self.wake(row.id))  # type: ignore[misc]

    def project_purged(self, tx: Transaction, project: dict[str, Any]) -> None:
        """Hook: the endpoints of a project whose time is over were deleted with it."""
        left = sa.and_(endpoints.c.project_id == project["id"], endpoints.c.deleted_at.is_(None))
        ids = list(tx.execute(sa.select(endpoints.c.id).where(left)).scalars())
        tx.execute(endpoints.update().where(left).values(deleted_at=project["deleted_at"], is_wanted=False))
        tx.after_commit(lambda: [self.wake(one) for one in ids])

    # Finding

    async def get(self, access: Access, name: str) -> Endpoint:
        """One endpoint. Raises NotFound."""
        project = access.in_project
        row = await self.database.read(lambda c: find(c, project["id"], name))
        return await self.shown(access, row.id)

    async def shown(self, access: Access, endpoint_id: str) -> Endpoint:
        """An endpoint of the caller's project, by its id."""
        project = access.in_project["name"]

        def work(connection: Connection) -> Endpoint:
            return self.shower.show(connection, [read.by_id(connection, endpoint_id)], project)[0]

        return await self.database.read(work)


def _link(tx: Transaction, revision: str, version_id: str | None) -> None:
    """A model version that is served cannot be deleted; one that was deleted is served from the revision's files."""
    if version_id is not None and models_read.has_version(tx.connection, version_id):
        links.add(tx, f"endpoint:{revision}", models_read.end(version_id), "serves")


def _target(revisions: Sequence[Any], number: int | None) -> Any:
    """The revision to return to. Raises NotFound, WrongState."""
    if number is not None:
        found = next((one for one in revisions if one.number == number), None)
        if found is None:
            raise NotFound(f"The endpoint has no revision {number}.")
        if found.weight == 100:
            raise WrongState(f"Revision {number} is the one that serves.")
        return found
    served = [one for one in revisions if one.served_at is not None and not one.weight]
    if not served:
        raise WrongState("No other revision has served before, so there is none to return to.")
    return max(served, key=lambda one: one.served_at)


def tell(
    tx: Transaction,
    kind: str,
    endpoint_id: str,
    name: str,
    project_id: str,
    person: str | None,
    data: dict[str, Any] | None = None,
) -> None:
    """Record an event of an endpoint."""
    subject = ("endpoint", endpoint_id, name)
    events.emit(tx, kind, subject=subject, project=project_id, person=person, data=data)
