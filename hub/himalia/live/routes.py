"""The live channel over WebSocket and as server-sent events."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from sqlalchemy.engine import Connection

from himalia.core import events
from himalia.core.access import CurrentAccess, GatedRoute
from himalia.core.errors import HimaliaError, Invalid, Unauthenticated
from himalia.core.identity import Identity
from himalia.core.live import Message
from himalia.core.permissions import covers
from himalia.core.schema import EventShown, Items
from himalia.live.channel import MOST_NUMBER, MOST_TOPICS, Channel, LiveParts, merged
from himalia.projects import service as projects_service

router = APIRouter(tags=["events"], route_class=GatedRoute)
socket_router = APIRouter()

AUTH_S = 5.0
QUIET_S = 15.0
"""Silence after which a stream of server-sent events says that it is still there."""
BAD_TOKEN, SILENT, OVERRUN, TRY_AGAIN = 4401, 4408, 4413, 1013


@router.get("/events", operation_id="events.list")
async def list_events(
    access: CurrentAccess,
    request: Request,
    after: Annotated[int, Query(ge=0, le=MOST_NUMBER, description="Only events with a greater id.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Items[EventShown]:
    """What happened in your projects, oldest first."""
    parts: LiveParts = request.app.state.live
    person, only = access.person, access.identity.project

    def work(connection: Connection) -> list[EventShown]:
        ids = [row["id"] for row in projects_service.of_person(connection, person)]
        if only is not None:
            ids = [one for one in ids if one == only]
        found = events.after(connection, after, projects=ids, limit=limit)
        return [EventShown.model_validate(events.shown(event)) for event in found]

    return Items[EventShown](items=await parts.database.read(work))


@router.get("/events/stream", operation_id="events.stream", response_class=StreamingResponse)
async def stream(
    access: CurrentAccess,
    request: Request,
    topic: Annotated[
        list[str],
        Query(min_length=1, max_length=MOST_TOPICS, description="As on the live channel; repeatable."),
    ],
    after: Annotated[
        int, Query(ge=0, le=MOST_NUMBER, description="Event id, or byte of a log, to go on from.")
    ] = 0,
) -> StreamingResponse:
    """The live channel's messages as server-sent events (WHATWG HTML, 9.2)."""
    parts: LiveParts = request.app.state.live
    channel = Channel(parts, access.identity, lambda: _listener(parts.gate.identify(request)))
    resumed = request.headers.get("last-event-id", "")
    begin = int(resumed) if re.fullmatch(r"[0-9]{1,15}", resumed) else after
    try:
        for name in topic:
            await channel.subscribe(name, after if name.startswith("log:") else begin)
    except HimaliaError:
        channel.close()
        raise
    return StreamingResponse(
        _sent(channel), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _listener(asked: Awaitable[Identity]) -> Identity:
    """An identity that may listen. Raises Unauthenticated."""
    identity = await asked
    if identity.person is None or not covers(identity.scopes, "read") or identity.kind == "workload":
        raise Unauthenticated("This credential may not listen.")
    return identity


async def _sent(channel: Channel) -> AsyncIterator[str]:
    watching = asyncio.create_task(channel.watch())
    watching.add_done_callback(lambda _: channel.listener.close())
    try:
        yield ": ready\n\n"
        async for messages in merged(channel, QUIET_S):
            yield "".join(_frame(message) for message in messages) if messages else ": still here\n\n"
    finally:
        watching.cancel()
        channel.close()


def _frame(message: Message) -> str:
    identifier = f"id: {message['event']['id']}\n" if message["type"] == "event" else ""
    return f"{identifier}data: {json.dumps(message)}\n\n"


@socket_router.websocket("/services/himalia/live")
async def live(socket: WebSocket) -> None:
    """One WebSocket for all topics; its first message carries the token."""
    parts: LiveParts = socket.app.state.live
    if not _origin_is_ours(socket):
        await socket.close(1008)
        return
    await socket.accept()
    opened = await _first_message(socket, parts)
    if opened is None:
        return
    token, identity = opened
    channel = Channel(parts, identity, lambda: _listener(parts.gate.credentials.identify(token)))
    await socket.send_json({"type": "ready"})
    tasks = [
        asyncio.create_task(_receive(socket, channel)),
        asyncio.create_task(_send(socket, channel)),
        asyncio.create_task(_watch(channel)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        code = next((task.result() for task in done if not task.exception()), 1011)
        if code:
            await socket.close(code)
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        channel.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _origin_is_ours(socket: WebSocket) -> bool:
    origin = socket.headers.get("origin")
    if origin is None:
        return "authorization" in socket.headers
    hosts = (socket.headers.get("x-forwarded-host"), socket.headers.get("host"))
    return origin.partition("://")[2] in [host for host in hosts if host]


async def _first_message(socket: WebSocket, parts: LiveParts) -> tuple[str, Identity] | None:
    """The token and its identity; None after closing a connection that did not bring one."""
    try:
        message = await asyncio.wait_for(socket.receive_json(), AUTH_S)
    except TimeoutError:
        await socket.close(SILENT)
        return None
    except (WebSocketDisconnect, ValueError, KeyError, RecursionError):
        await _close(socket, BAD_TOKEN)
        return None
    token = message.get("token") if isinstance(message, dict) and message.get("type") == "auth" else None
    if not isinstance(token, str):
        await socket.close(BAD_TOKEN)
        return None
    try:
        return token, await _listener(parts.gate.credentials.identify(token))
    except HimaliaError as error:
        await socket.close(BAD_TOKEN if error.status == 401 else TRY_AGAIN)
        return None


async def _close(socket: WebSocket, code: int) -> None:
    try:
        await socket.close(code)
    except RuntimeError:
        return  # it was closed already


async def _receive(socket: WebSocket, channel: Channel) -> int:
    """Take subscriptions until the connection ends."""
    while True:
        try:
            message = await socket.receive_json()
        except WebSocketDisconnect:
            return 0
        except (ValueError, KeyError, RecursionError):
            return 1003
        try:
            await _take(channel, message)
        except HimaliaError as error:
            channel.listener.send({"type": "error", "topic": _topic(message), **error.body()})


def _topic(message: Any) -> str:
    """The topic that a message names, fit to be sent back."""
    topic = message.get("topic") if isinstance(message, dict) else None
    return topic[:200].encode(errors="replace").decode() if isinstance(topic, str) else ""


async def _take(channel: Channel, message: Any) -> None:
    if not isinstance(message, dict) or not isinstance(message.get("topic"), str):
        raise Invalid.field("topic", "Send an object with type and topic.")
    after = message.get("after") or 0
    if message.get("type") == "subscribe" and isinstance(after, int) and 0 <= after <= MOST_NUMBER:
        await channel.subscribe(message["topic"], after)
    elif message.get("type") == "unsubscribe":
        channel.unsubscribe(message["topic"])
    else:
        raise Invalid.field("type", "The type is subscribe or unsubscribe; after is a number from 0.")


async def _send(socket: WebSocket, channel: Channel) -> int:
    async for messages in merged(channel, 3600):
        for message in messages:
            await socket.send_json(message)
    return OVERRUN


async def _watch(channel: Channel) -> int:
    await channel.watch()
    return BAD_TOKEN
