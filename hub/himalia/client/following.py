"""Following a job through the service's event stream: state, progress and log as they come, without polling."""

from __future__ import annotations

import codecs
import json
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from himalia.client.api import Api, escaped
from himalia.client.bridge import closing
from himalia.client.errors import HimaliaError, NotFound, Unreachable, WaitTimeout, from_answer
from himalia.client.records import ENDED
from himalia.client.sse import Parser

SILENCE_S = 20.0
"""The stream gives a sign of life every 15 s. A proxy keeps a stream open whose service was killed: this ends it."""
AGAIN_S = (0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 5.0, 5.0, 5.0, 5.0)
LOG_PIECE = 1 << 20


@dataclass(frozen=True)
class Changed:
    """The job as it is now, at the beginning and after each change."""

    job: Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """What a running job said of itself: `{"cell", "cells", "message", …}`."""

    data: Mapping[str, Any]


@dataclass(frozen=True)
class LogText:
    """The next piece of an attempt's log."""

    attempt: int
    text: str


@dataclass(frozen=True)
class EnvironmentText:
    """The next piece of the log of how the job's environment is built, which it waits for."""

    text: str


if TYPE_CHECKING:
    Update = Changed | Progress | LogText | EnvironmentText


class Log:
    """The log of one attempt of a job, of one of its ranks, or of the building of its overlay: in order and without
    gaps, however its pieces arrive."""

    def __init__(
        self, api: Api, workload: str, attempt: int, rank: int = 0, *, overlay: bool = False
    ) -> None:
        self.api, self.workload, self.attempt, self.overlay = api, workload, attempt, overlay
        self.rank = rank
        self.offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def topic(self) -> str:
        """Where its next pieces come by themselves."""
        return f"log:{self.workload}:{self.attempt}" + (f":{self.rank}" if self.rank else "")

    def update(self, text: str) -> LogText | EnvironmentText:
        """A piece of it, as followers are told."""
        return EnvironmentText(text) if self.overlay else LogText(self.attempt, text)

    async def rest(self, project: str, job: str) -> AsyncGenerator[str, None]:
        """What the service has beyond what was read; `job` is the name that the job has now."""
        noun = ("overlays", self.workload) if self.overlay else ("jobs", job)
        path = escaped("projects", project, *noun)
        while True:
            params = {"attempt": self.attempt, "offset": self.offset, "limit": LOG_PIECE}
            if self.rank:
                params["rank"] = self.rank
            answer = await self.api.send(self.api.request("GET", f"{path}/log", params))
            self.offset = int(answer.headers.get("X-Himalia-Next-Offset", self.offset + len(answer.content)))
            text = self._decoder.decode(answer.content)
            if text:
                yield text
            if len(answer.content) < LOG_PIECE - 3:  # a full piece ends with a whole character
                return

    def take(self, offset: int, text: str) -> str | None:
        """What is new in a piece that came by itself, or None when pieces before it are missing."""
        data = text.encode()
        if offset > self.offset:
            return None
        new = data[self.offset - offset :]
        self.offset += len(new)
        return self._decoder.decode(new)


def current_log(api: Api, job: Mapping[str, Any], rank: int = 0) -> Log | None:
    """The log of what happens with a job now: of its environment while that is built or has failed, else its own, or
    that of one of its ranks."""
    status = job["status"]
    if status["environment_job"] and (
        status["state"] == "QUEUED" or status["reason"] == "environment_failed"
    ):
        return Log(api, status["environment_job"], 1, overlay=True)
    return Log(api, job["id"], status["attempt"], rank) if status["attempt"] > 0 else None


class Follower:
    """One job, from now until it ends. `logs` False leaves its log out; `since` is the first attempt to log, and
    `rank` the rank of a distributed job."""

    def __init__(
        self,
        api: Api,
        project: str,
        name: str,
        logs: bool,
        deadline: float | None = None,
        since: int | None = None,
        rank: int = 0,
    ) -> None:
        self.rank = rank
        self.api, self.project, self.name, self.logs, self.deadline = api, project, name, logs, deadline
        self._next = since
        self._job: dict[str, Any] = {}
        self._log: Log | None = None
        self._after = "0"

    @property
    def _path(self) -> str:
        return escaped("projects", self.project, "jobs", self.name)

    @property
    def _ended(self) -> bool:
        return self._job["status"]["state"] in ENDED

    async def updates(self) -> AsyncGenerator[Update, None]:
        """What happens, as it happens; ends with the job. A lost connection is made again.

        Raises WaitTimeout at the deadline, and Unreachable when the service stays away.
        """
        await self._refresh()
        yield Changed(self._job)
        async for text in self._new_attempt():
            yield text
        lost = 0
        while not self._ended:
            try:
                async with closing(self._connected()) as updates:
                    async for update in updates:
                        lost = 0
                        yield update
            except Unreachable:
                self._check_deadline()
                if lost >= len(AGAIN_S):
                    raise
                await self.api.transport.pause(AGAIN_S[lost])
                lost += 1
        async for text in self._rest():
            yield text

    async def _connected(self) -> AsyncGenerator[Update, None]:
        """Updates of one connection to the stream; ends when another one is needed, or none."""
        silence = min(SILENCE_S, self._left())
        topics, log = [f"job:{self._job['id']}"], self._log
        if log is not None:
            topics.append(log.topic)
        params = {"topic": topics, "after": log.offset if log is not None else None}
        # Events go on from the last one heard, a log from the byte in `after`.
        last = {"Last-Event-ID": self._after}
        request = self.api.request("GET", "/events/stream", params, headers=last, timeout_s=silence)
        stream = await self.api.open(request)
        try:
            # What happened before the stream was open is asked for; what happens from here on it tells.
            async for update in self._caught_up():
                yield update
            if self._ended or self._log is not log:
                return
            parser = Parser()
            async with closing(stream.pieces()) as pieces:
                async for piece in pieces:
                    for message in parser.feed(piece):
                        self._after = message.id or self._after
                        async for update in self._read(json.loads(message.data)):
                            yield update
                        if self._ended or self._log is not log:
                            return  # what comes after belongs to the log before, or is told again
                    self._check_deadline()
                    if self._left() < silence / 2:
                        return  # the next connection waits less long in silence, so that the deadline is kept
        finally:
            await stream.close()
        raise Unreachable("The service closed the stream.", True)

    async def _caught_up(self) -> AsyncGenerator[Update, None]:
        before = self._job["etag"], self._job["status"]
        await self._refresh()
        if (self._job["etag"], self._job["status"]) != before:
            yield Changed(self._job)
        async for update in self._new_attempt():
            yield update

    async def _read(self, message: Mapping[str, Any]) -> AsyncGenerator[Update, None]:
        kind = message.get("type")
        if kind == "event" and message["event"]["subject"]["id"] == self._job["id"]:
            if message["event"]["kind"] == "job.deleted":
                raise NotFound(f"The job {self.name} was deleted.")
            self.name = message["event"]["subject"]["name"]
            await self._refresh()
            yield Changed(self._job)
            async for update in self._new_attempt():
                yield update
        elif kind == "error":
            raise from_answer(0, message) or HimaliaError("The service ended the stream.")
        elif kind == "progress":
            yield Progress(message["data"])
        elif kind == "log" and self._log is not None:
            text = self._log.take(message["offset"], message["text"])
            if text is None:
                async for piece in self._rest():
                    yield piece
            elif text:
                yield self._log.update(text)

    async def _refresh(self) -> None:
        self._job = await self.api.call("GET", self._path)

    async def _new_attempt(self) -> AsyncGenerator[LogText | EnvironmentText, None]:
        """Turn to the log that grows now, when those before it are read to their ends."""
        current = current_log(self.api, self._job, self.rank) if self.logs else None
        if current is None or (self._log is not None and self._log.topic == current.topic):
            return
        async for text in self._rest():
            yield text
        if not current.overlay:
            # Attempts that began and ended since the job was last seen.
            for attempt in range(self._next or current.attempt, current.attempt):
                self._log = Log(self.api, self._job["id"], attempt, self.rank)
                async for text in self._rest():
                    yield text
            self._next = current.attempt + 1
        self._log = current

    async def _rest(self) -> AsyncGenerator[LogText | EnvironmentText, None]:
        if self._log is not None:
            async for text in self._log.rest(self.project, self.name):
                yield self._log.update(text)

    def _left(self) -> float:
        return SILENCE_S if self.deadline is None else max(0.05, self.deadline - time.monotonic())

    def _check_deadline(self) -> None:
        if self.deadline is not None and time.monotonic() >= self.deadline:
            state = self._job["status"]["state"]
            raise WaitTimeout(f"The job {self.name} has not ended in time: it is {state}.")
