"""MLflow's own server: one process in a sandbox of its own, started on use and ended when idle.

It listens on a Unix socket in a closed folder, has no network, and can write in `<home>/mlflow` alone. It has
no notion of who may do what: nobody but `tracking.gate`, `tracking.content` and our own services talk to it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec

import httpx

from himalia.core import clock
from himalia.core.errors import Unavailable
from himalia.core.processes import end_all, memory, sandboxed_in, tree
from himalia.core.settings import Settings
from himalia.engine.backends.local.process import SandboxError, SandboxProcess
from himalia.engine.backends.local.sandbox import SOCKETS, Sandbox, start
from himalia.tracking import server
from himalia.tracking.server import State

log = logging.getLogger(__name__)

START_LIMIT_S = 90.0
RETRY_S = 5.0
"""Time after a failed start within which nobody makes it fail again."""
STOP_GRACE_S = 5.0
LOOK_S = 2.0
LARGEST_LOG = 4 * 2**20
FOLDER = "/mlflow"


class MlflowProcess:
    """The one MLflow of a home. It dies with the service: what is left of an earlier one is ended first."""

    def __init__(self, settings: Settings) -> None:
        self.home = settings.home
        self.idle_s = settings.mlflow_idle_s
        self.memory_bytes = settings.mlflow_memory_bytes
        # Person 0 does not exist, so nobody else has this number.
        self.uid = settings.uid_base if os.geteuid() == 0 else None
        self.sockets = self.home / "s" / "mlflow"
        self.folder = self.home / "mlflow"
        self.log = self.home / "logs" / "mlflow.log"
        self.on_ready: Callable[[], None] = lambda: None
        self.start_s: float | None = None
        self._process: SandboxProcess | None = None
        self._http: httpx.AsyncClient | None = None
        self._starting = asyncio.Lock()
        self._users = 0
        self._used = 0.0
        self._failed: tuple[float, str] = (float("-inf"), "")
        self._watch: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """Whether it runs now."""
        if self._starting.locked():
            return "starting"
        if self.is_ready:
            return "ready"
        return "stopped" if find_spec("mlflow") else "missing"

    @property
    def is_ready(self) -> bool:
        """Whether it answers calls."""
        return self._http is not None and self._process is not None and self._process.alive()

    @property
    def pid(self) -> int | None:
        """A process whose descendants are all of it; None when it does not run."""
        return self._process.child if self.state == "ready" and self._process else None

    @asynccontextmanager
    async def use(self, *, passing: bool = False) -> AsyncIterator[httpx.AsyncClient]:
        """A client for MLflow's paths, which is started first where it does not run. Raises Unavailable.

        It is not ended while in use. What is `passing` does not put off its end when idle.
        """
        client = await self._ready()
        self._users += 1
        try:
            yield client
        finally:
            self._users -= 1
            if not passing:
                self._used = clock.monotonic()

    async def _ready(self) -> httpx.AsyncClient:
        async with self._starting:
            if self._http is not None and self.is_ready:
                return self._http
            if find_spec("mlflow") is None:
                raise Unavailable(
                    "MLflow is not installed on this platform. Ask an administrator for himalia[tracking]."
                )
            if clock.monotonic() - self._failed[0] < RETRY_S:
                raise Unavailable(self._failed[1])
            await self.stop()
            began = clock.monotonic()
            try:
                client = await self._start()
            except (SandboxError, OSError, TimeoutError) as error:
                await self.stop()
                words = f"MLflow did not start: {error or 'it took too long'}. Its log is {self.log}."
                log.error("%s", words)
                self._failed = clock.monotonic(), words
                raise Unavailable(words) from error
            self._used = clock.monotonic()
            self.start_s = self._used - began
        self._watch = asyncio.create_task(self._look_after())
        self.on_ready()
        return client

    async def _start(self) -> httpx.AsyncClient:
        # In this thread, with which it dies: in a pool's, it would die with that one.
        self._prepare()
        with self.log.open("ab") as output:
            process = self._process = start(
                self._sandbox(), server.command(f"{SOCKETS}/{server.SOCKET}"), output
            )
        http = self._http = server.client(self.sockets)
        async with asyncio.timeout(START_LIMIT_S):
            while not await server.answers(http):
                if not process.alive():
                    raise SandboxError(f"it ended with {process.returncode}")
                await asyncio.sleep(0.05)  # the socket appears when the interpreter is up
                if self._http is not http:
                    raise SandboxError("the service ends")
        log.info("MLflow runs, as process %d.", process.pid)
        return http

    def _prepare(self) -> None:
        """The folders, and nobody in them."""
        left = sandboxed_in([self.sockets]) if self.sockets.exists() else []
        if left:
            log.warning("Ending an MLflow that an earlier service left.")
            end_all(left, 0)
        for folder in (self.folder, self.folder / "artifacts", self.sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
            if self.uid is not None:
                os.chown(folder, self.uid, self.uid, follow_symlinks=False)
            folder.chmod(0o700)
        (self.sockets / server.SOCKET).unlink(missing_ok=True)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.unlink()

    def _sandbox(self) -> Sandbox:
        own = self.uid or os.getuid()
        return Sandbox(
            user="mlflow",
            uid=own,
            gid=self.uid or os.getgid(),
            directory=FOLDER,
            writable={FOLDER: self.folder},
            sockets=self.sockets,
            environment={
                "LANG": "C.UTF-8",
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                **server.environment(f"sqlite:///{FOLDER}/{server.DATABASE}", FOLDER),
            },
            umask=0o077,
            share_net=False,
            die_with_parent=True,
        )

    async def _look_after(self) -> None:
        """End it when nobody uses it, and when it has grown too large: the next call starts it anew."""
        while True:
            await asyncio.sleep(min(max(self._idle_in(), 0.2), LOOK_S))
            await asyncio.to_thread(self._end_if_large)
            async with self._starting:
                if not self._users and self._idle_in() <= 0:
                    log.info("Nobody has used MLflow for %g s, so it ends.", self.idle_s)
                    self._watch = None
                    await self.stop()
                    return

    def _end_if_large(self) -> None:
        """What it is asked for it reads into memory, which nothing else limits."""
        process, pid = self._process, self.pid
        if process is None or pid is None:
            return
        used = memory(tree([pid]))
        if used > self.memory_bytes:
            words = (
                "MLflow used %.0f MiB of memory and may use %.0f, so it was ended. The next call starts it."
            )
            log.error(words, used / 2**20, self.memory_bytes / 2**20)
            process.stop(0)

    def _idle_in(self) -> float:
        return self._used + self.idle_s - clock.monotonic()

    async def stop(self) -> None:
        """End it; nothing happens where it does not run."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        client, self._http = self._http, None
        if client is not None:
            await client.aclose()
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(process.stop, STOP_GRACE_S)
