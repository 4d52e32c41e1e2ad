"""HTTP for lineage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from himalia.core.access import GatedRoute, InProject
from himalia.core.database import Database
from himalia.lineage.schema import Graph
from himalia.lineage.service import Lineage

router = APIRouter(tags=["lineage"], route_class=GatedRoute)
Of = Annotated[
    str, Query(pattern=r"^[a-z]{1,20}:[a-z0-9]{1,40}$", description="What it is around: `<noun>:<id>`.")
]


@dataclass(frozen=True, slots=True)
class LineageParts:
    """What the routes need."""

    database: Database
    lineage: Lineage


async def _parts(request: Request) -> LineageParts:
    parts: LineageParts = request.app.state.lineage
    return parts


@router.get("/projects/{project}/lineage", operation_id="lineage.get")
async def lineage(access: InProject, parts: Annotated[LineageParts, Depends(_parts)], of: Of) -> Graph:
    """What a thing came from, and what came from it: datasets, jobs, searches, models, endpoints."""
    project_id = access.in_project["id"]
    return await parts.database.read(lambda c: parts.lineage.graph(c, project_id, of))
