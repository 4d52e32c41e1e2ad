"""What runs, on a terminal: a job's log on standard output, what happens to it on standard error; and its end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from himalia.cli.job_views import lasted, progress, sentence
from himalia.cli.output import CommandError, ExitCode, complain, printable
from himalia.cli.progress import waiting
from himalia.cli.session import TerminalText
from himalia.client.following import Changed, EnvironmentText, LogText, Progress

if TYPE_CHECKING:
    from himalia.client import Client, Job

T = TypeVar("T")

STOPPED = 3
TIMEOUT = 4


def exit_code(job: Job) -> int:
    """0 for SUCCEEDED, 1 for FAILED, 3 for STOPPED."""
    return {"SUCCEEDED": ExitCode.OK, "STOPPED": STOPPED}.get(job.state, ExitCode.FAILURE)


class Screen:
    """Where a followed job is shown; `log` is where its log goes."""

    def __init__(self, job: Job, log: TextIO) -> None:
        self.job = job
        self._log = log
        self._harmless = TerminalText() if log.isatty() else None
        self._printable = TerminalText()
        self._said = ""
        self._at_start = True

    def show(self, update: Any) -> None:
        """One update of `client.jobs.follow`."""
        if isinstance(update, LogText):
            self._text(update.text)
        elif isinstance(update, EnvironmentText):
            # Not what the job prints: that alone is on standard output.
            sys.stderr.write(self._printable.feed(update.text))
            sys.stderr.flush()
        elif isinstance(update, Progress):
            self._say(progress(update.data))
        elif isinstance(update, Changed):
            self._say(self._state())

    def _state(self) -> str:
        job, text = self.job, sentence(self.job)
        if job.state == "RUNNING":
            return f"{job.name}: RUNNING"
        after = f" after {lasted(job)}" if job.ended and lasted(job) else ""
        return f"{job.name}: {job.state}{after}" + (f". {text}" if text else "")

    def _text(self, text: str) -> None:
        shown = self._harmless.feed(text) if self._harmless else text
        if shown:
            self._log.write(shown)
            self._log.flush()
            self._at_start = shown.endswith("\n")

    def _say(self, text: str) -> None:
        if not text or text == self._said:
            return
        self._said = text
        if not self._at_start and self._log.isatty():
            self._log.write("\n")
            self._log.flush()
            self._at_start = True
        complain(f"· {printable(text)}")


def follow(client: Client, job: Job, log: TextIO | None = None, rank: int = 0) -> Job:
    """Show the job until it has ended, with one rank's log. Interrupted, it goes on, and the exit code is 130."""
    screen = Screen(job, log or sys.stdout)
    try:
        with closing(client.jobs.follow(job, rank=rank)) as updates:
            for update in updates:
                screen.show(update)
    except KeyboardInterrupt:
        again = f"himalia jobs log -f {job.name} --project {job.project}"
        raise CommandError(
            f"You left; the job goes on. Look again with: {again}", ExitCode.INTERRUPTED
        ) from None
    return job


def wait_for(wait: Callable[..., T], names: Iterable[str], timeout: str | None, told: bool) -> list[T]:
    """Each thing once it has ended, with `wait` of the client; `timeout` is a duration as typed, for each of them."""
    from himalia.client.errors import WaitTimeout
    from himalia.client.submission import seconds

    ended = []
    try:
        for name in names:
            with waiting(f"Waiting for {name}", told):
                ended.append(wait(name, timeout=seconds(timeout)))
    except WaitTimeout as error:
        raise CommandError(error.message, TIMEOUT) from error
    return ended
