"""Handing short workloads to a runner before the place they will take is free.

A start costs a round trip: the end of one is reported and stored, the queue decides, the next is started. For
work of milliseconds that is most of the time. So the next in the queue goes ahead to the runner, behind one that
runs there and whose place it takes; the runner starts it without asking.

Nobody is overtaken: only the head of the queue goes ahead. What waits behind one that turns out to be long is
recalled after RECALL_S.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import timedelta
from operator import itemgetter

from himalia.core import clock
from himalia.engine import queue
from himalia.engine.board import Active, Board
from himalia.engine.held import Held
from himalia.engine.resources import Machine
from himalia.engine.states import UNMANAGED, State

AHEAD_S = 0.1
"""Work for about this long goes ahead; what takes longer by itself waits in the queue."""
DEEPEST = 32
RECALL_S = 1.0
_SLOWLY = 0.3
"""How much one short run lowers what is expected; one long run raises it at once."""

Lane = Callable[[Active], Hashable | None]


class Lookahead:
    """Decides who goes ahead, from how long the last ones of the same lane took.

    `lane` names the runner that a workload shares with others, None where it shares none.
    """

    def __init__(self, board: Board, lane: Lane) -> None:
        self.board = board
        self._lane_of = lane
        self._expected: dict[Hashable, float] = {}

    def _lane(self, item: Active) -> Hashable | None:
        return None if item.kind in UNMANAGED else self._lane_of(item)

    def ran(self, item: Active, seconds: float) -> None:
        """Learn from an attempt that has run to its end."""
        lane = self._lane(item)
        if lane is None:
            return
        before = self._expected.get(lane, seconds)
        if len(self._expected) > 10_000:
            self._expected.clear()
        self._expected[lane] = max(seconds, before + _SLOWLY * (seconds - before))

    def choose(self) -> list[tuple[Active, Active]]:
        """(workload, the one behind which it goes), in the order of the queue."""
        chains = self._chains() if self._expected else []
        if not chains:
            return []
        chosen = []
        for item in self._next():
            lane = self._lane(item)
            fitting = [chain for chain in chains if chain.takes(lane, item)]
            if not fitting:
                break
            chain = min(fitting, key=lambda one: one.length)
            chosen.append((item, chain.tail))
            chain.tail, chain.length = item, chain.length + 1
        return chosen

    def _next(self) -> Iterator[Active]:
        for item in self.board.in_order():
            if item.needs_id is not None:
                continue
            if item.spec["secrets"]:  # read from the database before the start, so the order would be lost
                break
            yield item

    def _chains(self) -> list[_Chain]:
        """Those that run and may be followed, each with its tail; only those at most half full."""
        chains = []
        longest = timedelta(seconds=AHEAD_S)
        now = clock.now()
        for workload in self.board.held.workloads:
            first = self.board.active[workload]
            if first.state not in (State.STARTING, State.RUNNING):
                continue
            if first.started_at is not None and now - first.started_at > longest:
                continue
            lane = self._lane(first)
            expected = None if lane is None else self._expected.get(lane)
            if expected is None or expected > AHEAD_S:
                continue
            deepest = min(DEEPEST, int(AHEAD_S / max(expected, 0.001)))
            tail, length = self.board.tail(first)
            if length <= deepest // 2:
                chains.append(_Chain(lane, tail, length, deepest))
        return chains

    def line_up(self, machines: Sequence[Machine]) -> None:
        """After a restart: what had gone ahead, and has no place of its own, goes behind its like again."""
        holding = [self.board.active[workload] for workload in self.board.held.workloads]
        ahead = sorted((i for i in holding if _may_be_ahead(i)), key=lambda item: item.order)
        placed = [one for item in holding if not _may_be_ahead(item) for one in item.holdings()]
        left = queue.free(Held(placed), machines)
        leaders = [item for item in holding if item.state == State.RUNNING]
        for item in ahead:
            room = left.get(item.machine or "")
            like = [one for one in leaders if self._is_like(one, item)]
            if like and (room is None or not item.reserve.fits(room)):
                self.board.follow(item, min(map(self.board.tail, like), key=itemgetter(1))[0])
                continue
            leaders.append(item)
            if room is not None:
                left[item.machine or ""] = room.plus(item.reserve, -1)

    def _is_like(self, one: Active, other: Active) -> bool:
        lane = self._lane(one)
        return lane is not None and lane == self._lane(other) and one.reserve == other.reserve

    def overdue(self, now: float) -> list[Active]:
        """Those that wait behind another one for too long, and are to be recalled; `now` is monotonic.

        They are named again after as long: the first time their start may not have come to the runner yet.
        """
        late = []
        for item in self.board.followers():
            if now - item.ahead_since > RECALL_S:
                item.ahead_since = now
                late.append(item)
                self._expected[self._lane(item)] = RECALL_S
        return late


def _may_be_ahead(item: Active) -> bool:
    return item.state == State.STARTING and item.group is None


class _Chain:
    """One that runs and those behind it, seen from its end."""

    def __init__(self, lane: Hashable, tail: Active, length: int, deepest: int) -> None:
        self.lane = lane
        self.tail = tail
        self.length = length
        self.deepest = deepest

    def takes(self, lane: Hashable, item: Active) -> bool:
        """Whether `item` can take the place of this chain's last one."""
        return lane == self.lane and self.length < self.deepest and item.reserve == self.tail.reserve
