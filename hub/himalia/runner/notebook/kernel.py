"""One kernel of a user's environment, spoken to through Unix sockets in a private folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from himalia.runner.notebook.errors import NotebookError

_START_S = 120
_SHUTDOWN_S = 5.0
_PROBE_S = 30
_FLUSH_S = 1.0
_CLEAR_S = 10.0
#: How much the interpreter has to do before it ends: exit handlers, and threads that it would wait for.
_EXIT_WORK = (
    "(__import__('atexit')._ncallbacks(), "
    "sum(not thread.daemon for thread in __import__('threading').enumerate()))"
)
#: What the kernel has made for itself by now is set aside, so that its end need not search it for open files.
_SETTLE = "__import__('gc').freeze()"
_FLUSH = """
import gc as himalia_gc, io as himalia_io
himalia_files = {himalia_io.TextIOWrapper, himalia_io.BufferedWriter, himalia_io.BufferedRandom}
for himalia_file in himalia_gc.get_objects():
    if type(himalia_file) in himalia_files and not himalia_file.closed:
        himalia_file.flush()
"""
#: Each environment can import this package.
_KEPT = "__import__('importlib').import_module('himalia.run._kept')"
_PROBE = "import importlib.util, sys; sys.exit(importlib.util.find_spec('ipykernel') is None)"


class Kernel:
    """Started with ``argv``, in which ``{connection_file}`` is replaced; its sockets are in ``folder``.

    ``exited`` is done when its process has ended.
    """

    def __init__(self, argv: list[str], environment: dict[str, str], directory: str, folder: str) -> None:
        self._argv = argv
        self._environment = environment
        self._directory = directory
        self.manager = AsyncKernelManager(transport="ipc", connection_file=f"{folder}/k.json", kernel_name="")
        self.manager._kernel_spec = KernelSpec(argv=argv, language="python", display_name="job")
        self.client: AsyncKernelClient
        self.language_info: dict[str, Any] = {}
        self._untouched: str | None = None
        self._launched = False
        self.exited: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def launch(self) -> None:
        """Start the process; :meth:`connect` waits for it.

        Raises NotebookError with reason ``environment_missing`` when its program is not there.
        """
        try:
            await self.manager.start_kernel(env=self._environment, cwd=self._directory)
        except OSError as error:
            raise self._missing(
                f"{self._argv[0]} cannot be started: {os.strerror(error.errno or 0)}"
            ) from None
        self._launched = True
        pidfd = os.pidfd_open(self._process.pid)
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            if not self.exited.done():
                self.exited.set_result(None)

        loop.add_reader(pidfd, ended)

    async def connect(self) -> None:
        """Return once the kernel answers.

        Raises NotebookError with reason ``environment_missing`` when it ends instead, or does not answer.
        """
        self.client = self.manager.client()
        self.client.start_channels(stdin=False)
        ready = asyncio.ensure_future(self.client.wait_for_ready(timeout=_START_S))
        await asyncio.wait({ready, self.exited}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ready
            raise self._missing(await asyncio.to_thread(self._why_not))
        try:
            ready.result()
        except RuntimeError:
            raise self._missing(f"it did not answer within {_START_S} seconds") from None
        reply = await self.client.kernel_info(reply=True, timeout=_START_S)
        self.language_info = reply["content"]["language_info"]
        self._untouched = await self._evaluate(_SETTLE, _EXIT_WORK, _START_S)

    async def enter(self, directory: str, environment: dict[str, str], folder: str | None = None) -> None:
        """Make the kernel go to ``directory`` and have ``environment``, as if it had been started so.

        With ``folder``, the job's working folder, it can be cleared afterwards.
        """
        if directory == self._directory and environment == self._environment:
            return
        changed = {name: value for name, value in environment.items() if self._environment.get(name) != value}
        if folder is not None:
            entered = await self._evaluate(
                "", f"{_KEPT}.enter({folder!r}, {directory!r}, {changed!r})", _START_S
            )
            if entered == "True":
                return
        code = f"__import__('os').environ.update({changed!r})\n__import__('os').chdir({directory!r})"
        if await self._evaluate(code, "True", _START_S) != "True":
            raise NotebookError("The kernel could not enter the job's folder.")

    async def clear(self) -> bool:
        """Make the kernel what it was before :meth:`enter`, imported modules apart; false where that cannot be."""
        return not self.exited.done() and await self._evaluate("", f"{_KEPT}.clear()", _CLEAR_S) == "''"

    def exit_signal(self) -> int:
        """The number of the signal that ended the process, 0 if it was none."""
        code = self._process.poll()
        return -code if code is not None and code < 0 else 0

    async def shut_down(self) -> None:
        """Let the process end in its own way, with its exit handlers; kill it when that takes long.

        Without exit handlers or threads of user code there is nothing to wait for once its files are flushed: then
        it is killed at once, which takes a tenth of the time.
        """
        if not self.exited.done() and await self._evaluate(_FLUSH, _EXIT_WORK, _FLUSH_S) != (
            self._untouched or ""
        ):
            self.client.shutdown()
            await asyncio.wait({self.exited}, timeout=_SHUTDOWN_S)
        self.dispose()

    def dispose(self) -> None:
        """Kill the process if it is there."""
        if self._launched and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    async def _evaluate(self, code: str, expression: str, timeout_s: float) -> str | None:
        """The text of ``expression`` after ``code``, unseen by the user; None when there is no answer."""
        asked = asyncio.ensure_future(
            self.client.execute(
                code,
                silent=True,
                store_history=False,
                user_expressions={"value": expression},
                allow_stdin=False,
                reply=True,
                timeout=timeout_s,
            )
        )
        await asyncio.wait({asked, self.exited}, return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            asked.cancel()
        try:
            reply = await asked
        except (TimeoutError, asyncio.CancelledError):
            return None
        value = reply["content"].get("user_expressions", {}).get("value", {})
        text: str | None = value.get("data", {}).get("text/plain")
        return text

    @property
    def _process(self) -> subprocess.Popen[bytes]:
        provisioner: Any = self.manager.provisioner
        process: subprocess.Popen[bytes] = provisioner.process
        return process

    def _missing(self, why: str) -> NotebookError:
        return NotebookError(f"The kernel could not be started: {why}.", "environment_missing")

    def _why_not(self) -> str:
        """Why the process ended before it answered."""
        code = self._process.poll()
        try:
            probe = subprocess.run(
                [self._argv[0], "-c", _PROBE], env=self._environment, timeout=_PROBE_S, capture_output=True
            )
        except (OSError, subprocess.TimeoutExpired):
            return f"it ended with exit code {code}; the log may say more"
        if probe.returncode == 1:
            return "the environment has no ipykernel, which notebooks need: add it to its requirements.txt"
        return f"it ended with exit code {code}; the log may say more"
