"""One task that makes the world follow the database, and the database follow the world.

It is woken by commits and by the backend's stream; nothing here polls but the watch for lost attempts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from himalia.core import clock
from himalia.core.database import Database, Transaction
from himalia.core.errors import DiskFull, HimaliaError, Invalid, NotFound, Unavailable, WrongState
from himalia.engine import placing, queue, ranks, records
from himalia.engine.backends.base import (
    WHOLE,
    Admitted,
    Backend,
    Batch,
    Ended,
    Launch,
    LogPiece,
    Metrics,
    Placed,
    Progress,
    Recalled,
    Report,
    Seen,
    Started,
    Waits,
)
from himalia.engine.board import Active, Board
from himalia.engine.groups import PEER_FAILED, Group
from himalia.engine.logs import LogFiles
from himalia.engine.lookahead import RECALL_S, Lookahead
from himalia.engine.news import News
from himalia.engine.resources import Spot
from himalia.engine.service import Engine, from_row, load_active
from himalia.engine.states import HOLDING, UNMANAGED, Next, Outcome, State, settle

log = logging.getLogger(__name__)

WATCH_S = 5.0
UNREADABLE = "What is stored of it cannot be read, so it cannot be started. Submit it anew."
NOT_STORED = "What was told of its end could not be stored."
NOT_LAUNCHED = "Something broke on our side while it was being started. The service's log says what."

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
        owned: records.Owned,
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
        self.owned = owned
        self.board.elsewhere.kinds = backend.queued_kinds
        self.stop_grace_s = stop_grace_s
        self.lost_after_s = lost_after_s
        self._lookahead = Lookahead(self.board, lambda item: backend.lane(item.known()))
        self._recall: asyncio.TimerHandle | None = None
        self._launching: set[str] = set()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False
        engine.wake = self._wake.set
        backend.machines_changed = self._wake.set
        engine.advise = lambda item: backend.advise_stop(item.attempt_name)

    async def start(self) -> None:
        """Load what was active, find what still runs, and begin."""
        told = await self.database.read(ranks.of_active)
        for row in await self.database.read(load_active):
            try:
                item = from_row(row, self.board.next_number())
                ranks.restore(item, told)
                self.board.put(item)
            except (KeyError, TypeError, ValueError) as error:
                await self._give_up(row, error)
        self._lookahead.line_up(self.backend.machines())
        managed = [item for item in self.board.active.values() if self._manages(item)]
        waiting = [replace(item.next_attempt().known(), offered=True) for item in self.board.elsewhere.all()]
        await self.backend.open([*(item.known() for item in managed), *waiting])
        starting = [item for item in managed if item.state == State.STARTING and not _has_ended_ranks(item)]
        self._recall_all(starting)
        self._stop_peers(managed)
        self._spawn(self._launch_all(starting))
        for loop in (self._decide(), self._listen(), self._watch()):
            self._spawn(loop)
        self._wake.set()

    async def _give_up(self, row: Any, error: Exception) -> None:
        """End a workload whose row cannot be read: one of them must not keep the service from starting."""
        log.error("What is stored of workload %s cannot be read: %r", row.id, error)
        try:
            await self.database.write(lambda tx: self.engine.fail(tx, row, "start_failed", UNREADABLE))
        except Exception:
            log.exception("Workload %s could not be ended either.", row.id)

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
        if self._closing:
            return
        self._hand_over()
        if not self.board.shapes:
            return
        placements = queue.plan(
            self.board.waiting(),
            self.board.held,
            self.backend.machines(),
            set(self.board.shapes),
        )
        chosen = [self._chosen(placement) for placement in placements]
        for item, leader in self._lookahead.choose():
            self.board.follow(item, leader)
            chosen.append(self._chosen(queue.Placement(item.id, leader.machine or "", {})))
            self._recall_later()
        if chosen:
            self._spawn(self._start(chosen))

    def _hand_over(self) -> None:
        """Tell the backend's own queue who waits there now, and who does not; start those that it has admitted."""
        elsewhere = self.board.elsewhere
        if withdrawn := elsewhere.withdrawn():
            self.backend.recall(withdrawn)
        for item in elsewhere.fresh():
            self._spawn(self._offer(item))
        if admitted := [self._chosen(_anywhere(item)) for item in elsewhere.admitted()]:
            self._spawn(self._start(admitted))

    async def _offer(self, item: Active) -> None:
        name = item.next_name
        launch = await self._prepared(item.next_attempt())
        if isinstance(launch, Ended):
            await self._never_starts(item, launch)
        elif self.board.elsewhere.of(name) is item:
            self.backend.offer(launch)

    async def _never_starts(self, item: Active, ended: Ended) -> None:
        """What waits in the backend's queue has ended there: that is the end of an attempt."""
        if self.board.elsewhere.of(ended.name) is not item:
            return
        chosen = [self._chosen(_anywhere(item))]
        with self._unseen([item]):
            if await self._recorded(chosen):
                self._ended_here(replace(ended, rank=WHOLE))

    def _chosen(self, placement: queue.Placement) -> tuple[Active, queue.Placement]:
        item = self.board.active[placement.id]
        item.attempt += 1
        item.machine, item.devices, item.others = placement.machine, placement.devices, placement.others
        item.group = Group(item.replicas) if item.replicas > 1 else None
        item.reason = item.message = item.progress = item.started_at = None
        item.stop_asked, item.waits = False, ""
        self.board.move(item, State.STARTING)
        return item, placement

    def _recall_later(self) -> None:
        if self._recall is None:
            self._recall = asyncio.get_running_loop().call_later(RECALL_S, self._recall_overdue)

    def _recall_all(self, items: Sequence[Active]) -> None:
        """After a restart: behind whom they wait at their runner is not known any more, so they queue again."""
        ahead = [item.attempt_name for item in items if self.backend.lane(item.known()) is not None]
        if ahead:
            self.backend.recall(ahead)
            self._recall_later()

    def _recall_overdue(self) -> None:
        self._recall = None
        late = self._lookahead.overdue(clock.monotonic())
        if late:
            self.backend.recall([item.attempt_name for item in late])
        if self.board.followers():
            self._recall_later()

    async def _start(self, chosen: list[tuple[Active, queue.Placement]]) -> None:
        with self._unseen([item for item, _ in chosen]):
            if await self._recorded(chosen):
                await self._launch_all([item for item, _ in chosen])

    async def _recorded(self, chosen: list[tuple[Active, queue.Placement]]) -> bool:
        """Write down what was chosen: whether it is to be launched."""
        try:
            await self.database.write(lambda tx: records.starting(tx, chosen, self.engine.tell))
        except WrongState:
            if len(chosen) > 1:
                await asyncio.gather(*(self._start([one]) for one in chosen))
            else:
                self._forget_if_not_there(chosen[0][0])
            return False
        except HimaliaError as error:
            log.warning("Starting %d workloads was not recorded: %s", len(chosen), error)
            for item, _ in chosen:
                item.attempt -= 1
                self.board.move(item, State.QUEUED)
            asyncio.get_running_loop().call_later(1.0, self._wake.set)
            return False
        return True

    @contextmanager
    def _unseen(self, items: Sequence[Active]) -> Iterator[None]:
        """Until these are launched, the backend knows nothing of them: they are not lost."""
        names = {item.attempt_name for item in items}
        self._launching |= names
        try:
            yield
        finally:
            self._launching -= names

    def _forget_if_not_there(self, item: Active) -> None:
        """The row was changed while we chose it: a stop came first, and has taken it off the board."""
        if self.board.active.get(item.id) is item:
            self.board.remove(item.id)

    async def _launch_all(self, items: Sequence[Active]) -> None:
        with self._unseen(items):
            await asyncio.gather(*(self._launch_in_order(some) for some in _apart(items)))

    async def _launch_in_order(self, items: Sequence[Active]) -> None:
        for item in items:
            await self._launch(item)

    async def _prepared(self, item: Active) -> Launch | Ended:
        """What the backend needs for an attempt; or its end, where that cannot be had."""
        try:
            return await self.launch(item)
        except (Unavailable, DiskFull) as error:
            # Not its own fault, and it passes: started again, `max_restarts` times.
            reason = self._reason_of_loss(item)
            return Ended(item.attempt_name, reason, error.message, final=False, rank=WHOLE)
        except HimaliaError as error:
            reason = "bad_input" if isinstance(error, Invalid | NotFound) else "start_failed"
            return Ended(item.attempt_name, reason, error.message, rank=WHOLE)
        except Exception:
            log.exception("%s could not be started.", item.attempt_name)
            return Ended(item.attempt_name, "start_failed", NOT_LAUNCHED, rank=WHOLE)

    async def _launch(self, item: Active) -> None:
        launch = await self._prepared(item)
        if isinstance(launch, Ended):
            self._ended_here(launch)
            if item.kind in self.backend.queued_kinds:
                self.backend.stop(item.attempt_name, 0.0, launch.reason or "start_failed")
            return
        # Its report may have come meanwhile; what has ended must not be started again.
        if self.board.of_attempt(launch.name) is not item:
            return
        if item.state == State.STOPPING:
            # A stop came while its inputs were laid out: the backend knows nothing of it, so nobody else ends it.
            words = "It was stopped before it began."
            reason = item.reason or "stopped_by_user"
            self._ended_here(Ended(item.attempt_name, reason, words, rank=WHOLE))
        elif item.state == State.STARTING:
            leader = self.board.active[item.after].attempt_name if item.after else None
            self.backend.start(replace(launch, after=leader) if leader else launch)

    def _ended_here(self, *ends: Ended) -> None:
        """Record ends that no backend reports; what cannot be stored now is tried again, and holds up nothing."""
        self._spawn(self._take(Batch(ends, lambda: None)))

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
        recalled: list[Active] = []
        while True:
            try:
                recalled = await self._record(batch.reports)
            except WrongState:
                await asyncio.sleep(0.02)  # a stop came first; the board knows of it by now
                continue
            except HimaliaError as error:
                log.warning("Reports were not stored yet: %s", error)
                await asyncio.sleep(1.0)
                continue
            except Exception:
                log.exception("Reports could not be stored together; each is tried by itself.")
                recalled = await self._record_singly(batch)
            # The name of what was recalled is used again, so the backend must have let go of it.
            batch.durable()
            self._queue_again(recalled)
            return

    async def measured(self, report: Metrics) -> None:
        """Record metrics of a running attempt that somebody else than its runner told. Raises HimaliaError."""
        await self._record([report])

    async def _record_singly(self, batch: Batch) -> list[Active]:
        """One report that cannot be stored must not keep the others; of an end, that it came is kept."""
        recalled = []
        for report in batch.reports:
            try:
                recalled += await self._record([report])
            except Exception:
                log.exception("A report of %s was dropped.", report.name)
                if isinstance(report, Ended) and report.final:
                    self._ended_here(
                        Ended(report.name, "user_error", NOT_STORED, final=False, rank=report.rank)
                    )
        return recalled

    async def _record(self, reports: Sequence[Report]) -> list[Active]:
        """Store reports of present attempts, drop those of old ones; answers those that were recalled."""
        news = News()
        try:
            for report in reports:
                item = self.board.of_attempt(report.name)
                if item is not None and (item.kind not in UNMANAGED or isinstance(report, Placed)):
                    self._sort(item, report, news)
                elif (waiting := self.board.elsewhere.of(report.name)) is not None:
                    self._heard_of(waiting, report)
        except Exception:
            self._take_back(news)
            raise
        if news:
            await self._write(news)
        return news.recalled

    def _sort(self, item: Active, told: Report, news: News) -> None:
        if isinstance(told, Placed):
            placing.placed(self.board, self.backend.machines(), item, told, news)
        if isinstance(told, Placed | Waits | Admitted):
            return
        if isinstance(told, Started):
            placing.given(self.board, self.backend.machines(), item, told, news)
        report = told if item.group is None else news.ranks.take(item, item.group, told)
        if report is None:
            return
        if isinstance(report, Recalled):
            if item.state == State.STARTING:
                news.recalled.append(item)
                return
            report = Ended(report.name, item.reason or "stopped_by_user")
        if isinstance(report, Started):
            if item.state == State.STARTING:
                item.started_at = clock.from_epoch(report.at)
                self.board.move(item, State.RUNNING)
                news.started[item.id] = item
        elif isinstance(report, Ended):
            if item.state in HOLDING:
                news.ended.setdefault(item.id, (item, report, self._settle(item, report)))
        else:
            self._take_passing(item, report, news)

    def _heard_of(self, item: Active, report: Report) -> None:
        """What the backend's queue says of a workload that waits there."""
        if isinstance(report, Waits):
            item.waits = report.message
            self.publish(item, report)
        elif isinstance(report, Admitted):
            self.board.elsewhere.admit(item)
            self._wake.set()
        elif isinstance(report, Recalled):
            self.board.elsewhere.again(item)
            self._wake.set()
        elif isinstance(report, Ended):
            self._spawn(self._never_starts(item, report))

    def _queue_again(self, recalled: Sequence[Active]) -> None:
        for item in recalled:
            if self.board.active.get(item.id) is item:
                item.attempt -= 1
                self.board.move(item, State.QUEUED)
        if recalled:
            self._wake.set()

    def _take_passing(self, item: Active, report: Report, news: News) -> None:
        if isinstance(report, LogPiece):
            self.logs.write(LogFiles.name(report.name, report.rank), report.offset, report.text.encode())
        elif isinstance(report, Progress):
            item.progress = dict(report.data)
            self.engine.progressed(item)
        elif isinstance(report, Metrics):
            news.points.append((item, report))
        self.publish(item, report)

    def _settle(self, item: Active, ended: Ended) -> Next:
        return settle(Outcome(ended.reason, ended.message, ended.exit_code), item.counts)

    async def _write(self, news: News) -> None:
        # What ended frees its room on the board at once, so that the next start is part of the same commit.
        ended = list(news.ended.values())
        for item, report, _ in ended:
            self.board.release(item.id)
            if report.final and report.reason is None:
                self._lookahead.ran(item, report.usage.get("wall_s", 0.0))
        releases = [(a.id, n.state) for a, _, n in ended if a.kind == "task" and n.state != State.QUEUED]

        def work(tx: Transaction) -> list[str]:
            news.store(tx, self.owned, self.engine.tell)
            return [one for task, state in releases for one in self.engine.task_ended(tx, task, state)]

        writing = asyncio.ensure_future(self.database.write(work))
        await asyncio.sleep(0)
        if ended:
            self._wake.set()
        try:
            released = await writing
        except Exception:
            self._take_back(news)
            raise
        self._stop_peers(news.ranks.to_be_stopped())
        for item, told in news.ranks.told():
            self.publish(item, told)
        for item, metrics in news.points:
            if item.spec.get("watch_metrics"):
                self.engine.measured(item, metrics.items)
        for item, report, following in ended:
            self._ended(item, report, following)
        self._release(released)

    def _stop_peers(self, items: Sequence[Active]) -> None:
        """End the ranks that go on where another one has failed."""
        for item in items:
            failed = item.group is not None and item.group.is_to_be_stopped
            if failed and item.state != State.STOPPING and not self._closing:
                self.backend.stop(item.attempt_name, self.stop_grace_s, PEER_FAILED)

    def _take_back(self, news: News) -> None:
        """The board as it was before reports that could not be stored."""
        news.ranks.take_back()
        placing.take_back(self.board, news)
        for item in news.started.values():
            if item.state == State.RUNNING:
                self.board.move(item, State.STARTING)
        for item, _, _ in news.ended.values():
            if self.board.active.get(item.id) is item:
                self.board.put(item)

    def _ended(self, item: Active, ended: Ended, following: Next) -> None:
        if following.state != State.QUEUED:
            self.board.remove(item.id)
            return
        item.restarts, item.tries = following.restarts, following.tries
        item.reason, item.message = ended.reason, ended.message
        item.machine, item.devices, item.gone_since = None, {}, None
        item.others, item.group = (), None
        item.queued_at = clock.now()
        self.board.move(item, State.QUEUED)
        self._wake.set()

    def _release(self, workloads: list[str]) -> None:
        """The environments of these are built: they may start."""
        for workload in workloads:
            if (item := self.board.active.get(workload)) is not None:
                item.needs_id = None
                self.board.elsewhere.again(item)
        if workloads:
            self._wake.set()

    # Watching

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            self._find_lost()

    def _find_lost(self) -> None:
        """An attempt that the backend does not see, and whose report did not come, is lost."""
        items = [item for item in self.board.active.values() if self._is_to_be_seen(item)]
        seen = self.backend.observe([item.attempt_name for item in items])
        now = clock.monotonic()
        lost: list[Ended] = []
        for item in items:
            if seen.get(item.attempt_name, Seen.GONE) != Seen.GONE:
                item.gone_since = None
            elif item.gone_since is None:
                item.gone_since = now
            elif now - item.gone_since >= self.lost_after_s:
                lost.append(Ended(item.attempt_name, self._reason_of_loss(item), final=False, rank=WHOLE))
        if lost:
            self._ended_here(*lost)

    def _is_to_be_seen(self, item: Active) -> bool:
        """Whether the backend must know of it."""
        return self._manages(item) and item.attempt_name not in self._launching

    @staticmethod
    def _reason_of_loss(item: Active) -> str:
        if item.state == State.STOPPING:
            return item.reason or "stopped_by_user"
        return "lost"


def _anywhere(item: Active) -> queue.Placement:
    """Started on whichever machines the backend chooses; it holds nothing until it is told where it is."""
    return queue.Placement(item.id, "", {}, (Spot("", {}),) * (item.replicas - 1))


def _has_ended_ranks(item: Active) -> bool:
    """Whether some of a group have run already: they must not be started again, and the others were with them."""
    return item.group is not None and bool(item.group.ended)


def _apart(items: Sequence[Active]) -> list[list[Active]]:
    """What is to be launched in order: one that goes behind another must come to the runner after it.

    One whose inputs are laid out first, which may take long, holds up those behind it alone.
    """
    together: list[Active] = []
    found = [together]
    chains: dict[str | None, list[Active]] = {}
    for item in items:
        chain = chains.get(item.after)
        if chain is None and item.after is None and item.spec.get("inputs"):
            chain = []
            found.append(chain)
        if chain is not None:
            chains[item.id] = chain
        (together if chain is None else chain).append(item)
    return found
