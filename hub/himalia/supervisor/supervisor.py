"""Runs programs side by side until it is told to stop, and leaves nothing running."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from himalia.core.processes import Process, end_all, sandboxed, wait_all
from himalia.supervisor.child import Child, Program
from himalia.supervisor.errors import SupervisorError
from himalia.supervisor.home import Home, read_json

START_LIMIT_S = 180.0
"""Time for everything to work; then the start has failed."""
DEATHS_LIMIT = 3
"""A program that dies so often before it works does not start by being tried again."""
LEFT_OVER_GRACE_S = 3.0

PROGRAM_NAMES = ("service", "hub", "proxy", "gateway")

log = logging.getLogger("himalia.up")
Say = Callable[[str], None]


class Supervisor:
    """Programs of one home under supervision; whoever makes it holds the home's lock."""

    def __init__(self, home: Home, programs: Sequence[Program], say: Say) -> None:
        self.home = home
        self.children = [Child(program, home) for program in programs]
        self.say = say
        self.since = time.time()
        self.stopping = asyncio.Event()
        self._stop_asked = 0.0
        self._tasks: dict[Child, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Start all side by side; returns when all work, or when it is told to stop meanwhile.

        Raises `SupervisorError` when one dies again and again, or when it takes too long.
        """
        for child in self.children:
            self._tasks[child] = asyncio.create_task(child.run(), name=child.name)
        ready = asyncio.create_task(self._all_ready())
        stop = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait((ready, stop), return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
        finally:
            ready.cancel()
            stop.cancel()

    async def run(self) -> None:
        """Until it is told to stop; raises what made supervision itself fail."""
        stop = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({stop, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
            for task in self._tasks.values():
                if task.done():
                    task.result()
        finally:
            stop.cancel()

    def ask_to_stop(self) -> None:
        """Begin to stop; a second call says what is waited for."""
        if not self.stopping.is_set():
            self._stop_asked = time.monotonic()
            self.stopping.set()
            self.say("Stopping …")
            return
        left = [
            f"{child.name} (killed in {max(0.0, self._stop_asked + child.program.grace_s - time.monotonic()):.0f} s)"
            for child in self.children
            if child.process is not None
        ]
        self.say(f"Still waiting for: {', '.join(left) or 'notebook servers and jobs'}.")

    async def stop(self) -> None:
        """End all programs with their grace, then what is left in this home's sandboxes."""
        for child in self.children:
            child.end()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.to_thread(end_sandboxes, self.home)

    async def status(self) -> list[dict[str, Any]]:
        """For each program: `name`, `state`, `pid`, `since` (s since the epoch), `restarts`, `ended_with`."""
        ready = await asyncio.gather(*(self._works(child) for child in self.children))
        return [
            {
                "name": child.name,
                "state": _state(child, works),
                "pid": child.process.pid if child.process else None,
                "since": child.since,
                "restarts": max(0, child.starts - 1),
                "ended_with": child.ended_with() if child.exit_code is not None else None,
            }
            for child, works in zip(self.children, ready, strict=True)
        ]

    @staticmethod
    async def _works(child: Child) -> bool:
        return child.process is not None and await child.program.ready()

    async def _all_ready(self) -> None:
        waiting = {asyncio.create_task(self._until_ready(child)): child for child in self.children}
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await asyncio.gather(*waiting)
        except TimeoutError:
            late = [child.name for task, child in waiting.items() if task.cancelled()]
            raise SupervisorError(
                f"{' and '.join(late)} did not answer within {START_LIMIT_S:g} s. "
                f"See {self.home.path / 'logs'} for why."
            ) from None
        finally:
            for task in waiting:
                task.cancel()

    async def _until_ready(self, child: Child) -> None:
        began = time.monotonic()
        delay = 0.05
        while not await self._works(child):
            if child.starts >= DEATHS_LIMIT and child.process is None:
                raise SupervisorError(
                    f"{child.name} does not start: it ended with {child.ended_with()}. "
                    f"The end of {self.home.log(child.name)}:\n{child.last_words()}"
                )
            if self._tasks[child].done():
                self._tasks[child].result()
            await asyncio.sleep(delay)
            delay = min(delay * 1.2, 0.25)
        self.say(f"  {child.name:<8} ready after {time.monotonic() - began:.1f} s")


def _state(child: Child, works: bool) -> str:
    if works:
        return "healthy"
    return "starting" if child.process else "restarting"


def left_over(home: Home) -> list[Process]:
    """Programs of this home that a killed supervisor left running."""
    found = (Process.from_state(read_json(home.run / f"{name}.pid")) for name in PROGRAM_NAMES)
    return [process for process in found if process is not None and process.alive()]


def take_over(home: Home) -> int:
    """Kill what a killed supervisor left, so that the ports are free; how many there were.

    They are killed, not asked: nothing is lost by it, since hub and service find again what runs in the
    sandboxes, and nobody waits for their end.
    """
    found = left_over(home)
    end_all(found, 0)
    return len(found)


def end_sandboxes(home: Home) -> None:
    """End notebook servers and resident runners of this home, with a short grace."""
    found = sandboxed(home.path / "s")
    if not found:
        return
    log.info("Ending %d processes in sandboxes", len(found))
    end_all(found, LEFT_OVER_GRACE_S)
    # What they started meanwhile.
    if late := sandboxed(home.path / "s"):
        end_all(late, 0)
        if wait_all(late, 10):
            log.error("Some processes in sandboxes did not end")
