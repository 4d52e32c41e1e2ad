"""What the engine reports and the database commits, turned into messages for topics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from himalia.core import events
from himalia.core.live import EVERYTHING, Exchange
from himalia.engine.backends.base import Ended, LogPiece, Metrics, Progress, Report, Started, Waits
from himalia.engine.board import Active, Board
from himalia.engine.states import ENDED, State
from himalia.jobs.read import finite
from himalia.jobs.schema import Queue

QUEUE_PAUSE_S = 0.5


class Publisher:
    """Publishes to the exchange; nothing is made for topics that nobody hears."""

    def __init__(self, exchange: Exchange, board: Board, queue: Callable[[str], Queue | None]) -> None:
        self.exchange = exchange
        self.board = board
        self.queue = queue
        self._queue_due = False

    def events(self, committed: list[dict[str, Any]]) -> None:
        """Events of one commit, in order."""
        for event in committed:
            self._event(event)
        self.exchange.publish(EVERYTHING, lambda: {"type": "changed"})
        if not self._queue_due:
            self._queue_due = True
            asyncio.get_running_loop().call_later(QUEUE_PAUSE_S, self._places)

    def _event(self, event: dict[str, Any]) -> None:
        def make() -> dict[str, Any]:
            return {"type": "event", "event": events.shown(event)}

        self.exchange.publish(f"project:{event['project_id']}", make)
        if event["subject_kind"] in ("overlay", "experiment", "endpoint"):
            self.exchange.publish(f"{event['subject_kind']}:{event['subject_id']}", make)
        if event["subject_kind"] == "job":
            self.exchange.publish(f"job:{event['subject_id']}", make)
            owner = event["data"].get("owner")
            if owner and State(event["data"]["state"]) in ENDED:
                self.exchange.publish(f"me:{owner}", make)
        if event["subject_kind"] == "project":
            # Which projects one has: whoever changed it, and whoever came or went.
            for person in {event["person_id"], event["data"].get("member_id")} - {None}:
                self.exchange.publish(f"me:{person}", make)

    def report(self, item: Active, report: Report) -> None:
        """Progress, metrics and logs of a running workload, and that a rank has started or ended."""
        if isinstance(report, LogPiece):
            rank = f":{report.rank}" if report.rank else ""
            self.exchange.publish(f"log:{item.id}:{item.attempt}{rank}", lambda: {"type": "log"})
        elif isinstance(report, Started | Ended):
            self.exchange.publish(f"job:{item.id}", lambda: {"type": "ranks", "id": item.id})
        elif isinstance(report, Progress):
            data = {**report.data, "id": item.id}
            self.exchange.publish(f"job:{item.id}", lambda: {"type": "progress", "data": data})
            self.exchange.publish(f"project:{item.project_id}", lambda: {"type": "progress", "data": data})
        elif isinstance(report, Metrics):
            self.exchange.publish(f"job:{item.id}", lambda: _metrics(report))
        elif isinstance(report, Waits):
            self._place_of(item)

    def _place_of(self, item: Active) -> None:
        """How it stands with one that waits in a queue of the cluster's."""
        place = self.queue(item.id) if item.kind == "job" else None
        if place is not None:
            items = {item.id: place.model_dump()}
            self.exchange.publish(f"project:{item.project_id}", lambda: {"type": "queue", "items": items})

    def _places(self) -> None:
        """Places in the queue, to the projects that somebody looks at; at most twice a second."""
        self._queue_due = False
        by_project: dict[str, dict[str, Any]] = {}
        heard: dict[str, bool] = {}
        for item in self.board.queued():
            topic = f"project:{item.project_id}"
            if item.project_id not in heard:
                heard[item.project_id] = self.exchange.heard(topic)
            place = self.queue(item.id) if heard[item.project_id] and item.kind == "job" else None
            if place is not None:
                by_project.setdefault(topic, {})[item.id] = place.model_dump()
        for topic, items in by_project.items():
            self.exchange.publish(topic, lambda items=items: {"type": "queue", "items": items})  # type: ignore[misc]


def _metrics(report: Metrics) -> dict[str, Any]:
    items = [[name, step, finite(value), at] for name, step, value, at in report.items]
    return {"type": "metrics", "items": items}
