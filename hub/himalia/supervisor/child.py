"""One supervised process: started, watched, started again when it dies, ended with grace."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from himalia.core.processes import Process
from himalia.supervisor.errors import SupervisorError
from himalia.supervisor.home import Home, write_private

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0
SETTLED_S = 10.0
"""After running for so long, a process that dies is started again with the first delay."""
LAST_LINES = 5
"""Of a log, in what is said of a process that does not work."""
LOG_BYTES = 32 * 2**20
"""A log larger than this is put aside at the next start of its process."""

log = logging.getLogger("himalia.up")


async def _always() -> bool:
    return True


async def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Program:
    """What to run. `ready` says whether it works; `after_start` runs beside each new process of it.

    `end_signal` asks it to end, and has `grace_s` to do so.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 10.0
    end_signal: signal.Signals = signal.SIGTERM
    ready: Callable[[], Awaitable[bool]] = _always
    after_start: Callable[[], Awaitable[None]] = _nothing


class Child:
    """A program under supervision. `changed` is set at every start and death."""

    def __init__(self, program: Program, home: Home) -> None:
        self.program = program
        self.home = home
        self.process: Process | None = None
        self.since = time.time()
        self.starts = 0
        self.exit_code: int | None = None
        self.changed = asyncio.Event()
        self._ending = asyncio.Event()

    @property
    def name(self) -> str:
        """The program's name."""
        return self.program.name

    async def run(self) -> None:
        """Keep it running until `end` is called; returns when its last process has ended."""
        delay = FIRST_DELAY_S
        while not self._ending.is_set():
            began = time.monotonic()
            await self._run_once()
            if self._ending.is_set():
                return
            if time.monotonic() - began >= SETTLED_S:
                delay = FIRST_DELAY_S
            log.warning("%s ended with %s; it starts again in %.1f s", self.name, self.ended_with(), delay)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), delay)
            delay = min(delay * 2, LONGEST_DELAY_S)

    def end(self) -> None:
        """Start it no more, and ask what runs to end; `run` kills it after its grace."""
        self._ending.set()

    def ended_with(self) -> str:
        """How its last process ended, in words."""
        code = self.exit_code or 0
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def last_words(self) -> str:
        """The end of its log."""
        with self.home.log(self.name).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            text = file.read().decode(errors="replace")
        return "\n".join(text.strip().splitlines()[-LAST_LINES:])

    async def _run_once(self) -> None:
        with self._open_log() as output:
            started = await asyncio.create_subprocess_exec(
                *self.program.argv,
                env=dict(self.program.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                umask=0o022,
                # A Ctrl-C in the terminal is for the supervisor alone.
                start_new_session=True,
            )
        pid_file = self.home.run / f"{self.name}.pid"
        self.process = Process.of(started.pid)
        if self.process is not None:
            write_private(pid_file, json.dumps(self.process.to_state()))
        self.since, self.starts = time.time(), self.starts + 1
        self.changed.set()
        log.info("%s started, PID %d", self.name, started.pid)
        beside = asyncio.create_task(self._after_start())
        try:
            self.exit_code = await self._wait(started)
        finally:
            beside.cancel()
            self.process = None
            self.since = time.time()
            pid_file.unlink(missing_ok=True)
            self.changed.set()
        log.info("%s ended with %s", self.name, self.ended_with())

    async def _after_start(self) -> None:
        try:
            await self.program.after_start()
        except SupervisorError as error:
            log.error("After the start of %s: %s", self.name, error)

    async def _wait(self, started: asyncio.subprocess.Process) -> int:
        """Until it has ended by itself, or by `end`."""
        exit_code = asyncio.create_task(started.wait())
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait((exit_code, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not exit_code.done():
            started.send_signal(self.program.end_signal)
            await asyncio.wait((exit_code,), timeout=self.program.grace_s)
        if not exit_code.done():
            log.warning("%s did not end within %g s and is killed", self.name, self.program.grace_s)
            started.kill()
        return await exit_code

    def _open_log(self) -> BinaryIO:
        path = self.home.log(self.name)
        try:
            if path.exists() and path.stat().st_size > LOG_BYTES:
                path.replace(path.with_suffix(".log.1"))
            return path.open("ab")
        except OSError as error:
            raise SupervisorError(f"{path} cannot be written: {error.strerror}.") from error
