"""HTTP for overlays: kernels have them built, and everybody who waits for one reads its log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import PlainTextResponse

from himalia.core.access import GatedRoute, InProject
from himalia.engine.logs import LogFiles
from himalia.overlays.schema import Overlay, OverlayCreate
from himalia.overlays.service import Overlays

router = APIRouter(prefix="/projects/{project}/overlays", tags=["overlays"], route_class=GatedRoute)


async def _overlays(request: Request) -> Overlays:
    overlays: Overlays = request.app.state.overlays
    return overlays


async def _logs(request: Request) -> LogFiles:
    logs: LogFiles = request.app.state.logs
    return logs


Service = Annotated[Overlays, Depends(_overlays)]


@router.post("", operation_id="overlays.create")
async def create(access: InProject, overlays: Service, body: OverlayCreate) -> Overlay:
    """Have the packages of a requirements.txt installed over an environment, for yourself; once is enough."""
    return await overlays.create(access, body)


@router.get("/{overlay}", operation_id="overlays.get")
async def get(access: InProject, overlays: Service, overlay: str) -> Overlay:
    """How the building of an overlay stands, by the id of its task."""
    return await overlays.get(access, overlay)


@router.get(
    "/{overlay}/log",
    operation_id="overlays.log",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def log(
    access: InProject,
    overlays: Service,
    logs: Annotated[LogFiles, Depends(_logs)],
    overlay: str,
    attempt: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="The latest when left out.")] = None,
    offset: Annotated[int, Query(ge=0, le=2**53, description="First byte wanted.")] = 0,
    limit: Annotated[int, Query(ge=1, le=16 * 2**20, description="Most bytes.")] = 2**20,
) -> Response:
    """The log of the building as text; the header X-Himalia-Next-Offset says where to go on."""
    row = await overlays.database.read(lambda c: overlays.find(c, access, overlay))
    data = logs.read(f"{row.id}-{attempt or row.attempt}", offset, limit)
    headers = {"X-Himalia-Next-Offset": str(offset + len(data)), "X-Content-Type-Options": "nosniff"}
    return PlainTextResponse(data, headers=headers)


@router.post("/{overlay}/stop", operation_id="overlays.stop")
async def stop(access: InProject, overlays: Service, overlay: str) -> Overlay:
    """End the building. What waits for it fails."""
    return await overlays.stop(access, overlay)
