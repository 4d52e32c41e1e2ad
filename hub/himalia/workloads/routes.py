"""HTTP for workloads: their own calls, and the administrators'."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.engine import Connection

from himalia.core import clock, events, people
from himalia.core.access import Access, CurrentAccess, GatedRoute
from himalia.core.database import Database, Transaction
from himalia.core.errors import Invalid, NotFound, StaleAttempt
from himalia.core.identity import HubAccounts
from himalia.core.live import EVERYTHING, Exchange, Listener
from himalia.core.schema import Items
from himalia.engine import queue
from himalia.engine.board import Active
from himalia.engine.reception import Orders, Reception
from himalia.engine.resources import Spot
from himalia.engine.service import Engine
from himalia.projects import service as projects_service
from himalia.snapshots.serve import tar_pieces
from himalia.snapshots.service import Snapshots
from himalia.storage.trees import BadPathError, validate_path
from himalia.workloads.schema import (
    Acknowledged,
    Everything,
    MachineShown,
    OutputStored,
    Placed,
    Reported,
    StopAsked,
    StopWished,
    Workload,
    WorkloadOrders,
)

router = APIRouter(tags=["workloads"], route_class=GatedRoute)

PAUSE_S = 0.5
QUIET_S = 15.0
STREAM_S = 300.0
"""A stream ends then, and whoever may still see it comes back by itself: rights may have changed."""


@dataclass(frozen=True, slots=True)
class WorkloadParts:
    """What the routes need."""

    database: Database
    engine: Engine
    snapshots: Snapshots
    exchange: Exchange
    hub: HubAccounts
    output_limit_bytes: int
    reception: Reception | None = None


async def _parts(request: Request) -> WorkloadParts:
    parts: WorkloadParts = request.app.state.workloads
    return parts


Parts = Annotated[WorkloadParts, Depends(_parts)]


def _own(access: Access, parts: WorkloadParts) -> Active:
    active = parts.engine.board.active.get(access.identity.workload or "")
    if active is None:
        raise NotFound("This workload has ended.")
    return active


@router.get("/workloads/{workload}/snapshot", operation_id="workloads.snapshot", response_class=Response)
async def snapshot(access: CurrentAccess, parts: Parts, workload: str) -> Response:
    """The workload's code snapshot as a tar archive."""
    active = _own(access, parts)
    digest = active.spec.get("snapshot")
    if digest is None:
        raise NotFound("This workload has no code snapshot.")
    tree = await asyncio.to_thread(parts.snapshots.tree, digest)
    return StreamingResponse(tar_pieces(tree, parts.snapshots.store), media_type="application/x-tar")


@router.put("/workloads/{workload}/outputs/{path:path}", operation_id="workloads.output")
async def put_output(
    access: CurrentAccess, parts: Parts, request: Request, workload: str, path: str
) -> OutputStored:
    """Upload one output file; the final report then names it."""
    active = _own(access, parts)
    path = unicodedata.normalize("NFC", path)
    try:
        validate_path(path)
    except BadPathError as error:
        raise Invalid.field("path", str(error)) from error
    stored = await parts.snapshots.receive(
        active.project_id, None, request.stream(), parts.output_limit_bytes, runs=True
    )
    return OutputStored(path=path, size=stored.size, digest=stored.digest)


@router.post("/workloads/{workload}/outputs", operation_id="workloads.outputs")
async def put_outputs(
    access: CurrentAccess, parts: Parts, request: Request, workload: str
) -> Items[OutputStored]:
    """Upload many small output files in one body: the length of a JSON list as 4 bytes, that list, and the bytes."""
    active = _own(access, parts)
    stored = await parts.snapshots.receive_bundle(active.project_id, request.stream())
    shown = [OutputStored(path=path, size=one.size, digest=one.digest) for path, one in stored]
    return Items[OutputStored](items=shown)


@router.post("/workloads/{workload}/reports", operation_id="workloads.report")
async def report(access: CurrentAccess, parts: Parts, workload: str, body: Reported) -> Acknowledged:
    """Hand in a runner's reports; answered once they are durable. Each may be sent again, and counts once."""
    reception, name = _reception(access, parts, body.attempt)
    answer = await reception.take(name, body.rank, body.runner, body.reports)
    return Acknowledged(
        acknowledged=answer.acknowledged, pause_s=answer.pause_s, **_orders(answer.orders).model_dump()
    )


@router.get("/workloads/{workload}/orders", operation_id="workloads.orders")
async def orders(
    access: CurrentAccess,
    parts: Parts,
    workload: str,
    attempt: int,
    rank: Annotated[int, Query(ge=0, lt=10_000)] = 0,
    wait_s: Annotated[float, Query(ge=0, le=60)] = 50,
    should_stop: Annotated[
        bool, Query(description="Whether the caller knows of the advice to stop.")
    ] = False,
) -> WorkloadOrders:
    """What the service wishes of an attempt: as soon as it is more than the caller knows, or after `wait_s`."""
    reception, name = _reception(access, parts, attempt)
    return _orders(await reception.orders(name, rank, wait_s, should_stop))


def _reception(access: Access, parts: WorkloadParts, attempt: int) -> tuple[Reception, str]:
    """Where to report, and the name of the attempt that calls. Raises NotFound, StaleAttempt."""
    if parts.reception is None:
        raise NotFound("On this platform the service fetches reports itself.")
    if attempt != access.identity.attempt:
        raise StaleAttempt("This token is of another attempt.")
    return parts.reception, f"{access.identity.workload}-{attempt}"


def _orders(orders: Orders) -> WorkloadOrders:
    stop = StopWished(grace_s=orders.stop.grace_s, reason=orders.stop.reason) if orders.stop else None
    return WorkloadOrders(should_stop=orders.should_stop, stop=stop)


@router.get("/workloads", operation_id="workloads.list")
async def list_workloads(access: CurrentAccess, parts: Parts) -> Items[Workload]:
    """Everything that waits or runs now, of everybody."""
    return Items[Workload](items=await _workloads(parts))


async def _workloads(parts: WorkloadParts) -> list[Workload]:
    active = list(parts.engine.board.active.values())

    def work(connection: Connection) -> list[Workload]:
        who = people.names(connection, {one.person_id for one in active})
        where = {
            project_id: (projects_service.by_id(connection, project_id) or {}).get("name", "")
            for project_id in {one.project_id for one in active}
        }
        return [_shown(one, who.get(one.person_id, ""), where[one.project_id]) for one in active]

    return await parts.database.read(work)


def _shown(active: Active, person: str, project: str) -> Workload:
    return Workload(
        id=active.id,
        kind=active.kind,
        purpose=active.purpose,
        name=active.name,
        project=project,
        person=person,
        state=active.state,
        reason=active.reason,
        message=active.message,
        attempt=active.attempt,
        machine=active.machine,
        places=[_placed(spot) for spot in active.spots] if active.machine else [],
        reserve=active.reserve.as_json(),
        queued_at=active.queued_at,
        started_at=active.started_at,
    )


def _placed(spot: Spot) -> Placed:
    return Placed(machine=spot.machine, devices={name: list(given) for name, given in spot.devices.items()})


@router.post("/workloads/{workload}/stop", operation_id="workloads.stop", status_code=204)
async def stop(access: CurrentAccess, parts: Parts, workload: str, body: StopAsked | None = None) -> Response:
    """End a workload, as an administrator. A notebook server is stopped where it was started, in the hub."""
    active = parts.engine.board.active.get(workload)
    is_server = active is not None and active.kind == "server"

    def work(tx: Transaction) -> None:
        if not is_server:
            parts.engine.stop(tx, workload, "stopped_by_administrator")
        if active is not None:
            _tell(tx, access, active, body.by if body else None)

    await parts.database.write(work)
    if is_server and active is not None:
        await parts.hub.stop_server(active.spec["task"]["user"], active.spec["task"]["server"])
    return Response(status_code=204)


def _tell(tx: Transaction, access: Access, active: Active, by: str | None) -> None:
    """Leave a note of who stopped what: the hub speaks for the person who is signed in to it."""
    person = access.identity.person
    name = by if access.identity.kind == "service" else person.name if person else None
    events.emit(
        tx,
        "workload.stop_asked",
        subject=("workload", active.id, active.name),
        project=active.project_id,
        person=person.id if person else None,
        data={"kind": active.kind, "by": name},
    )


@router.get("/machines", operation_id="machines.list")
async def machines(access: CurrentAccess, parts: Parts) -> Items[MachineShown]:
    """The machines and what of them is free."""
    return Items[MachineShown](items=_machines(parts))


@router.get("/workloads/stream", operation_id="workloads.stream", response_class=StreamingResponse)
async def stream(access: CurrentAccess, parts: Parts) -> StreamingResponse:
    """What `GET /workloads` and `GET /machines` answer, sent again when it changes (server-sent events)."""
    return StreamingResponse(
        changes(parts), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def changes(parts: WorkloadParts) -> AsyncIterator[str]:
    """Server-sent events of everything that waits and runs."""
    listener = Listener()
    parts.exchange.join(listener, EVERYTHING)
    last, until = "", clock.monotonic() + STREAM_S
    try:
        yield "retry: 500\n\n"
        while not listener.overrun and clock.monotonic() < until:
            everything = Everything(workloads=await _workloads(parts), machines=_machines(parts))
            text = everything.model_dump_json()
            yield f"data: {text}\n\n" if text != last else ": still here\n\n"
            last = text
            # Many changes are one picture: what came meanwhile is in the next.
            await asyncio.sleep(PAUSE_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(listener.queue.get(), QUIET_S)
            while not listener.queue.empty():
                listener.queue.get_nowait()
    finally:
        parts.exchange.leave(listener)


def _machines(parts: WorkloadParts) -> list[MachineShown]:
    there = parts.engine.machines()
    free = queue.free(parts.engine.board.held, there)
    return [
        MachineShown(
            name=machine.name,
            allocatable=machine.allocatable.as_json(),
            free=free[machine.name].as_json(),
            taints=[taint.words for taint in machine.taints],
        )
        for machine in there
    ]
