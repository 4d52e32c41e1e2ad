"""The service's side of a study worker: a process that keeps one study, started when it is needed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from himalia.core import clock
from himalia.experiments.outcome import Outcome

log = logging.getLogger(__name__)

ANSWER_LIMIT = 64 * 2**20
CLOSE_S = 2.0
MOST_WORKERS = 8
"""A worker has about 100 MB, and a search can have a new one in two seconds."""
GiveUp = Callable[[], Awaitable[None]]
_TOLD = ("number", "parameters", "notes", "state", "values", "steps")
_NEEDS = {"cmaes": "cmaes", "gp": "torch"}


def samplers() -> list[str]:
    """The kinds of samplers whose packages are installed."""
    kinds = ("tpe", "cmaes", "random", "grid", "qmc", "nsga2", "gp")
    return [kind for kind in kinds if kind not in _NEEDS or find_spec(_NEEDS[kind]) is not None]


class StudyError(Exception):
    """The study could not do what it was asked; the text says why."""


class StudyLost(Exception):
    """The worker has ended; a new one takes over from what is stored."""


class Study:
    """One worker. Requests are answered in order; several may be on their way."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.used = clock.monotonic()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, name: str, spec: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> Study:
        """Start a worker with what is stored of a search (`records.stored`). Raises StudyError, StudyLost."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "himalia.experiments.worker", str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            limit=ANSWER_LIMIT,
        )
        study = cls(process)
        wanted = {key: spec[key] for key in ("space", "objectives", "sampler", "pruner")}
        try:
            told = [{key: trial[key] for key in _TOLD} for trial in trials]
            await study._call(op="open", name=name, spec=wanted, trials=told)
        except BaseException:
            await study.close()
            raise
        return study

    @property
    def pid(self) -> int:
        """The worker's process."""
        return self._process.pid

    @property
    def is_busy(self) -> bool:
        """Whether answers are on their way."""
        return bool(self._waiting)

    async def ask(self, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values for trial `number`, and notes to be stored with them."""
        answer = await self._call(op="ask", number=number)
        return answer["parameters"], answer["notes"]

    async def report(self, number: int, steps: Sequence[tuple[int, float]]) -> int | None:
        """Tell values of a running trial; the step at which it should end early, or None."""
        found: int | None = await self._call(op="report", number=number, steps=steps)
        return found

    def tell(self, number: int, outcome: Outcome) -> None:
        """Tell a trial's end, before whatever is asked next; nobody waits for the answer."""
        if not self._reader.done():
            found = {"state": outcome.state, "values": outcome.values, "steps": outcome.steps}
            self._post({"op": "tell", "number": number, **found}).add_done_callback(_log)

    async def importances(self) -> list[dict[str, float]]:
        """By objective, each parameter's share."""
        found: list[dict[str, float]] = await self._call(op="importances")
        return found

    async def _call(self, **request: Any) -> Any:
        if self._reader.done():
            raise StudyLost
        answer = await self._post(request)
        if "error" in answer:
            raise StudyError(answer["error"])
        return answer["result"]

    def _post(self, request: Mapping[str, Any]) -> asyncio.Future[Any]:
        self.used = clock.monotonic()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return future

    async def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(json.loads(line))
        finally:
            for future in self._waiting:
                if not future.done():
                    future.set_exception(StudyLost())

    async def close(self) -> None:
        """End the worker."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), CLOSE_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader


class Workers:
    """The workers of all searches, `most` at a time: whichever was not used for longest makes room for another one.

    Those that are busy stay, so for a moment there may be more.
    """

    def __init__(self, most: int = MOST_WORKERS) -> None:
        self.most = most
        self._give_up: dict[Study, GiveUp] = {}
        self._opening = asyncio.Lock()

    async def open(
        self, name: str, spec: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], give_up: GiveUp
    ) -> Study:
        """A new worker; `give_up` is called when another one needs its place, and ends it.

        Raises StudyError, StudyLost.
        """
        async with self._opening:  # those that are being opened count, too
            while len(self._give_up) >= self.most:
                idle = [study for study in self._give_up if not study.is_busy]
                if not idle:
                    break
                await self._give_up.pop(min(idle, key=lambda study: study.used))()
            study = await Study.open(name, spec, trials)
            self._give_up[study] = give_up
        return study

    async def close(self, study: Study) -> None:
        """End a worker."""
        self._give_up.pop(study, None)
        await study.close()


def _log(answered: asyncio.Future[Any]) -> None:
    if not answered.cancelled() and answered.exception() is None and "error" in answered.result():
        log.error("A study worker did not take a trial's end: %s", answered.result()["error"])
