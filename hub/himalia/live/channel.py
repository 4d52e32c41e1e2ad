"""One listener's topics: what they may hear, what they missed, and what comes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import events
from himalia.core.access import Gate
from himalia.core.database import Database
from himalia.core.errors import Forbidden, HimaliaError, Invalid, NotFound, Stale, Unauthenticated
from himalia.core.identity import Identity
from himalia.core.live import Exchange, Listener, Message
from himalia.engine.logs import LogFiles
from himalia.engine.tables import workloads
from himalia.projects import service as projects_service

MOST_TOPICS = 200
MOST_NUMBER = 2**53
"""The largest event id or byte that a listener may name; what JSON numbers hold exactly."""
LOG_PIECE = 2**18
MISSED_LIMIT = 10_000
RECHECK_S = 15.0

_TOPIC = re.compile(
    r"me|(project|job|overlay|draft|experiment|endpoint):([a-z2-7]{1,16})|(log):([a-z2-7]{1,16}):[0-9]{1,9}(?::[0-9]{1,3})?"
)
_RIGHTS = frozenset({"token.deleted", "project.changed", "project.deleted"})
"""Events after which somebody may hear less than before."""


class Rights:
    """Wakes all who must look again whether a listener may still hear what it hears."""

    def __init__(self) -> None:
        self.changes = 0
        self._changed = asyncio.Event()

    def events(self, committed: list[dict[str, Any]]) -> None:
        """Listen to commits."""
        if any(event["kind"] in _RIGHTS for event in committed):
            self.changes += 1
            self._changed.set()
            self._changed = asyncio.Event()

    async def wait(self, seen: int) -> None:
        """Until there are more than `seen` changes, at most RECHECK_S: the hub does not tell what it revokes."""
        if self.changes > seen:
            return
        try:
            await asyncio.wait_for(self._changed.wait(), RECHECK_S)
        except TimeoutError:
            return


ProjectOf = Callable[[Connection, str], str | None]
"""The id of the project that a thing is of, by the thing's id."""


@dataclass(frozen=True, slots=True)
class LiveParts:
    """What channels need; `projects` by the kinds of topics that are of no workload."""

    database: Database
    exchange: Exchange
    logs: LogFiles
    gate: Gate
    projects: Mapping[str, ProjectOf] = field(default_factory=dict)
    rights: Rights = field(default_factory=Rights)


@dataclass
class Channel:
    """The subscriptions of one connection."""

    parts: LiveParts
    identity: Identity
    identify: Callable[[], Awaitable[Identity]]
    listener: Listener = field(default_factory=Listener)
    _positions: dict[str, int] = field(default_factory=dict)
    _held: dict[str, list[Message]] = field(default_factory=dict)

    async def subscribe(self, topic: str, after: int) -> None:
        """Hear a topic, beginning behind event or byte `after`. Raises NotFound, Forbidden, Invalid."""
        if len(self.listener.topics) >= MOST_TOPICS:
            raise Invalid.field("topic", "Too many topics on one connection.")
        kind, identifier = _parse(topic)
        if kind == "me":
            if self.identity.project is not None:
                raise Forbidden("This token is limited to one project, and this is outside of it.")
            self.parts.exchange.join(self.listener, f"me:{self.identity.person_id}")
            return
        project = await self._project(kind, identifier)
        await self._check(project)
        if kind == "log":
            self._positions[topic] = after
        elif after > 0:
            self._held[topic] = []
        self.parts.exchange.join(self.listener, topic)
        if kind == "log":
            self.listener.send({"type": "log", "topic": topic})
        elif after > 0:
            await self._missed(topic, after, project if kind == "project" else None, identifier)

    def unsubscribe(self, topic: str) -> None:
        """No longer hear a topic."""
        own = f"me:{self.identity.person_id}" if topic == "me" else topic
        self.parts.exchange.leave(self.listener, own)
        self._positions.pop(topic, None)
        self._held.pop(topic, None)

    async def _project(self, kind: str, identifier: str) -> str:
        """The id of the project that a topic is of."""
        if kind == "project":
            return identifier
        find = self.parts.projects.get(kind, _of_workload)
        project = await self.parts.database.read(lambda c: find(c, identifier))
        if project is None:
            raise NotFound("There is nothing under this topic.")
        return str(project)

    async def _check(self, project_id: str) -> None:
        """Whether the caller may see the project; by its name, as every call does."""
        row = await self.parts.database.read(lambda c: projects_service.by_id(c, project_id))
        if row is None or row["deleted_at"] is not None:
            raise NotFound("There is nothing under this topic.")
        await self.parts.gate.project(row["name"], self.identity)

    async def watch(self) -> None:
        """Leave topics that may no longer be heard; return when the credential is no longer good."""
        rights = self.parts.rights
        seen = rights.changes
        while True:
            await rights.wait(seen)
            seen = rights.changes
            try:
                self.identity = await self.identify()
            except Unauthenticated:
                return
            except HimaliaError:
                continue  # the hub is away for a moment
            await self._recheck()

    async def _recheck(self) -> None:
        for topic in list(self.listener.topics):
            if topic.startswith("me:"):
                continue
            try:
                await self._check(await self._project(*_parse(topic)))
            except HimaliaError as error:
                self.unsubscribe(topic)
                self.listener.send({"type": "error", "topic": topic, **error.body()})

    async def _missed(self, topic: str, after: int, project: str | None, subject: str) -> None:
        """What happened behind `after`, put before what comes live: each event once, in order."""

        def work(connection: Connection) -> list[dict[str, Any]]:
            where: dict[str, Any] = {"projects": [project]} if project else {"subject": subject}
            return events.after(connection, after, limit=MISSED_LIMIT, **where)

        found = await self.parts.database.read(work)
        if len(found) == MISSED_LIMIT:
            self.unsubscribe(topic)
            raise Stale("Too much has happened since. Load everything again, then listen from now on.")
        missed = [{"type": "event", "topic": topic, "event": events.shown(one)} for one in found]
        self.listener.send({"type": "missed", "topic": topic, "messages": missed})

    async def next(self) -> list[Message]:
        """Wait for a message; give it and what else is there, logs without gaps or repeats."""
        message = await self.listener.queue.get()
        messages = self._ready(message)
        while not self.listener.queue.empty() and len(messages) < 500:
            messages += self._ready(self.listener.queue.get_nowait())
        return messages

    def _ready(self, message: Message) -> list[Message]:
        topic = message["topic"]
        if topic.startswith("me:"):
            return [{**message, "topic": "me"}]
        if message["type"] == "closed":
            return []
        if message["type"] == "missed":
            return self._caught_up(message)
        if topic in self._held and message["type"] == "event":
            self._held[topic].append(message)
            return []
        if message["type"] != "log":
            return [message]
        position = self._positions.get(topic)
        if position is None:
            return []
        return self._log(topic, position)

    def _caught_up(self, message: Message) -> list[Message]:
        """What was missed, then what came meanwhile and is not among it."""
        missed: list[Message] = message["messages"]
        held = self._held.pop(message["topic"], [])
        last = missed[-1]["event"]["id"] if missed else 0
        return missed + [one for one in held if one["event"]["id"] > last]

    def _log(self, topic: str, position: int) -> list[Message]:
        """What the file holds behind `position`; the message itself only says that it grew."""
        _, workload, attempt, *rank = topic.split(":")
        name = LogFiles.name(f"{workload}-{attempt}", int(rank[0]) if rank else 0)
        messages: list[Message] = []
        while data := self.parts.logs.read(name, position, LOG_PIECE):
            text = data.decode(errors="replace")
            messages.append({"type": "log", "topic": topic, "offset": position, "text": text})
            position += len(data)
            if len(messages) == 8:
                # The rest in a later turn, so that other topics are not held up.
                self.listener.send({"type": "log", "topic": topic})
                break
        self._positions[topic] = position
        return messages

    def close(self) -> None:
        """Leave everything."""
        self.parts.exchange.leave(self.listener)


def _of_workload(connection: Connection, identifier: str) -> str | None:
    query = sa.select(workloads.c.project_id).where(workloads.c.id == identifier)
    return connection.execute(query).scalar()


def _parse(topic: str) -> tuple[str, str]:
    """(kind, id) of a topic. Raises Invalid."""
    found = _TOPIC.fullmatch(topic)
    if found is None:
        raise Invalid.field(
            "topic",
            "A topic is me, project:<id>, job:<id>, overlay:<id>, draft:<id>, experiment:<id>, endpoint:<id> or "
            "log:<id>:<attempt>[:<rank>].",
        )
    kind, identifier = found[1] or found[3] or "me", found[2] or found[4] or ""
    return kind, identifier


async def merged(channel: Channel, quiet_s: float) -> AsyncIterator[list[Message]]:
    """Messages as they come; an empty list after each `quiet_s` of silence."""
    while not channel.listener.overrun:
        try:
            yield await asyncio.wait_for(channel.next(), quiet_s)
        except TimeoutError:
            yield []
