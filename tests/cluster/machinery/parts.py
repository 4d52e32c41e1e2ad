"""One daemon of the cluster as a process that tests can end, restart, kill and freeze."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from himalia.runner.processes import children

TERM_S = 15.0


class ClusterError(Exception):
    """The cluster did not do what it should; says what, and what its part logged last."""


class Part:
    """A daemon: ``within`` is a command that puts it into a node's namespaces and stays beside it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        mark: Mapping[str, str],
        within: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self._mark = dict(mark)
        self._within = list(within)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start it, with more ``options`` than usual behind its command."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._within, *self.command, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self._mark,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The daemon's own process; 0 when it is not running."""
        if self._process is None or self._process.poll() is not None:
            return 0
        if not self._within:
            return self._process.pid
        return next(iter(children(self._process.pid)), 0)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._end(signal.SIGKILL)

    def restart(self, *options: str) -> None:
        """End it in order and start it again, with more ``options`` than usual."""
        self.stop()
        self.start(*options)

    def freeze(self) -> None:
        """Let it hang: it keeps its connections and answers nobody."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)
        if self._within and self._process is not None:
            # nsenter(1) stops itself with the process that it waits for.
            os.kill(self._process.pid, signal.SIGCONT)

    def wait(self, ready: Callable[[], bool], within_s: float = 60) -> None:
        """Wait until it is ``ready``; an error with its last words when it ends before, or takes too long."""
        deadline = time.monotonic() + within_s
        while not ready():
            if not self.pid and self._process is not None and self._process.poll() is not None:
                raise ClusterError(f"{self.name} ended by itself. It said last:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise ClusterError(f"{self.name} is not ready after {within_s:.0f} s:\n{self.last_words()}")
            time.sleep(0.05)

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(nothing)"

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if pid := self.pid:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        try:
            self._process.wait(TERM_S)
        except subprocess.TimeoutExpired:
            if number is signal.SIGKILL:
                raise ClusterError(f"{self.name} cannot be killed.") from None
            self._end(signal.SIGKILL)


def run(*command: str) -> str:
    """What a command says; an error with its own words where it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ClusterError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
