"""HTTP for previews of versions, and for Croissant."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from himalia.core.access import GatedRoute, InProject
from himalia.datasets.croissant import MEDIA_TYPE
from himalia.datasets.preview import SHEET
from himalia.datasets.previews import Previews
from himalia.datasets.routes import Wanted
from himalia.datasets.schema import PreviewShown
from himalia.snapshots.serve import file_response

router = APIRouter(
    prefix="/projects/{project}/datasets/{dataset}/versions/{version}",
    tags=["datasets"],
    route_class=GatedRoute,
)


async def _previews(request: Request) -> Previews:
    service: Previews = request.app.state.previews
    return service


Service = Annotated[Previews, Depends(_previews)]


@router.get("/preview", operation_id="datasets.preview")
async def get(access: InProject, previews: Service, dataset: str, version: Wanted) -> PreviewShown:
    """What there is to see in the version's files, or how the looking stands."""
    return await previews.get(access, dataset, version)


@router.post("/preview", operation_id="datasets.make_preview", status_code=202)
async def make(access: InProject, previews: Service, dataset: str, version: Wanted) -> PreviewShown:
    """Look at the version's files again, if that failed or was never done."""
    return await previews.make(access, dataset, version)


@router.get(
    "/preview/thumbnails",
    operation_id="datasets.thumbnails",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}},
)
async def thumbnails(access: InProject, previews: Service, dataset: str, version: Wanted) -> Response:
    """The thumbnails side by side in one picture; the preview says which is where."""
    digest, size = await previews.sheet(access, dataset, version)
    return file_response(previews.datasets.snapshots.store, SHEET, digest, size)


@router.get(
    "/croissant",
    operation_id="datasets.croissant",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}},
)
async def croissant(access: InProject, previews: Service, dataset: str, version: Wanted) -> Response:
    """The version described as Croissant 1.1 (JSON-LD), for other platforms and search engines for data."""
    described: dict[str, Any] = await previews.croissant(access, dataset, version)
    return JSONResponse(described, media_type=MEDIA_TYPE)
