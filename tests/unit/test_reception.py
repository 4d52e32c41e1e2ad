"""Where runners in pods hand in their reports: each counts once, is answered when stored, and orders are told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from himalia.core.errors import Invalid, StaleAttempt, Unavailable
from himalia.engine.backends.base import Batch, Ended, LogPiece, Started
from himalia.engine.reception import CALLS_PER_S, Answer, Orders, Reception, Stop

RUNNER = "runner"


def log(number: int, text: str = "x", name: str = "a-1") -> dict[str, Any]:
    """A report of some output."""
    return {"n": number, "op": "log", "name": name, "offset": number, "text": text}


def ended(number: int, reason: str | None = None) -> dict[str, Any]:
    """A final report."""
    return {"n": number, "op": "ended", "name": "a-1", "exit_code": 0, "reason": reason, "message": None}


class Stream:
    """What a reception passes on; nothing is stored before `store`."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.reception = Reception(self.batches.append)
        self.reception.expect("a-1")

    def post(self, *messages: dict[str, Any], runner: str = RUNNER) -> asyncio.Task[Answer]:
        """A runner's call, under way."""
        return asyncio.ensure_future(self.reception.take("a-1", 0, runner, messages))

    def store(self, *which: int) -> None:
        """Have the batches with these indices be durable."""
        for index in which:
            self.batches[index].durable()

    def seen(self) -> list[Any]:
        """Every report that was passed on."""
        return [report for batch in self.batches for report in batch.reports]


@pytest.fixture
def stream() -> Stream:
    return Stream()


async def settled(*tasks: asyncio.Future[Any]) -> Sequence[bool]:
    """Which have an answer once everything has had its turn."""
    for _ in range(10):
        await asyncio.sleep(0)
    return [task.done() for task in tasks]


async def test_a_call_is_answered_when_its_reports_are_stored(stream: Stream) -> None:
    call = stream.post({"n": 1, "op": "started", "name": "a-1", "at": 5}, log(2))
    assert await settled(call) == [False]
    stream.store(0)
    assert (await call).acknowledged == 2
    assert stream.seen() == [Started("a-1", 5.0), LogPiece("a-1", 2, "x")]


async def test_what_comes_again_is_passed_on_once(stream: Stream) -> None:
    first = stream.post(log(1), log(2))
    await settled(first)
    again = stream.post(log(1), log(2), log(3))  # the first call's connection has ended before its answer
    assert await settled(first, again) == [False, False]
    stream.store(1)  # stored out of order: the call is answered when all before it is stored, too
    assert await settled(first, again) == [False, False]
    stream.store(0)
    assert [(await call).acknowledged for call in (first, again)] == [3, 3]
    assert [report.offset for report in stream.seen()] == [1, 2, 3]
    assert (await stream.post(log(2))).acknowledged == 3
    assert len(stream.batches) == 2


async def test_a_runner_speaks_for_its_own_attempt_alone(stream: Stream) -> None:
    call = stream.post(log(1), log(2, name="b-1"))
    await settled(call)
    stream.store(0)
    assert (await call).acknowledged == 2
    assert [report.name for report in stream.seen()] == ["a-1"]
    with pytest.raises(StaleAttempt):
        await stream.post(log(1), runner="another")
    with pytest.raises(StaleAttempt):
        await stream.reception.take("b-1", 0, RUNNER, [log(1, name="b-1")])


@pytest.mark.parametrize(
    "message",
    [
        {"op": "log", "name": "a-1", "offset": 0, "text": ""},
        {"n": "1", "op": "log", "name": "a-1", "offset": 0, "text": ""},
        {"n": 1, "op": "log", "name": "a-1", "text": "no offset"},
        {"n": 1, "op": "started", "name": "a-1", "at": "noon"},
        {"n": 1, "op": "metrics", "name": "a-1", "items": [["loss", 1e400, 1, 1]]},
        {"n": 1, "op": "ended", "name": "a-1", "outputs": 5},
        {"n": 1, "op": "ended", "name": "a-1", "usage": [1]},
    ],
)
async def test_what_is_no_report_is_refused_and_changes_nothing(
    stream: Stream, message: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        await stream.post(message)
    assert stream.batches == []
    call = stream.post(log(1))
    await settled(call)
    stream.store(0)
    assert (await call).acknowledged == 1


async def test_orders_are_told_to_who_waits_and_with_every_answer(stream: Stream) -> None:
    reception = stream.reception
    assert await reception.orders("a-1", 0, 0.01) == Orders()
    waiting = asyncio.ensure_future(reception.orders("a-1", 0, 50))
    assert await settled(waiting) == [False]
    reception.advise_stop("a-1")
    assert await waiting == Orders(should_stop=True)
    assert await reception.orders("a-1", 0, 50) == Orders(should_stop=True)
    waiting = asyncio.ensure_future(reception.orders("a-1", 0, 50, should_stop=True))
    assert await settled(waiting) == [False]
    reception.stop("a-1", 3.0, "stopped_by_user")
    wished = Orders(True, Stop(3.0, "stopped_by_user"))
    assert await waiting == wished
    call = stream.post(log(1))
    await settled(call)
    stream.store(0)
    assert (await call).orders == wished
    reception.stop("never-1", 0.0, "stopped_by_user")


async def test_nobody_waits_for_orders_in_vain(stream: Stream) -> None:
    reception = stream.reception
    first = asyncio.ensure_future(reception.orders("a-1", 0, 50))
    await settled(first)
    second = asyncio.ensure_future(reception.orders("a-1", 0, 50))  # the first one's caller is gone
    other_rank = asyncio.ensure_future(reception.orders("a-1", 1, 50))
    assert await settled(first, second, other_rank) == [True, False, False]
    call = stream.post(ended(1))
    await settled(call)
    stream.store(0)
    await call
    assert await settled(second) == [True]
    assert await reception.orders("a-1", 0, 50) == Orders()
    third = asyncio.ensure_future(reception.orders("a-1", 1, 50))
    await settled(third)
    reception.forget("a-1")
    assert await settled(third) == [True]
    with pytest.raises(StaleAttempt):
        await reception.orders("a-1", 1, 50)


async def test_a_pods_own_end_keeps_the_reason_of_the_order_that_it_overtook() -> None:
    batches: list[Batch] = []
    reception = Reception(batches.append, lambda end: replace(end, message="looked at"))
    for name, order in (("a-1", "stopped_by_user"), ("b-1", None)):
        reception.expect(name)
        if order:
            reception.stop(name, 1.0, order)
        call = reception.take(name, 0, RUNNER, [{**ended(1, "platform_stopped"), "name": name}])
        task = asyncio.ensure_future(call)
        await settled(task)
        batches[-1].durable()
        await task
    ends = [report for batch in batches for report in batch.reports if isinstance(report, Ended)]
    assert [end.reason for end in ends] == ["stopped_by_user", "platform_stopped"]
    assert [end.message for end in ends] == ["looked at"] * 2


async def test_a_service_that_ends_sends_everybody_away(stream: Stream) -> None:
    call = stream.post(log(1))
    poll = asyncio.ensure_future(stream.reception.orders("a-1", 0, 50))
    await settled(call, poll)
    stream.reception.close()
    assert await poll == Orders()
    with pytest.raises(Unavailable):
        await call


async def test_many_take_turns_and_few_need_not_wait(stream: Stream) -> None:
    async def pause(name: str) -> float:
        stream.reception.expect(name)
        return (await stream.reception.take(name, 0, RUNNER, [])).pause_s

    alone = await pause("a-1")
    pauses = [await pause(f"many{number}-1") for number in range(1500)]
    assert alone == pytest.approx(0.1, abs=0.01)
    turns = 1500 / CALLS_PER_S
    assert turns / 2 < pauses[-1] <= turns + 0.2  # less the time that asking took
