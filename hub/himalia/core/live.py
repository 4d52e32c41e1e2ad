"""The live channel's exchange: topics, who listens to them, and what they are sent.

A listener that does not keep up is closed; it comes again and catches up by event id.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]
QUEUE_LIMIT = 5000
EVERYTHING = "everything"
"""Topic of those who look at the whole platform: something may have changed."""


@dataclass(eq=False)
class Listener:
    """One connection. `overrun` is set when it fell too far behind."""

    queue: asyncio.Queue[Message] = field(default_factory=lambda: asyncio.Queue(QUEUE_LIMIT))
    topics: set[str] = field(default_factory=set)
    overrun: bool = False

    def close(self) -> None:
        """Nothing more is sent; who waits for a message is woken by one that says so."""
        if not self.overrun and not self.queue.full():
            self.queue.put_nowait({"type": "closed", "topic": ""})
        self.overrun = True

    def send(self, message: Message) -> None:
        """Queue a message; never waits."""
        if self.overrun:
            return
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.overrun = True


class Exchange:
    """Who listens to what. Used on the event loop only."""

    def __init__(self) -> None:
        self._topics: dict[str, set[Listener]] = defaultdict(set)

    def join(self, listener: Listener, topic: str) -> None:
        """Send `listener` what is published under `topic` from now on."""
        self._topics[topic].add(listener)
        listener.topics.add(topic)

    def leave(self, listener: Listener, topic: str | None = None) -> None:
        """End one subscription, or all of a listener."""
        for name in [topic] if topic is not None else list(listener.topics):
            listener.topics.discard(name)
            there = self._topics.get(name)
            if there is not None:
                there.discard(listener)
                if not there:
                    del self._topics[name]

    def heard(self, topic: str) -> bool:
        """Whether anybody listens to `topic`."""
        return topic in self._topics

    def topics(self, prefix: str) -> list[str]:
        """Topics that somebody listens to and that begin so."""
        return [topic for topic in self._topics if topic.startswith(prefix)]

    def publish(self, topic: str, make: Callable[[], Message]) -> None:
        """Send to all who listen to `topic`; `make` is called only when somebody does."""
        listeners = self._topics.get(topic)
        if listeners:
            message = {**make(), "topic": topic}
            for listener in list(listeners):
                listener.send(message)
