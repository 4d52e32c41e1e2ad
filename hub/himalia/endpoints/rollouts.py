"""Makes what runs, and what the gateway knows, follow what is written down of endpoints.

Everything here can be done again: after a restart of the service, the rows say what is left to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.database import Database, Transaction, storable
from himalia.core.errors import HimaliaError
from himalia.core.live import Exchange
from himalia.endpoints import read
from himalia.endpoints.plan import Plan, plan, shares
from himalia.endpoints.published import Published
from himalia.endpoints.service import tell
from himalia.endpoints.sources import Sources
from himalia.endpoints.tables import endpoint_revisions, endpoints
from himalia.engine.board import Active
from himalia.engine.changes import Change
from himalia.engine.logs import LogFiles
from himalia.engine.service import Engine
from himalia.engine.states import State
from himalia.gateway.client import GatewayAway

log = logging.getLogger(__name__)

DRAIN_S = 30.0
"""How long a revision that is replaced may go on with its requests."""
LOOK_S = 5.0
"""Between two looks at servers that run and have not said that they are ready."""
LIVE_S = 2.0
LAST_BYTES, LAST_CHARACTERS = 4096, 1000
LONGEST_PAUSE_S = 300.0
SETTLED_S = 120.0
"""A server that ran for so long before it failed is started again at once."""
AGAIN_S = 1.0
"""Until what could not be written down is tried again."""

_OF_ENDPOINTS = sa.select(endpoint_revisions, endpoints.c.name, endpoints.c.project_id).join(
    endpoints, endpoints.c.id == endpoint_revisions.c.endpoint_id
)


@dataclass(frozen=True, slots=True)
class _Pause:
    """After an attempt that ended at `ended_at`, the next begins at `due`; `count` are those that failed soon."""

    ended_at: datetime | None
    count: int
    due: float


class Rollouts:
    """One task that settles endpoints whose rows or workloads changed."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        sources: Sources,
        published: Published,
        exchange: Exchange,
        logs: LogFiles,
    ) -> None:
        self.database = database
        self.engine = engine
        self.sources = sources
        self.published = published
        self.gateway = published.gateway
        self.exchange = exchange
        self.logs = logs
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._retiring: set[str] = set()
        self._pauses: dict[str, _Pause] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        engine.on_change("endpoint", self._moved)
        engine.on_progress("endpoint", self._said)

    # What others tell

    def wake(self, endpoint_id: str) -> None:
        """Something of an endpoint changed."""
        self._changed.add(endpoint_id)
        self._wake.set()

    def events(self, committed: list[dict[str, Any]]) -> None:
        """Listen to commits: a project's name is part of addresses."""
        if any(event["kind"].startswith("project.") for event in committed):
            self._wake.set()

    def _moved(self, tx: Transaction, changes: list[Change]) -> None:
        """The engine moved workloads of revisions."""
        query = (
            sa.select(
                endpoint_revisions.c.id,
                endpoint_revisions.c.number,
                endpoint_revisions.c.endpoint_id,
                endpoints.c.name,
            )
            .join(endpoints, endpoints.c.id == endpoint_revisions.c.endpoint_id)
            .where(endpoint_revisions.c.id.in_([change.id for change in changes]))
        )
        found = {row.id: row for row in tx.execute(query)}
        for change in changes:
            row = found[change.id]
            data = {
                "revision": row.number,
                "revision_state": change.state,
                "attempt": change.attempt,
                "reason": change.reason,
                "message": change.message,
            }
            tell(tx, "endpoint.changed", row.endpoint_id, row.name, change.project_id, None, data)
            tx.after_commit(partial(self.wake, row.endpoint_id))

    def _said(self, active: Active, data: Mapping[str, Any]) -> None:
        if data.get("ready") is True:
            self._spawn(self._ready(active.id, active.attempt))
        elif active.state == State.STARTING:
            self._spawn(self._waits(active.id, data.get("message")))

    async def _waits(self, revision: str, words: str | None) -> None:
        """Tell whoever listens what a revision waits for that cannot begin, or that it no longer does."""

        def work(tx: Transaction) -> None:
            row = tx.execute(_OF_ENDPOINTS.where(endpoint_revisions.c.id == revision)).first()
            if row is not None:
                told = {"revision": row.number, "message": words}
                tell(tx, "endpoint.changed", row.endpoint_id, row.name, row.project_id, None, told)

        await self.database.write(work)

    async def _ready(self, revision: str, attempt: int) -> None:
        """Write down that an attempt's server answers, and once, which packages it runs with."""
        packages = await self.database.read(partial(self.sources.installed, revision=revision))

        def work(tx: Transaction) -> None:
            row = tx.execute(_OF_ENDPOINTS.where(endpoint_revisions.c.id == revision)).first()
            if row is None or row.ready_attempt >= attempt:
                return
            values: dict[str, Any] = {"ready_attempt": attempt}
            if packages is not None and row.source.get("packages") is None:
                values["source"] = {**row.source, "packages": packages}
            tx.execute(endpoint_revisions.update().where(endpoint_revisions.c.id == revision).values(values))
            # One that was started again takes over from nobody: without this, its endpoint stays unavailable
            # to whoever listens.
            told = {"revision": row.number, "attempt": attempt, "ready": True}
            tell(tx, "endpoint.changed", row.endpoint_id, row.name, row.project_id, None, told)
            tx.after_commit(lambda: self.wake(row.endpoint_id))

        await self.database.write(work)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A step of a rollout failed: %s", error, exc_info=error)

    # Settling

    async def run(self) -> None:
        """Settle all, then whatever changes."""
        self._loop = asyncio.get_running_loop()
        for one in await self.database.read(_unsettled):
            self.wake(one)
        self._wake.set()
        self._spawn(self._show_live())
        self._spawn(self._look_on())
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = self._changed, set()
            try:
                await self._settle(changed)
            except (HimaliaError, OSError) as error:
                log.warning("Endpoints could not be settled, which is tried again: %s", error)
                self._changed |= changed
                self._loop.call_later(AGAIN_S, self._wake.set)

    async def close(self) -> None:
        """Let go of what is under way; the next service goes on with it."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.gateway.close()

    async def _settle(self, changed: set[str]) -> None:
        plans = {one: await self._stepped(one) for one in changed}
        if not await self.published.write():
            self._loop.call_later(AGAIN_S, self._wake.set)
        for endpoint_id, found in plans.items():
            if found.failed:
                await self._give_up(endpoint_id)
            for revision in found.retire:
                if revision not in self._retiring:
                    self._retiring.add(revision)
                    self._spawn(self._retire(revision, endpoint_id))

    async def _stepped(self, endpoint_id: str) -> Plan:
        try:
            return await self.database.write(partial(self._step, endpoint_id=endpoint_id))
        except HimaliaError:
            raise  # of the database, which all need
        except Exception:
            log.exception("The endpoint %s could not be settled", endpoint_id)
            self._later(LONGEST_PAUSE_S, endpoint_id)
            return Plan()

    def _step(self, tx: Transaction, endpoint_id: str) -> Plan:
        """Do what is to be done now, and answer what is left."""
        found = _load(tx.connection, endpoint_id)
        if found is None:
            return Plan()
        endpoint, revisions = found
        todo = plan(endpoint, revisions)
        if todo.promote:
            self._promote(tx, endpoint, revisions)
        for one in revisions:
            if one.id in todo.start and (one.id == endpoint.next_id or self._may_start(one)):
                self._start(tx, endpoint, revisions, one)
        if not (todo.promote or todo.start):
            return todo
        endpoint, revisions = _load(tx.connection, endpoint_id) or found
        return plan(endpoint, revisions)

    def _start(self, tx: Transaction, endpoint: Any, revisions: Sequence[Any], one: Any) -> None:
        """Run an ended revision again, or say why it cannot be: its environment was removed, for one."""
        try:
            self.sources.start(tx, self.engine, one, endpoint.project_id)
        except HimaliaError as error:  # nothing was written
            if one.id == endpoint.next_id:
                _write_failure(tx, endpoint, revisions, error.message)
                return
            log.warning("Revision %s could not be started again: %s", one.id, error)
            words = storable(f"Revision {one.number} could not be started again: {error.message}", 2000)
            tx.execute(endpoints.update().where(endpoints.c.id == endpoint.id).values(message=words))
            pause = self._pauses[one.id]
            self._pauses[one.id] = replace(pause, due=clock.monotonic() + LONGEST_PAUSE_S)
            self._later(LONGEST_PAUSE_S, endpoint.id)

    async def _give_up(self, endpoint_id: str) -> None:
        """The revision that was to take over did not start, and its log says why: who served before goes on."""
        found = await self.database.read(partial(_load, endpoint_id=endpoint_id))
        if found is None:
            return
        endpoint, revisions = found
        coming = next((one for one in revisions if one.id == endpoint.next_id), None)
        why = self._last_words(coming) if coming is not None else ""

        def work(tx: Transaction) -> None:
            now = _load(tx.connection, endpoint_id)
            if now is not None and now[0].next_id == endpoint.next_id and plan(*now).failed:
                _write_failure(tx, *now, why)

        await self.database.write(work)

    def _last_words(self, revision: Any) -> str:
        name = f"{revision.id}-{revision.attempt}"
        end = self.logs.read(name, max(0, self.logs.size(name) - LAST_BYTES))
        return end.decode(errors="replace").strip().rpartition("\n")[2][:LAST_CHARACTERS]

    def _may_start(self, revision: Any) -> bool:
        """Whether a server that failed is started again now; later and later when it fails again soon."""
        now = clock.monotonic()
        pause = self._pauses.get(revision.id)
        if pause is None or pause.ended_at != revision.ended_at:  # it is the first look at this end
            count = 0 if pause is None or now - pause.due > SETTLED_S else pause.count + 1
            due = now + min(LONGEST_PAUSE_S, 2.0 ** (count - 1)) if count else now
            pause = self._pauses[revision.id] = _Pause(revision.ended_at, count, due)
        if now < pause.due:
            self._later(pause.due - now, revision.endpoint_id)
            return False
        return True

    def _later(self, seconds: float, endpoint_id: str) -> None:
        """Look at an endpoint again; may be called from the thread that writes."""
        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, self.wake, endpoint_id)

    @staticmethod
    def _promote(tx: Transaction, endpoint: Any, revisions: Sequence[Any]) -> None:
        weights = shares(revisions, endpoint.next_id, endpoint.next_weight)
        for revision, weight in weights.items():
            values: dict[str, Any] = {"weight": weight}
            if revision == endpoint.next_id:
                values["served_at"] = clock.now()
            tx.execute(endpoint_revisions.update().where(endpoint_revisions.c.id == revision).values(values))
        values = {"next_id": None, "message": None, "updated_at": clock.now()}
        tx.execute(endpoints.update().where(endpoints.c.id == endpoint.id).values(values))
        number = next(one.number for one in revisions if one.id == endpoint.next_id)
        data = {"state": "READY", "revision": number}
        tell(tx, "endpoint.changed", endpoint.id, endpoint.name, endpoint.project_id, None, data)

    async def _retire(self, revision: str, endpoint_id: str) -> None:
        """Stop a revision once its requests are over."""
        try:
            try:
                left = await self.gateway.drained(revision, DRAIN_S)
                if left:
                    log.warning("Revision %s is stopped with %d requests under way.", revision, left)
            except GatewayAway:
                log.info("Revision %s is stopped while there is no gateway.", revision)
            await self.database.write(lambda tx: self._stop(tx, revision))
        except HimaliaError as error:
            log.warning("Revision %s could not be stopped, which is tried again: %s", revision, error)
            self._later(AGAIN_S, endpoint_id)
        finally:
            self._retiring.discard(revision)

    def _stop(self, tx: Transaction, revision: str) -> None:
        query = sa.select(endpoint_revisions.c.endpoint_id).where(endpoint_revisions.c.id == revision)
        endpoint_id = tx.execute(query).scalar()
        found = _load(tx.connection, endpoint_id) if endpoint_id else None
        # Meanwhile somebody may have returned to it.
        if found is not None and revision in plan(*found).retire:
            self.engine.stop(tx, revision)

    async def _look_on(self) -> None:
        """Ask servers that run and did not say so whether they are ready.

        What one said may be lost: with a service that was killed, or where it could not be written down.
        """
        while True:
            try:
                late = await self.database.read(_not_ready)
                await asyncio.gather(*(self._look(revision, attempt) for revision, attempt in late))
            except (HimaliaError, OSError) as error:
                log.warning("Endpoints could not be looked at, which is tried again: %s", error)
            await asyncio.sleep(LOOK_S)

    async def _look(self, revision: str, attempt: int) -> None:
        try:
            status, _ = await self.gateway.ask(revision, "/v2/health/ready")
        except GatewayAway:
            return
        if status == 200:
            await self._ready(revision, attempt)

    async def _show_live(self) -> None:
        """Send figures to those who look at an endpoint."""
        while True:
            await asyncio.sleep(LIVE_S)
            for topic in self.exchange.topics("endpoint:"):
                try:
                    shown = await self.gateway.series(topic.removeprefix("endpoint:"))
                except GatewayAway:
                    continue
                self.exchange.publish(topic, lambda shown=shown: {"type": "metrics", "data": shown})  # type: ignore[misc]


def _load(connection: Connection, endpoint_id: str) -> tuple[Any, list[Any]] | None:
    row = connection.execute(sa.select(endpoints).where(endpoints.c.id == endpoint_id)).first()
    return None if row is None else (row, read.revisions_of(connection, [endpoint_id])[endpoint_id])


def _unsettled(connection: Connection) -> list[str]:
    """Endpoints that a new service looks at: all that are there or still run."""
    return list(connection.execute(sa.select(endpoints.c.id)).scalars())


def _not_ready(connection: Connection) -> list[tuple[str, int]]:
    running = read.running(connection)
    return [(one.id, one.attempt) for one in running if one.ready_attempt < one.attempt]


def _write_failure(tx: Transaction, endpoint: Any, revisions: Sequence[Any], why: str) -> None:
    coming = next(one for one in revisions if one.id == endpoint.next_id)
    serving = sorted(one.number for one in revisions if one.weight > 0)
    words = f"Revision {coming.number} did not start: {why or coming.message or 'its server ended.'}"
    if serving:
        words += f" Revision {', '.join(map(str, serving))} goes on."
    words = storable(words, 2000)
    values = {"next_id": None, "message": words, "updated_at": clock.now()}
    tx.execute(endpoints.update().where(endpoints.c.id == endpoint.id).values(values))
    data = {"revision": coming.number, "message": words}
    tell(tx, "endpoint.changed", endpoint.id, endpoint.name, endpoint.project_id, None, data)
