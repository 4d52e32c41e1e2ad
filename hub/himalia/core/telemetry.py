"""Logs that machines read, and figures for Prometheus."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from himalia.core import clock

request_id: ContextVar[str] = ContextVar("request_id", default="")


class _Lines(logging.Formatter):
    """One JSON object per record: time, level, logger, message, and the request it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": clock.from_epoch(record.created).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_logging() -> None:
    """Log to standard error, one JSON object a line. What goes into a log is never a secret."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "uvicorn.error", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class Counted(Protocol):
    """What the board shows of itself."""

    @property
    def active(self) -> dict[str, Any]: ...


class Telemetry:
    """The service's figures, in a registry of their own."""

    def __init__(self, board: Counted) -> None:
        self.registry = CollectorRegistry()
        self.board = board
        self._requests = Counter(
            "himalia_requests",
            "Requests by operation and status.",
            ["operation", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "himalia_request_seconds",
            "Time to answer, in seconds.",
            ["operation"],
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
            registry=self.registry,
        )
        self._workloads = Gauge(
            "himalia_workloads", "Workloads that have not ended.", ["kind", "state"], registry=self.registry
        )

        self._collected = Counter(
            "himalia_collected_bytes",
            "Bytes of objects removed since nothing needed them.",
            registry=self.registry,
        )
        self._purged = Counter(
            "himalia_purged_jobs", "Deleted jobs removed for good.", registry=self.registry
        )

    def freed(self, jobs: int, size: int) -> None:
        """Count what a collection removed."""
        self._purged.inc(jobs)
        self._collected.inc(size)

    def request(self, scope: Any, status: int, seconds: float) -> None:
        """Count one answered request."""
        route = scope.get("route")
        operation = getattr(route, "operation_id", None) or "other"
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)

    def exposed(self) -> bytes:
        """All figures in Prometheus' text format."""
        self._workloads.clear()
        for one in self.board.active.values():
            self._workloads.labels(one.kind, str(one.state)).inc()
        return generate_latest(self.registry)
