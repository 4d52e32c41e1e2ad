"""The process that runs notebook jobs: ``python -m himalia.runner.notebook.executor``, started by the runner.

Descriptor 3 is a stream socket of JSON lines. From the runner: ``{"op": "kernel", "argv", "environment",
"directory", "folder", "warm"}`` at once, and ``{"op": "run", "directory", "notebook", "parameters", "environment",
"keep"}`` when there is a job, which for a warm executor is later or never. To the runner: ``{"op": "ready"}``,
``{"op": "progress", "data"}`` and at last ``{"op": "result", "reason", "message", "kept"}``, reason and message null
when all went well. With ``kept``, which ``keep`` asks for, the kernel is cleared, and another ``run`` may follow, or
``{"op": "end"}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from himalia.runner.notebook import client, load, parameters
from himalia.runner.notebook.errors import NotebookError
from himalia.runner.notebook.kernel import Kernel
from himalia.runner.notebook.save import Saver
from himalia.runner.outputs import FOLDER

_LONGEST_LINE = 64 << 20


class Job:
    """What the runner asked for, with the notebook loaded and its parameters in it.

    Raises NotebookError when that is not possible.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self.folder = Path(request["directory"])
        self.path = self.folder / request["notebook"]
        self.outputs = self.folder / FOLDER
        self.environment: dict[str, str] = request["environment"]
        self.keep: bool = request["keep"]
        self.notebook = load.load(self.path)
        load.check_language(self.notebook)
        parameters.inject(self.notebook, request["parameters"])


class Executor:
    """One kernel and one job, or several, one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._html: Any = None

    async def serve(self) -> int:
        """Start the kernel, wait for jobs and run them; answers the exit code."""
        request = await self._receive()
        if request is None:
            return 0
        kernel = Kernel(request["argv"], request["environment"], request["directory"], request["folder"])
        try:
            failure = await self._work(kernel, request["warm"])
        finally:
            kernel.dispose()
        if failure is not None:
            print(failure, flush=True)
            await self._answer(failure.reason, str(failure))
        return 0 if failure is None else 1

    async def _work(self, kernel: Kernel, warm: bool) -> NotebookError | None:
        """Do everything; answers what went wrong."""
        try:
            # What a cold executor is started for is known already: a bad notebook needs no kernel.
            job = None if warm else await self._next_job(kernel)
            await kernel.launch()
            # Both take most of a second, the kernel in its own process.
            self._make_html()
            await kernel.connect()
            self._send({"op": "ready"})
            gc.freeze()  # what is there stays, and need not be looked at
            job = job or await self._next_job(kernel)
            while job is not None:
                kept = await self._run(kernel, job)
                await self._answer(kept=kept)
                gc.collect()  # copies of the notebook, before another one is read
                job = await self._next_job(kernel) if kept else None
        except NotebookError as error:
            return error
        except OSError as error:
            return NotebookError(f"The notebook could not be kept: {os.strerror(error.errno or 0)}.")
        except Exception as error:  # a traceback of the platform's would tell the user nothing
            problem = f"{type(error).__name__}: {error}"
            return NotebookError(
                f"The notebook could not be run, by a fault of the platform: {problem}", "lost"
            )
        return None

    async def _next_job(self, kernel: Kernel) -> Job | None:
        """The job, its notebook checked, or None when there will be none, or the kernel ended while it waited."""
        message = asyncio.ensure_future(self._receive())
        waited: set[asyncio.Future[Any]] = {message, kernel.exited}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not message.done():
            message.cancel()
            return None
        request = message.result()
        return None if request is None or request["op"] == "end" else Job(request)

    async def _run(self, kernel: Kernel, job: Job) -> bool:
        """Run the notebook; answers whether the kernel can serve another one."""
        await kernel.enter(str(job.path.parent), job.environment, str(job.folder) if job.keep else None)
        saver = Saver(job.notebook, job.outputs / f"{job.path.stem}.ipynb")
        did_well = False
        try:
            await self._execute(client.Client(job.notebook, kernel, saver, self._report))
            did_well = True
        finally:
            leaving = asyncio.ensure_future(self._leave(kernel, job.keep and did_well))
            await asyncio.sleep(0)  # the kernel takes its leave while the page is made
            try:
                saver.save()
                self._write_html(job.notebook, job.outputs / f"{job.path.stem}.html")
            finally:
                kept = await leaving
        if kept:  # from here on nothing is lost with this process
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        return kept

    async def _leave(self, kernel: Kernel, keep: bool) -> bool:
        """Clear the kernel, or end it; answers whether it is kept."""
        if keep and await kernel.clear():
            return True
        await kernel.shut_down()
        return False

    async def _execute(self, run: client.Client) -> None:
        """Run all cells; SIGTERM ends it in good order."""
        task = asyncio.ensure_future(run.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            raise NotebookError("The notebook was stopped.") from None

    def _make_html(self) -> None:
        from himalia.runner.notebook.html import HtmlWriter  # slow to import: the kernel starts meanwhile

        self._html = HtmlWriter()

    def _write_html(self, notebook: Any, path: Path) -> None:
        try:
            self._html.write(notebook, path)
        except Exception as error:  # a template can fail on what user code displayed; the notebook is there
            print(f"[himalia: no HTML page could be made of the notebook: {error}]", flush=True)

    async def _answer(
        self, reason: str | None = None, message: str | None = None, kept: bool = False
    ) -> None:
        self._send({"op": "result", "reason": reason, "message": message, "kept": kept})
        await self._writer.drain()

    def _report(self, data: dict[str, Any]) -> None:
        self._send({"op": "progress", "data": data})

    def _send(self, message: dict[str, Any]) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def _receive(self) -> dict[str, Any] | None:
        line = await self._reader.readline()
        return dict(json.loads(line)) if line else None


async def _main() -> int:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=3), limit=_LONGEST_LINE)
    return await Executor(reader, writer).serve()


def main() -> None:
    """Serve the runner on descriptor 3, then end at once."""
    # The kernel must not inherit the runner's socket.
    os.set_inheritable(3, False)
    if isinstance(sys.stdout, __import__("io").TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    code = asyncio.run(_main())
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(code)  # nothing is left to be done: tearing an interpreter down takes longer than a cell


if __name__ == "__main__":
    main()
