"""One search as it runs: values are asked for, trials submitted, and their ends told, until enough are done."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from himalia.core import clock
from himalia.core.errors import DiskFull, HimaliaError, Unavailable, WrongState
from himalia.experiments.outcome import Outcome
from himalia.experiments.read import DONE
from himalia.experiments.space import grid_size
from himalia.experiments.study import Study, StudyError, StudyLost, Workers

log = logging.getLogger(__name__)

WORKER_IDLE_S = 300.0
"""How long a worker is kept that nothing is asked of."""
AGAIN_S = 5.0
"""The pause after something that may be better soon: a full disk, a database that does not answer."""
MOST_LOST = 3
"""Workers that may end without having answered, one after the other."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Values that were asked for, and are not submitted yet."""

    number: int
    parameters: Mapping[str, Any]
    notes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """How a search came to its end."""

    state: str
    reason: str | None = None
    message: str | None = None


FAULT = End(
    "FAILED",
    "platform_error",
    "The platform made an error, which an administrator finds in the service's log. Resume the search to go on.",
)


class Ground(Protocol):
    """What a search stands on; the searcher gives it. All raise HimaliaError."""

    def check_disk(self) -> None:
        """Raise DiskFull where no trial could be stored."""

    async def trials(self, search: Search, with_steps: bool) -> list[dict[str, Any]]:
        """What is stored of its trials, as `records.stored` has it."""

    async def submit(self, search: Search, asked: Asked, begun: Callable[[], None]) -> None:
        """Store a trial and its job; `begun` is called when that is durable. Raises WrongState when it was ended."""

    async def advise(self, search: Search, number: int, step: int) -> None:
        """Ask a trial to end early."""

    async def finish(self, search: Search, end: End) -> None:
        """Store its end."""


class Search:
    """A search that is RUNNING. Used on the event loop only."""

    def __init__(self, row: Any, ground: Ground, workers: Workers) -> None:
        self.id: str = row.id
        self.name: str = row.name
        self.spec: dict[str, Any] = row.spec
        self.started_at = row.started_at
        self.passing: str | None = None
        self.total, self._points = _total(self.spec)
        self._ground = ground
        self._workers = workers
        self._states: dict[int, str] = {}
        self._done = 0
        self._open = 0
        self._failures: list[str] = []
        self._ahead: deque[Asked] = deque()
        self._submitting: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._next = 0
        self._study: Study | None = None
        self._opening = asyncio.Lock()
        self._untold: list[tuple[int, Outcome]] = []
        self._lost = 0
        self._broken: End | None = None
        self._not_before = 0.0
        self._dropped = False
        self._loaded = False
        self._wake = asyncio.Event()

    # What the searcher tells

    def drop(self) -> None:
        """Begin no more trials; `run` returns soon."""
        self._dropped = True
        self._wake.set()

    def ended(self, number: int, outcome: Outcome) -> None:
        """A trial's end is stored."""
        if self._states.get(number) == "WAITING":
            self._count(number, outcome.state, outcome.message)
        if self._study is None:
            self._untold.append((number, outcome))
        else:
            self._study.tell(number, outcome)
        self._wake.set()

    def reported(self, number: int, steps: Sequence[tuple[int, float]]) -> None:
        """A running trial's values are stored."""
        # Nothing is judged before all is loaded: opening a study forgets the ends that came meanwhile.
        if self.spec["pruner"]["kind"] != "none" and self._loaded and not self._dropped:
            self._spawn(self._judge(number, steps))

    @property
    def study(self) -> Study | None:
        """The worker, while there is one."""
        return self._study

    # Running

    async def run(self) -> None:
        """Keep trials going until the search is at its end, or dropped."""
        try:
            await self._load()
            while not self._dropped:
                self._wake.clear()
                end = self._broken or self._over()
                if end is not None:
                    if await self._finished(end):
                        return
                elif await self._step():
                    continue
                await self._rest()
        finally:
            self._dropped = True
            await asyncio.gather(*self._submitting, return_exceptions=True)
            for task in self._tasks:
                task.cancel()
            await self._close_study()

    async def _load(self) -> None:
        stored = await self._stored()
        early = dict(self._untold)
        for trial in stored:
            number, state = trial["number"], trial["state"]
            if number in early:
                state = early[number].state
            self._states[number] = "WAITING"
            self._open += 1
            if state != "WAITING":
                self._count(number, state, trial["message"])
        # In the order of their ends, which decides how many failed in a row.
        # What failed before the search was resumed may be mended.
        ended = [t for t in stored if t["ended_at"] is not None and t["ended_at"] >= self.started_at]
        ends = sorted(ended, key=lambda trial: trial["ended_at"])
        self._failures = []
        for trial in ends:
            self._note_failure(trial["state"], trial["message"])
        self._loaded = True

    async def _stored(self) -> list[dict[str, Any]]:
        while not self._dropped:
            self._wake.clear()
            try:
                return await self._ground.trials(self, False)
            except HimaliaError as error:
                self._pause(error.message)
                await self._rest()
        return []

    def _count(self, number: int, state: str, message: str | None) -> None:
        self._states[number] = state
        self._open -= 1
        self._done += state in DONE
        self._note_failure(state, message)

    def _note_failure(self, state: str, message: str | None) -> None:
        if state == "FAILED":
            self._failures.append(message or "")
        elif state != "STOPPED":
            self._failures.clear()

    def _over(self) -> End | None:
        most = self.spec["max_failures"]
        if len(self._failures) >= most:
            words = f"{most} trials failed in a row. The last one: {self._failures[-1]}"
            return End("FAILED", "too_many_failures", words)
        if self._open or self._submitting:
            return None
        if self._done >= self.total:
            if self._points is not None and self._points <= self.total:
                return End("COMPLETE", None, f"All {self._points} points of the grid were tried.")
            return End("COMPLETE")
        if self._is_late():
            words = f"The time of {self.spec['timeout_s']:g} s was over after {self._done} trials."
            return End("COMPLETE", "time_limit", words)
        return None

    def _is_late(self) -> bool:
        limit = self.spec["timeout_s"]
        return limit is not None and (clock.now() - self.started_at).total_seconds() >= limit

    async def _finished(self, end: End) -> bool:
        try:
            await self._ground.finish(self, end)
        except HimaliaError as error:
            self._pause(error.message)
            return False
        return True

    async def _step(self) -> bool:
        """Submit one trial, or ask for the values of one; whether there was anything to do."""
        if clock.monotonic() < self._not_before or self._is_late():
            return False
        busy = self._open + len(self._submitting)
        room = min(self.spec["parallel"] - busy, self.total - self._done - busy)
        if room > 0 and self._ahead:
            self._submit(self._ahead.popleft())
            return True
        if room > len(self._ahead) or self._may_ask_ahead(busy):
            await self._ask()
            return True
        return False

    def _may_ask_ahead(self, busy: int) -> bool:
        # One by one, each trial is to profit from all before it; of several, none knows all the others anyway.
        most = max(1, self.spec["parallel"] // 4) if self.spec["parallel"] > 1 else 0
        return len(self._ahead) < min(most, self.total - self._done - busy)

    async def _rest(self) -> None:
        """Until something happens; a worker that is not needed for long is ended meanwhile."""
        waits = [WORKER_IDLE_S] if self._study is not None else []
        if (pause := self._not_before - clock.monotonic()) > 0:
            waits.append(pause)
        if self.spec["timeout_s"] is not None and not self._is_late():
            gone = (clock.now() - self.started_at).total_seconds()
            waits.append(max(0.01, self.spec["timeout_s"] - gone))
        try:
            await asyncio.wait_for(self._wake.wait(), min(waits, default=None))
        except TimeoutError:
            if waits and min(waits) == WORKER_IDLE_S:
                await self._close_study()

    # Submitting

    def _submit(self, asked: Asked) -> None:
        task = asyncio.create_task(self._store(asked))
        self._submitting.add(task)
        task.add_done_callback(self._submitting.discard)
        task.add_done_callback(lambda _: self._wake.set())

    async def _store(self, asked: Asked) -> None:
        try:
            await self._ground.submit(self, asked, lambda: self._begun(asked.number))
        except WrongState:
            self._dropped = True
        except (DiskFull, Unavailable) as error:
            self._pause(error.message)
            self._spawn(self._close_study())  # it knows of a trial that is not
        except HimaliaError as error:
            self._broken = End("FAILED", "cannot_submit", f"No trial could be submitted: {error.message}")
        except Exception:
            log.exception("A trial of the search %s was not stored.", self.id)
            self._broken = FAULT

    def _begun(self, number: int) -> None:
        self._states[number] = "WAITING"
        self._open += 1
        self.passing = None

    def _pause(self, words: str) -> None:
        log.warning("The search %s waits: %s", self.id, words)
        self.passing = words
        self._not_before = clock.monotonic() + AGAIN_S

    # The study

    async def _ask(self) -> None:
        try:
            self._ground.check_disk()  # before: a worker that knows of a trial that is not stored has to end
            study = await self._opened()
            number = self._next
            parameters, notes = await study.ask(number)
        except StudyLost:
            await self._close_study()
            self._lost += 1
            if self._lost >= MOST_LOST:
                self._broken = End("FAILED", "cannot_choose", "The process that chooses values keeps ending.")
        except StudyError as error:
            self._broken = End("FAILED", "cannot_choose", f"No values could be chosen: {error}")
        except HimaliaError as error:
            self._pause(error.message)
        else:
            self._lost = 0
            if (
                study is self._study
            ):  # else it was closed meanwhile, and another one will choose this number's
                self._next = number + 1
                self._ahead.append(Asked(number, parameters, notes))

    async def _opened(self) -> Study:
        """The worker, started where there is none. Raises StudyError, StudyLost, HimaliaError."""
        async with self._opening:
            if self._study is None:
                # What was asked of the last worker and not stored, this one knows nothing of.
                self._ahead.clear()
                await asyncio.gather(*self._submitting, return_exceptions=True)
                self._untold.clear()
                stored = await self._ground.trials(self, self.spec["pruner"]["kind"] != "none")
                study = await self._workers.open(self.id, self.spec, stored, self._close_study)
                self._next = max(self._states, default=-1) + 1
                for number, outcome in self._untold:
                    study.tell(number, outcome)
                self._untold.clear()
                self._study = study
            return self._study

    async def _judge(self, number: int, steps: Sequence[tuple[int, float]]) -> None:
        try:
            step = await (await self._opened()).report(number, steps)
            if step is not None:
                await self._ground.advise(self, number, step)
        except (StudyLost, StudyError, HimaliaError) as error:
            log.warning("Values of a trial of the search %s were not judged: %s", self.id, error)

    async def _close_study(self) -> None:
        study, self._study = self._study, None
        self._ahead.clear()
        if study is not None:
            await self._workers.close(study)
        self._wake.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _total(spec: Mapping[str, Any]) -> tuple[int, int | None]:
    """How many trials there are to be, and the points of the grid, if it is one."""
    if spec["sampler"]["kind"] != "grid":
        return spec["trials"], None
    points = grid_size(spec["space"])
    return min(spec["trials"], points), points
