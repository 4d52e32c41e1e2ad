"""Workloads that wait in a queue of the backend's own: handed over at once, started when it says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from test_reconciler import SIZE, Platform, Told, platform_in

from himalia.core.errors import NotFound
from himalia.engine import reconciler
from himalia.engine.backends.base import (
    WHOLE,
    Admitted,
    Batch,
    Ended,
    Known,
    Launch,
    Placed,
    Recalled,
    Report,
    Started,
    Waits,
)
from himalia.engine.board import Active
from himalia.engine.resources import Resources
from himalia.engine.states import State
from himalia.testing.service_side import eventually


class Queueing(Told):
    """Jobs wait in its queue until the test says `Admitted`."""

    queued_kinds = frozenset({"job"})

    def __init__(self) -> None:
        super().__init__()
        self.offered: dict[str, Launch] = {}
        self.offers = 0
        self.known: list[str] = []

    async def open(self, known: Sequence[Known]) -> None:
        self.known = [one.name for one in known if one.offered]

    def offer(self, launch: Launch) -> None:
        self.offers += 1
        self.offered[launch.name] = launch

    def start(self, launch: Launch) -> None:
        self.offered.pop(launch.name, None)
        super().start(launch)

    def recall(self, names: Sequence[str]) -> None:
        for name in names:
            if self.offered.pop(name, None) is not None:
                self.say(Recalled(name))

    def say(self, *reports: Report) -> None:
        self.news.put_nowait(Batch(reports, lambda: None))


@pytest.fixture
async def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Platform]:
    monkeypatch.setattr(reconciler, "WATCH_S", 0.01)
    async with platform_in(tmp_path, backend=Queueing()) as made:
        made.reconciler.lost_after_s = 0
        await made.reconciler.start()
        yield made


def queue(platform: Platform) -> Queueing:
    assert isinstance(platform.backend, Queueing)
    return platform.backend


async def offered(platform: Platform, name: str) -> None:
    await eventually(lambda: name in queue(platform).offered, f"{name} to be offered")


async def test_all_are_handed_over_at_once_and_hold_nothing(platform: Platform) -> None:
    huge = [await platform.submit(reserve=Resources.of(8, 2**33)) for _ in range(5)]
    for workload in huge:
        await offered(platform, f"{workload}-1")
        row = await platform.row(workload)
        assert (row.state, row.attempt) == (State.QUEUED, 0)
    assert list(platform.engine.board.held) == []


async def test_it_starts_when_it_is_admitted_and_not_before(platform: Platform) -> None:
    first, second = [await platform.submit() for _ in range(2)]
    await offered(platform, f"{second}-1")
    queue(platform).say(Admitted(f"{second}-1"))
    row = await platform.until(second, State.RUNNING)
    assert (row.attempt, row.machine) == (1, None)
    assert (await platform.row(first)).state == State.QUEUED
    queue(platform).say(Placed(f"{second}-1", "here"))
    await eventually(lambda: next(iter(platform.engine.board.held)).machine == "here", "its place")


async def test_why_it_waits_is_remembered_until_it_starts(platform: Platform) -> None:
    workload = await platform.submit()
    await offered(platform, f"{workload}-1")
    item = platform.engine.board.active[workload]
    queue(platform).say(Waits(f"{workload}-1", "No room."))
    await eventually(lambda: item.waits == "No room.", "the sentence")
    queue(platform).say(Admitted(f"{workload}-1"))
    await platform.until(workload, State.RUNNING)
    assert item.waits == ""


async def test_taken_back_it_waits_again_as_a_new_attempt(platform: Platform) -> None:
    workload = await platform.submit()
    await offered(platform, f"{workload}-1")
    queue(platform).say(Admitted(f"{workload}-1"))
    await platform.until(workload, State.RUNNING)
    platform.backend.end(Ended(f"{workload}-1", "preempted", "It gave way."))
    row = await platform.until(workload, State.QUEUED)
    assert (row.restarts, row.message) == (1, "It gave way.")
    await offered(platform, f"{workload}-2")
    queue(platform).say(Admitted(f"{workload}-2"))
    assert (await platform.until(workload, State.RUNNING)).attempt == 2


async def test_stopped_while_it_waits_it_is_taken_out_of_the_queue(platform: Platform) -> None:
    workload = await platform.submit()
    await offered(platform, f"{workload}-1")
    await platform.database.write(lambda tx: platform.engine.stop(tx, workload))
    await platform.until(workload, State.STOPPED)
    await eventually(lambda: not queue(platform).offered, "it to be taken back")
    await platform.database.write(lambda tx: platform.engine.retry(tx, workload))
    await offered(platform, f"{workload}-1")


async def test_what_is_not_in_the_queue_any_more_is_offered_again(platform: Platform) -> None:
    workload = await platform.submit()
    await offered(platform, f"{workload}-1")
    queue(platform).recall([f"{workload}-1"])
    await eventually(lambda: queue(platform).offers == 2, "another offer")


async def test_what_can_never_wait_there_has_failed_once(platform: Platform) -> None:
    workload = await platform.submit(replicas=2)
    await offered(platform, f"{workload}-1")
    ends = [Ended(f"{workload}-1", "start_failed", "Refused.", final=False, rank=rank) for rank in (0, 1)]
    for end in ends:
        queue(platform).say(end)
    row = await platform.until(workload, State.FAILED)
    assert (row.reason, row.message, row.attempt) == ("start_failed", "Refused.", 1)


async def test_what_cannot_be_prepared_is_not_offered(platform: Platform) -> None:
    async def missing(item: Active) -> Launch:
        raise NotFound("An input is gone.")

    platform.launch = missing
    workload = await platform.submit()
    row = await platform.until(workload, State.FAILED)
    assert (row.reason, row.message) == ("bad_input", "An input is gone.")
    assert queue(platform).offers == 0


async def test_what_cannot_be_prepared_when_it_is_admitted_leaves_the_queue(platform: Platform) -> None:
    workload = await platform.submit()
    await offered(platform, f"{workload}-1")

    async def missing(item: Active) -> Launch:
        raise NotFound("An input is gone.")

    platform.launch = missing
    stopped: list[str] = []
    queue(platform).stop = lambda name, *_: stopped.append(name)  # type: ignore[method-assign]
    queue(platform).say(Admitted(f"{workload}-1"))
    assert (await platform.until(workload, State.FAILED)).reason == "bad_input"
    assert stopped == [f"{workload}-1"]


async def test_what_needs_another_waits_for_that_first(platform: Platform) -> None:
    workload = await platform.submit(needs_id="x")
    after = await platform.submit()
    await offered(platform, f"{after}-1")
    assert queue(platform).offers == 1
    await platform.release("x")
    await offered(platform, f"{workload}-1")


async def test_all_ranks_begin_together_wherever_they_are_put(platform: Platform) -> None:
    workload = await platform.submit(replicas=3)
    await offered(platform, f"{workload}-1")
    queue(platform).say(Admitted(f"{workload}-1"))
    await platform.until(workload, State.RUNNING)
    queue(platform).say(*(Placed(f"{workload}-1", "here", rank) for rank in range(3)))
    held = platform.engine.board.held
    await eventually(lambda: [one.machine for one in held] == ["here"] * 3, "their places")
    platform.backend.end(Ended(f"{workload}-1", None, rank=WHOLE))
    await platform.until(workload, State.SUCCEEDED)


async def test_other_kinds_start_as_ever(platform: Platform) -> None:
    await platform.submit(kind="endpoint")
    await eventually(lambda: platform.backend.started, "it to start")
    assert queue(platform).offers == 0


async def test_those_that_wait_are_known_after_a_restart(tmp_path: Path) -> None:
    async with platform_in(tmp_path, backend=Queueing()) as before:
        await before.reconciler.start()
        workload = await before.submit()
        await offered(before, f"{workload}-1")
    async with platform_in(tmp_path, again=True, backend=Queueing()) as after:
        await after.reconciler.start()
        assert queue(after).known == [f"{workload}-1"]
        await offered(after, f"{workload}-1")


async def test_admitted_twice_it_starts_once(platform: Platform) -> None:
    workload = await platform.submit(reserve=SIZE)
    await offered(platform, f"{workload}-1")
    queue(platform).say(Admitted(f"{workload}-1"))
    queue(platform).say(Admitted(f"{workload}-1"), Started(f"{workload}-1", 1.7e9))
    await platform.until(workload, State.RUNNING)
    queue(platform).say(Admitted(f"{workload}-1"))
    await asyncio.sleep(0.05)
    assert (await platform.row(workload)).attempt == 1
