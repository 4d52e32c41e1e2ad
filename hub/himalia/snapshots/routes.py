"""HTTP for code snapshots."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from himalia.core.access import GatedRoute, InProject
from himalia.snapshots.schema import Digest, Snapshot, SnapshotCreate, StoredObject
from himalia.snapshots.service import Snapshots

router = APIRouter(tags=["snapshots"], route_class=GatedRoute)


async def _service(request: Request) -> Snapshots:
    service: Snapshots = request.app.state.snapshots
    return service


Service = Annotated[Snapshots, Depends(_service)]


@router.post("/projects/{project}/snapshots", operation_id="snapshots.create")
async def create(access: InProject, service: Service, body: SnapshotCreate) -> Snapshot:
    """Announce a code snapshot; the answer names what is missing, or that it is complete."""
    return await service.create(access.in_project["id"], body)


@router.put("/projects/{project}/objects/{digest}", operation_id="objects.put")
async def put(access: InProject, service: Service, request: Request, digest: Digest) -> StoredObject:
    """Upload the bytes of one object. They must have this digest (BLAKE3, hexadecimal)."""
    service.check_disk()
    stored = await service.receive(access.in_project["id"], digest, request.stream(), service.limit_bytes)
    return StoredObject(digest=stored.digest, size=stored.size)
