"""Telling Lab's pages that the memory of the server's pod was used up.

The machine then ends what uses most of it, a kernel mostly, of which Jupyter only knows that it died. How often that
was stands in the container's control group; on one machine a sandbox has none to see.
"""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_events import EventLogger
from tornado.ioloop import PeriodicCallback

from himalia.runner.processes import group_oom_kills

SCHEMA = "urn:himalia:events:memory:v1"
PERIOD_MS = 1000


def connect(logger: EventLogger) -> None:
    """Tell by this server's events from now on."""
    logger.register_event_schema(Path(__file__).parent / "events" / "memory.yaml")
    before, limit = group_oom_kills(), os.environ.get("MEM_LIMIT")

    def look() -> None:
        nonlocal before
        now = group_oom_kills()
        if now != before:
            before = now
            logger.emit(schema_id=SCHEMA, data={"limit": int(limit or 0)})

    if before is not None and limit:
        PeriodicCallback(look, PERIOD_MS).start()
