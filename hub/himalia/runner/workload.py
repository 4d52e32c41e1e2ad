"""One workload as its runner knows it, and what is still to be said about it."""

from __future__ import annotations

import enum
import math
import time
from typing import Any, Callable, Dict, Optional, Set, Tuple

from himalia.runner.executors import Executor
from himalia.runner.logs import LogCapture
from himalia.runner.metrics import MetricSpool
from himalia.runner.outbox import Outbox
from himalia.runner.task import Task

_LOG_PIECE_BYTES = 1 << 16
_LOG_PROMPT_BYTES = 1 << 15
_METRICS_PER_REPORT = 1000
#: Small pieces wait this long, so that a print per millisecond is not a report per millisecond.
_GATHER_S = 0.05


class State(enum.Enum):
    """Where a workload stands; it only moves down this list."""

    WAITING = "after another one, or for its turn to begin"
    PREPARING = "its snapshot is being fetched"
    RUNNING = "its process runs"
    ENDING = "its process has ended, others that it left behind are being killed"
    STORING = "its outputs are being stored"
    ENDED = "its final report exists"


class Workload:
    """The record of one name. ``verdict`` is the reason and sentence decided before its process ended."""

    def __init__(self, name: str, directory: str, folder: str, task: Optional[Task] = None) -> None:
        self.name = name
        self.directory = directory
        self.task = task
        self.state = State.WAITING
        self.after: Optional[str] = None
        self.pid: Optional[int] = None
        self.mark = ""
        self.helper: Optional[int] = None
        self.pipe: Optional[int] = None
        self.executor: Optional[Executor] = None
        self.keeps_executor = False
        self.log = LogCapture(
            f"{folder}/logs/{name}",
            int(task.log_limit_bytes) if task else 0,
            task.secrets if task else (),
        )
        self.metrics = MetricSpool(f"{folder}/metrics/{name}")
        self.declared: Set[str] = set()
        self.secrets_folder: Optional[str] = None
        self.should_stop = False
        self.verdict: Optional[Tuple[str, str]] = None
        self.result: Optional[Tuple[Optional[str], str]] = None
        self.status: Optional[int] = None
        self.started_at = 0.0
        self.began = 0.0  # the same moment on a clock that nobody sets
        self.cpu_s = 0.0
        self.cpu_before_s = 0.0
        self.max_memory_bytes = 0
        self.wall_s = 0.0
        self.time_limit_at: Optional[float] = None
        self.kill_at: Optional[float] = None
        self.memory_at: Optional[float] = None
        self.memory_last: Tuple[float, int] = (0.0, 0)
        self.final: Optional[bytes] = None
        self._started_due = False
        self._final_due = False
        self._progress: Dict[str, Any] = {}
        self._progress_due = False
        self._log_sent = 0
        self._gathered_since: Optional[float] = None

    @property
    def runs(self) -> bool:
        """Whether its own process is there."""
        return self.state is State.RUNNING

    @property
    def ended(self) -> bool:
        return self.state is State.ENDED

    def started(self, pid: int, mark: str) -> None:
        """Its process ``pid`` is there."""
        self.pid, self.mark, self.state = pid, mark, State.RUNNING
        self.started_at, self.began = time.time(), time.monotonic()
        self._started_due = True

    def progress(self, data: Dict[str, Any]) -> None:
        """Merge what is newly known of its progress."""
        self._progress.update(data)
        self._progress_due = True

    def end(self, report: bytes) -> None:
        """``report``, a line, is its final one."""
        self.final, self.state, self._final_due = report, State.ENDED, True

    def repeat(self) -> None:
        """Say again where it stands: the service has asked for it a second time."""
        self._started_due = self.state in (State.RUNNING, State.ENDING, State.STORING)
        self._final_due = self.ended

    def emit(self, outbox: Outbox, send: Callable[[bytes], None], now: float) -> Optional[float]:
        """Send what is due; answer when to come again (monotonic seconds), or None when nothing is left.

        What does not fit into ``outbox`` is left until an acknowledgement makes room: then the answer is infinity.
        """

        def say(op: str, **fields: Any) -> None:
            send(outbox.add({"op": op, "name": self.name, **fields}))

        if outbox.full:
            return math.inf
        if self._started_due:
            say("started", pid=self.pid, at=self.started_at)
            self._started_due = False
        if self._emit_gathered(outbox, say, now):
            return self._gathered_since + _GATHER_S if self._gathered_since is not None else math.inf
        if self._final_due and self.final is not None:
            if outbox.full:
                return math.inf
            send(outbox.add_encoded(self.final))
            self._final_due = False
        return None

    def _emit_gathered(self, outbox: Outbox, say: Callable[..., None], now: float) -> bool:
        """Send log, metrics and progress when enough has gathered; whether some remain."""
        waiting = self.log.size - self._log_sent
        if not (waiting or self.metrics or self._progress_due):
            self._gathered_since = None
            return False
        if self._gathered_since is None:
            self._gathered_since = now
        patient = not self._final_due and waiting < _LOG_PROMPT_BYTES
        if patient and now < self._gathered_since + _GATHER_S:
            return True
        self._gathered_since = None
        if self._progress_due:
            say("progress", data=self._progress)
            self._progress_due = False
        while self.metrics and not outbox.full:
            say("metrics", items=self.metrics.take(_METRICS_PER_REPORT))
        while self._log_sent < self.log.size and not outbox.full:
            piece = self.log.read(self._log_sent, _LOG_PIECE_BYTES)
            say("log", offset=self._log_sent, text=piece.decode("utf-8", "replace"))
            self._log_sent += len(piece)
        return self._log_sent < self.log.size or bool(self.metrics)
