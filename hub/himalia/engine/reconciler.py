"""One task that makes the world follow the database, and the database follow the world.

It is woken by commits and by the backend's stream; nothing here polls but the watch for lost attempts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from himalia.core import clock
from himalia.core.database import Database, Transaction
from himalia.core.errors import HimaliaError, WrongState
from himalia.engine import queue, records
from himalia.engine.backends.base import (
    Backend,
    Batch,
    Ended,
    Launch,
    LogPiece,
    Metrics,
    Progress,
    Report,
    Seen,
    Started,
)
from himalia.engine.board import Active, Board
from himalia.engine.logs import LogFiles
from himalia.engine.service import Engine, from_row, load_active
from himalia.engine.states import HOLDING, Next, Outcome, State, settle

log = logging.getLogger(__name__)

WATCH_S = 5.0
UNMANAGED = frozenset({"server"})
"""Kinds that others start and stop; the engine only counts them."""

Publish = Callable[[Active, Report], None]


class Reconciler:
    """Starts what the queue chose, stops what should stop, records what was reported."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        backend: Backend,
        logs: LogFiles,
        launch: Callable[[Active], Awaitable[Launch]],
        publish: Publish,
        *,
        stop_grace_s: float = 10.0,
        lost_after_s: float = 10.0,
    ) -> None:
        self.database = database
        self.engine = engine
        self.board: Board = engine.board
        self.backend = backend
        self.logs = logs
        self.launch = launch
        self.publish = publish
        self.stop_grace_s = stop_grace_s
        self.lost_after_s = lost_after_s
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False
        engine.wake = self._wake.set

    async def start(self) -> None:
        """Load what was active, find what still runs, and begin."""
        for row in await self.database.read(load_active):
            self.board.put(from_row(row, self.board.next_number()))
        managed = [item for item in self.board.active.values() if self._manages(item)]
        await self.backend.open([item.known() for item in managed])
        for item in managed:
            if item.state == State.STARTING:
                self._spawn(self._launch(item))
        for loop in (self._decide(), self._listen(), self._watch()):
            self._spawn(loop)
        self._wake.set()

    async def close(self) -> None:
        """Stop deciding; what runs, runs on."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.backend.close()

    async def stop_all(self, timeout_s: float) -> None:
        """End every managed workload with the reason "platform stopped", so that all start again later."""
        self._closing = True
        running = [item for item in self.board.active.values() if self._manages(item)]
        for item in running:
            self.backend.stop(item.attempt_name, self.stop_grace_s, "platform_stopped")
        deadline = clock.monotonic() + timeout_s
        while any(self._manages(item) for item in self.board.active.values()):
            if clock.monotonic() > deadline:
                log.warning("Some workloads did not end in time; they are found again at the next start.")
                return
            await asyncio.sleep(0.05)

    def _manages(self, item: Active) -> bool:
        return item.state in HOLDING and item.kind not in UNMANAGED

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("The reconciler failed: %s", error, exc_info=error)

    # Deciding

    async def _decide(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                self._place()
                self._stop_asked()
            except Exception:
                log.exception("A decision failed; the next change tries again.")

    def _place(self) -> None:
        if self._closing or not self.board.shapes:
            return
        placements = queue.plan(
            self.board.waiting(),
            list(self.board.holding.values()),
            self.backend.machines(),
            set(self.board.shapes),
        )
        if not placements:
            return
        chosen = []
        for placement in placements:
            item = self.board.active[placement.id]
            item.attempt += 1
            item.machine, item.devices = placement.machine, placement.devices
            item.reason = item.message = item.progress = None
            item.stop_asked = False
            self.board.move(item, State.STARTING)
            chosen.append((item, placement))
        self._spawn(self._start(chosen))

    async def _start(self, chosen: list[tuple[Active, queue.Placement]]) -> None:
        try:
            await self.database.write(lambda tx: records.starting(tx, chosen, self.engine.tell))
        except WrongState:
            if len(chosen) > 1:
                await asyncio.gather(*(self._start([one]) for one in chosen))
            else:
                self._forget_if_not_there(chosen[0][0])
            return
        except HimaliaError as error:
            log.warning("Starting %d workloads was not recorded: %s", len(chosen), error)
            for item, _ in chosen:
                item.attempt -= 1
                self.board.move(item, State.QUEUED)
            asyncio.get_running_loop().call_later(1.0, self._wake.set)
            return
        await asyncio.gather(*(self._launch(item) for item, _ in chosen))

    def _forget_if_not_there(self, item: Active) -> None:
        """The row was changed while we chose it: a stop came first, and has taken it off the board."""
        if self.board.active.get(item.id) is item:
            self.board.remove(item.id)

    async def _launch(self, item: Active) -> None:
        try:
            launch = await self.launch(item)
        except HimaliaError as error:
            await self._record([Ended(item.attempt_name, "start_failed", error.message)])
            return
        # Its report may have come meanwhile; what has ended must not be started again.
        if self.board.of_attempt(launch.name) is item and item.state == State.STARTING:
            self.backend.start(launch)

    def _stop_asked(self) -> None:
        for item in self.board.stopping.values():
            if not item.stop_asked and item.kind not in UNMANAGED:
                item.stop_asked = True
                self.backend.stop(item.attempt_name, self.stop_grace_s, item.reason or "stopped_by_user")

    # Listening

    async def _listen(self) -> None:
        async for batch in self.backend.changes():
            self._spawn(self._take(batch))

    async def _take(self, batch: Batch) -> None:
        while True:
            try:
                await self._record(batch.reports)
            except WrongState:
                await asyncio.sleep(0.02)  # a stop came first; the board knows of it by now
                continue
            except HimaliaError as error:
                log.warning("Reports were not stored yet: %s", error)
                await asyncio.sleep(1.0)
                continue
            except Exception:
                log.exception("Reports could not be stored together; each is tried by itself.")
                await self._record_singly(batch)
            batch.durable()
            return

    async def _record_singly(self, batch: Batch) -> None:
        """One report that cannot be stored must not keep the others."""
        for report in batch.reports:
            try:
                await self._record([report])
            except Exception:
                log.exception("A report of %s was dropped.", report.name)

    async def _record(self, reports: Any) -> None:
        """Store reports of present attempts; those of old ones are dropped."""
        started: list[tuple[Active, Started]] = []
        ended: list[tuple[Active, Ended, Next]] = []
        points: list[tuple[Active, Metrics]] = []
        for report in reports:
            item = self.board.of_attempt(report.name)
            if item is None or item.kind in UNMANAGED:
                continue
            if isinstance(report, Started):
                if item.state == State.STARTING:
                    started.append((item, report))
                    item.started_at = clock.from_epoch(report.at)
                    self.board.move(item, State.RUNNING)
            elif isinstance(report, Ended):
                if item.state in HOLDING and not any(other is item for other, _, _ in ended):
                    ended.append((item, report, self._settle(item, report)))
            else:
                self._take_passing(item, report, points)
        if started or ended or points:
            await self._write(started, ended, points)

    def _take_passing(self, item: Active, report: Report, points: list[tuple[Active, Metrics]]) -> None:
        if isinstance(report, LogPiece):
            self.logs.write(report.name, report.offset, report.text.encode())
        elif isinstance(report, Progress):
            item.progress = dict(report.data)
        elif isinstance(report, Metrics):
            points.append((item, report))
        self.publish(item, report)

    def _settle(self, item: Active, ended: Ended) -> Next:
        return settle(Outcome(ended.reason, ended.message, ended.exit_code), item.counts)

    async def _write(
        self,
        started: list[tuple[Active, Started]],
        ended: list[tuple[Active, Ended, Next]],
        points: list[tuple[Active, Metrics]],
    ) -> None:
        # What ended frees its room on the board at once, so that the next start is part of the same commit.
        for item, _, _ in ended:
            self.board.holding.pop(item.id, None)
        releases = [(a.id, n.state) for a, _, n in ended if a.kind == "task" and n.state != State.QUEUED]

        def work(tx: Transaction) -> list[str]:
            if started:
                records.started(tx, started, self.engine.tell)
            if points:
                records.measured(tx, points)
            if ended:
                records.ended(tx, ended, self.engine.tell)
            return [one for task, state in releases for one in self.engine.task_ended(tx, task, state)]

        writing = asyncio.ensure_future(self.database.write(work))
        await asyncio.sleep(0)
        if ended:
            self._wake.set()
        try:
            released = await writing
        except Exception:
            self._take_back(started, ended)
            raise
        for item, report, following in ended:
            self._ended(item, report, following)
        self._release(released)

    def _take_back(
        self, started: list[tuple[Active, Started]], ended: list[tuple[Active, Ended, Next]]
    ) -> None:
        """The board as it was before reports that could not be stored."""
        for item, _ in started:
            if item.state == State.RUNNING:
                self.board.move(item, State.STARTING)
        for item, _, _ in ended:
            if self.board.active.get(item.id) is item:
                self.board.put(item)

    def _ended(self, item: Active, ended: Ended, following: Next) -> None:
        if following.state != State.QUEUED:
            self.board.remove(item.id)
            return
        item.restarts, item.tries = following.restarts, following.tries
        item.reason, item.message = ended.reason, ended.message
        item.machine, item.devices, item.gone_since = None, {}, None
        item.queued_at = clock.now()
        self.board.move(item, State.QUEUED)
        self._wake.set()

    def _release(self, workloads: list[str]) -> None:
        """The environments of these are built: they may start."""
        for workload in workloads:
            if (item := self.board.active.get(workload)) is not None:
                item.needs_id = None
        if workloads:
            self._wake.set()

    # Watching

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            await self._find_lost()

    async def _find_lost(self) -> None:
        """An attempt that the backend does not see, and whose report did not come, is lost."""
        items = [item for item in self.board.active.values() if self._manages(item)]
        seen = self.backend.observe([item.attempt_name for item in items])
        now = clock.monotonic()
        lost: list[Report] = []
        for item in items:
            if seen.get(item.attempt_name, Seen.GONE) != Seen.GONE:
                item.gone_since = None
            elif item.gone_since is None:
                item.gone_since = now
            elif now - item.gone_since >= self.lost_after_s:
                lost.append(Ended(item.attempt_name, self._reason_of_loss(item), final=False))
        if lost:
            await self._record(lost)

    @staticmethod
    def _reason_of_loss(item: Active) -> str:
        if item.state == State.STOPPING:
            return item.reason or "stopped_by_user"
        return "lost"
