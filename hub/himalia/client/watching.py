"""Watching a thing through the service's event stream: a word whenever something of it has changed."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from himalia.client.api import Api
from himalia.client.bridge import closing
from himalia.client.errors import HimaliaError, Unreachable, WaitTimeout, from_answer
from himalia.client.following import AGAIN_S, SILENCE_S
from himalia.client.sse import Parser


class Watch:
    """What is published under one topic of the live channel, until whoever asks has seen enough.

    A lost connection is made again. What happened while there was none is not told: an empty list says that it is
    time to look anew, as it does at the beginning.
    """

    def __init__(self, api: Api, topic: str, deadline: float | None = None) -> None:
        self.api, self.topic, self.deadline = api, topic, deadline

    async def messages(self) -> AsyncGenerator[list[Mapping[str, Any]], None]:
        """Messages as they come, those together that came together.

        Raises WaitTimeout at the deadline, and Unreachable when the service stays away.
        """
        lost = 0
        while True:
            try:
                async with closing(self._connected()) as pieces:
                    async for found in pieces:
                        lost = 0
                        yield found
            except Unreachable:
                self._check_deadline()
                if lost >= len(AGAIN_S):
                    raise
                await self.api.transport.pause(AGAIN_S[lost])
                lost += 1

    async def _connected(self) -> AsyncGenerator[list[Mapping[str, Any]], None]:
        request = self.api.request(
            "GET", "/events/stream", {"topic": self.topic}, timeout_s=min(SILENCE_S, self._left())
        )
        stream = await self.api.open(request)
        try:
            yield []
            parser = Parser()
            async with closing(stream.pieces()) as pieces:
                async for piece in pieces:
                    found = [json.loads(message.data) for message in parser.feed(piece)]
                    for message in found:
                        if message.get("type") == "error":
                            raise from_answer(0, message) or HimaliaError("The service ended the stream.")
                    if found:
                        yield found
                    self._check_deadline()
        finally:
            await stream.close()
        raise Unreachable("The service closed the stream.", True)

    def _left(self) -> float:
        return SILENCE_S if self.deadline is None else max(0.05, self.deadline - time.monotonic())

    def _check_deadline(self) -> None:
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise WaitTimeout("It has not happened in time.")
