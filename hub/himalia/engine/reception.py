"""Where runners that the service cannot connect to, those in pods, hand in their reports and hear its orders.

A backend has one (`Backend.reception`) and passes on what comes; `workloads/routes.py` is the way in. Nothing here
looks at anything in turns: who waits is told.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from himalia.core.errors import Invalid, StaleAttempt, Unavailable
from himalia.engine.backends.base import Batch, Ended, OfAttempt, Recalled, Report
from himalia.engine.backends.reports import BadReport, report_of

CALLS_PER_S = 150
"""What all runners together are asked to keep to, with reports that can wait: a quarter of a core."""
SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 60.0
STORING_S = 3.0
"""How long a call waits until its reports are stored; the runner comes again then, and hears of it."""

Settle = Callable[[Ended], Ended]
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stop:
    """An attempt is to end: SIGTERM now, SIGKILL after `grace_s`."""

    grace_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Orders:
    """What is wished of an attempt."""

    should_stop: bool = False
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Reports up to `acknowledged` are durable; the next that can wait are wanted after `pause_s`."""

    acknowledged: int
    orders: Orders
    pause_s: float


@dataclass(slots=True, eq=False)
class _Taken:
    """Reports that came together, up to the number `last`; `done` once they and all before them are stored."""

    last: int
    done: asyncio.Future[None]
    stored: bool = False


@dataclass(slots=True, eq=False)
class _Runner:
    """One runner. `given` is the number up to which its reports have gone to the stream."""

    id: str
    given: int = 0
    stored: int = 0
    storing: deque[_Taken] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class _Attempt:
    """What is known of an attempt; by rank, its runners, and those that wait for orders."""

    orders: Orders = field(default_factory=Orders)
    runners: dict[int, _Runner] = field(default_factory=dict)
    polls: dict[int, asyncio.Future[None]] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)

    def tell(self) -> None:
        """Answer those that wait."""
        for poll in self.polls.values():
            if not poll.done():
                poll.set_result(None)
        self.polls.clear()


class Reception:
    """`put` takes batches for the backend's stream; `settle` may change an end before that, by what else was seen."""

    def __init__(self, put: Callable[[Batch], None], settle: Settle = lambda ended: ended) -> None:
        self._put = put
        self._settle = settle
        self._attempts: dict[str, _Attempt] = {}
        self._closed = False
        self._next_turn = 0.0

    # The backend's side

    def expect(self, name: str) -> None:
        """Runners of the attempt `name` may call from now on."""
        self._attempts.setdefault(name, _Attempt())

    def forget(self, name: str) -> None:
        """The attempt is over: whoever still speaks for it is told to end."""
        attempt = self._attempts.pop(name, None)
        if attempt is not None:
            attempt.tell()

    def has_called(self, name: str, rank: int = 0) -> bool:
        """Whether a runner of the attempt has handed in anything since this service began."""
        attempt = self._attempts.get(name)
        return attempt is not None and rank in attempt.runners

    def stop(self, name: str, grace_s: float, reason: str) -> None:
        """Have the runners of an attempt end it; one that is not there is left alone."""
        attempt = self._attempts.get(name)
        if attempt is not None:
            attempt.orders = replace(attempt.orders, stop=Stop(grace_s, reason))
            attempt.tell()

    def advise_stop(self, name: str) -> None:
        """Have the code of an attempt hear that it should end; one that is not there is left alone."""
        attempt = self._attempts.get(name)
        if attempt is not None:
            attempt.orders = replace(attempt.orders, should_stop=True)
            attempt.tell()

    def let_go(self) -> None:
        """Have nobody wait for orders any more: this service is about to end, and they come again to the next."""
        self._closed = True
        for attempt in self._attempts.values():
            attempt.tell()

    def close(self) -> None:
        """Send everybody away, also those whose reports are not stored."""
        self.let_go()
        for attempt in self._attempts.values():
            for runner in attempt.runners.values():
                for taken in runner.storing:
                    taken.done.cancel()

    # The runners' side

    async def take(self, name: str, rank: int, runner_id: str, messages: Sequence[Message]) -> Answer:
        """Pass on a runner's reports, each once, and answer when they are stored, or that they are not yet.

        Raises StaleAttempt when the attempt is over or has another runner, Invalid for what is no report, and
        Unavailable when this service ends before they are stored.
        """
        attempt = self._attempt(name)
        runner = attempt.runners.get(rank) or _Runner(runner_id)
        if runner.id != runner_id:
            raise StaleAttempt("Another runner carries out this attempt.")
        fresh = [message for message in messages if _number(message) > runner.given]
        reports = [self._settled(one, attempt, rank) for one in _reports(name, fresh)]
        attempt.runners[rank] = runner
        if fresh:
            self._pass_on(attempt, rank, runner, max(map(_number, fresh)), reports)
        await self._stored(runner)
        return Answer(runner.stored, attempt.orders, self._pause_s())

    async def orders(self, name: str, rank: int, wait_s: float, should_stop: bool = False) -> Orders:
        """What is wished of an attempt: at once if it is more than the caller knows, else once it is, or after
        `wait_s`. Of one rank only the last caller waits.

        Raises StaleAttempt when the attempt is over.
        """
        attempt = self._attempt(name)
        orders = attempt.orders
        news = orders.stop is not None or (orders.should_stop and not should_stop)
        if news or rank in attempt.ended or self._closed:
            return orders
        poll: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        before = attempt.polls.pop(rank, None)
        if before is not None and not before.done():
            before.set_result(None)
        attempt.polls[rank] = poll
        await asyncio.wait([poll], timeout=wait_s)
        if attempt.polls.get(rank) is poll:
            del attempt.polls[rank]
        return attempt.orders

    def _pause_s(self) -> float:
        """How long a runner is to gather what can wait: each that calls gets the next turn that is free."""
        now = asyncio.get_running_loop().time()
        turn = max(self._next_turn + 1 / CALLS_PER_S, now + SHORTEST_PAUSE_S)
        self._next_turn = min(turn, now + LONGEST_PAUSE_S)
        return self._next_turn - now

    def _attempt(self, name: str) -> _Attempt:
        attempt = self._attempts.get(name)
        if attempt is None:
            raise StaleAttempt("This attempt has ended.")
        return attempt

    def _settled(self, report: Report, attempt: _Attempt, rank: int) -> Report:
        """A report as it goes to the stream: of the rank whose runner calls."""
        if isinstance(report, OfAttempt):
            return report
        report = replace(report, rank=rank)
        if not isinstance(report, Ended):
            return report
        stop = attempt.orders.stop
        if report.reason == "platform_stopped" and stop is not None:
            report = replace(report, reason=stop.reason)  # the pod's own end has overtaken the order
        return self._settle(report)

    def _pass_on(
        self, attempt: _Attempt, rank: int, runner: _Runner, last: int, reports: list[Report]
    ) -> None:
        runner.given = last
        taken = _Taken(last, asyncio.get_running_loop().create_future())
        runner.storing.append(taken)
        ends = any(isinstance(report, Ended | Recalled) for report in reports)

        def durable() -> None:
            taken.stored = True
            while runner.storing and runner.storing[0].stored:
                first = runner.storing.popleft()
                runner.stored = first.last
                if not first.done.done():
                    first.done.set_result(None)
            if ends:
                attempt.ended.add(rank)
                attempt.tell()

        self._put(Batch(reports, durable))

    async def _stored(self, runner: _Runner) -> None:
        """Wait a while until all that was passed on of a runner is stored. Raises Unavailable."""
        if runner.storing:
            waiting = runner.storing[-1].done
            await asyncio.wait([waiting], timeout=STORING_S)
            if waiting.cancelled():
                raise Unavailable("The service is ending. Come again.")


def _reports(name: str, messages: Sequence[Message]) -> list[Report]:
    """What messages report; a runner speaks for its own attempt alone. Raises Invalid."""
    try:
        found = [report_of(message) for message in messages if message.get("name") == name]
    except BadReport as error:
        raise Invalid.field("reports", str(error)) from error
    return [report for report in found if report is not None]


def _number(message: Message) -> int:
    """A report's place in all that its runner reports, from 1. Raises Invalid."""
    number = message.get("n")
    if not isinstance(number, int) or not 0 < number < 2**63:
        raise Invalid.field("reports", "Each report has a number n, from 1.")
    return number
