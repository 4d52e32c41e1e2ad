"""HTTP for endpoints."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy.engine import Connection

from himalia.core.access import GatedRoute, InProject
from himalia.core.errors import NotFound, Unavailable
from himalia.core.idempotency import fingerprint
from himalia.core.pagination import LARGEST, Page, label_filter
from himalia.core.schema import Items
from himalia.endpoints import read
from himalia.endpoints.examples import example
from himalia.endpoints.schema import (
    Endpoint,
    EndpointCreate,
    EndpointExample,
    EndpointMetrics,
    EndpointRevision,
    EndpointState,
    EndpointToken,
    EndpointTokenCreate,
    EndpointUpdate,
    NewEndpointToken,
    RevisionCreate,
    Rollback,
    Traffic,
)
from himalia.endpoints.service import Endpoints
from himalia.endpoints.tokens import EndpointTokens
from himalia.engine.logs import LogFiles
from himalia.gateway.client import GatewayAway, GatewayClient
from himalia.projects.schema import Restore

router = APIRouter(prefix="/projects/{project}/endpoints", tags=["endpoints"], route_class=GatedRoute)


@dataclass(frozen=True, slots=True)
class EndpointParts:
    """What the routes need."""

    endpoints: Endpoints
    tokens: EndpointTokens
    gateway: GatewayClient
    logs: LogFiles


async def _parts(request: Request) -> EndpointParts:
    parts: EndpointParts = request.app.state.endpoints
    return parts


Parts = Annotated[EndpointParts, Depends(_parts)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", description="Same key, same endpoint.")]
Number = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="Which revision; the newest when left out.")
]


@router.get("", operation_id="endpoints.list")
async def list_endpoints(
    access: InProject,
    parts: Parts,
    state: Annotated[
        list[EndpointState] | None, Query(max_length=7, description="Only these states.")
    ] = None,
    text: Annotated[str | None, Query(max_length=100, description="Part of the name.")] = None,
    label: Annotated[list[str] | None, Query(max_length=20, description="key=value")] = None,
    deleted: Annotated[bool, Query(description="Deleted ones that can be restored.")] = False,
    limit: Annotated[int, Query(ge=1, le=LARGEST)] = 50,
    page_token: str | None = None,
) -> Items[Endpoint]:
    """The project's endpoints, newest first."""
    labels = [label_filter(one) for one in label or []]
    project, page = access.in_project, Page(limit, page_token)

    def work(connection: Connection) -> Items[Endpoint]:
        rows, token = read.page_of(
            connection, project["id"], page, states=state or (), text=text, labels=labels, deleted=deleted
        )
        shown = parts.endpoints.shower.show(connection, rows, project["name"])
        return Items[Endpoint].model_construct(items=shown, next_page_token=token)

    return await parts.endpoints.database.read(work)


@router.post("", operation_id="endpoints.create", status_code=201)
async def create(
    access: InProject,
    parts: Parts,
    request: Request,
    response: Response,
    body: EndpointCreate,
    key: Key = None,
) -> Endpoint:
    """Deploy a model. With an Idempotency-Key that came before, 200 and the same endpoint."""
    mark = fingerprint("endpoints.create", access.in_project["id"], await request.body())
    endpoint, is_new = await parts.endpoints.create(access, body, key, mark)
    if not is_new:
        response.status_code = 200
    return endpoint


@router.get("/{endpoint}", operation_id="endpoints.get")
async def get(access: InProject, parts: Parts, endpoint: str) -> Endpoint:
    """One endpoint, with its revisions."""
    return await parts.endpoints.get(access, endpoint)


@router.patch("/{endpoint}", operation_id="endpoints.update")
async def update(
    access: InProject,
    parts: Parts,
    endpoint: str,
    body: EndpointUpdate,
    if_match: Annotated[str | None, Header()] = None,
) -> Endpoint:
    """Rename or label an endpoint. Its name is part of its address."""
    return await parts.endpoints.update(access, endpoint, body, if_match)


@router.delete("/{endpoint}", operation_id="endpoints.delete", status_code=204)
async def delete(access: InProject, parts: Parts, endpoint: str, cascade: bool = False) -> Response:
    """Delete an endpoint; it can be restored for 30 days. `cascade` stops it first."""
    await parts.endpoints.delete(access, endpoint, cascade)
    return Response(status_code=204)


@router.post("/{endpoint}/restore", operation_id="endpoints.restore")
async def restore(access: InProject, parts: Parts, endpoint: str, body: Restore) -> Endpoint:
    """Bring back a deleted endpoint, by name or id; it is stopped."""
    return await parts.endpoints.restore(access, endpoint, body.name)


@router.get("/{endpoint}/revisions", operation_id="endpoints.revisions")
async def revisions(access: InProject, parts: Parts, endpoint: str) -> Items[EndpointRevision]:
    """All revisions of an endpoint, newest first."""
    found = await parts.endpoints.get(access, endpoint)
    return Items[EndpointRevision].model_construct(items=found.status.revisions, next_page_token=None)


@router.post("/{endpoint}/revisions", operation_id="endpoints.add_revision", status_code=201)
async def add_revision(access: InProject, parts: Parts, endpoint: str, body: RevisionCreate) -> Endpoint:
    """Update: serve another model version. It takes over when it is ready, and no call fails meanwhile.

    409 with the code no_capacity where it does not fit beside the present one; `replace` stops that one first.
    """
    return await parts.endpoints.add_revision(access, endpoint, body)


@router.post("/{endpoint}/rollback", operation_id="endpoints.rollback")
async def rollback(access: InProject, parts: Parts, endpoint: str, body: Rollback) -> Endpoint:
    """Return to an earlier revision, in the same way as an update; or give up an update that is under way."""
    return await parts.endpoints.rollback(access, endpoint, body)


@router.put("/{endpoint}/traffic", operation_id="endpoints.set_traffic")
async def set_traffic(access: InProject, parts: Parts, endpoint: str, body: Traffic) -> Endpoint:
    """Share the calls among revisions that are ready; one that gets none is stopped."""
    return await parts.endpoints.set_traffic(access, endpoint, body)


@router.post("/{endpoint}/stop", operation_id="endpoints.stop")
async def stop(access: InProject, parts: Parts, endpoint: str) -> Endpoint:
    """Take no more calls, finish those that are under way, and end the model servers."""
    return await parts.endpoints.stop(access, endpoint)


@router.post("/{endpoint}/start", operation_id="endpoints.start")
async def start(access: InProject, parts: Parts, endpoint: str) -> Endpoint:
    """Start a stopped endpoint, or one that failed."""
    return await parts.endpoints.start(access, endpoint)


@router.get("/{endpoint}/tokens", operation_id="endpoints.tokens")
async def tokens(access: InProject, parts: Parts, endpoint: str) -> Items[EndpointToken]:
    """The tokens that open an endpoint, without their values."""
    project_id = access.in_project["id"]

    def work(connection: Connection) -> list[EndpointToken]:
        return read.tokens_of(connection, read.find(connection, project_id, endpoint).id)

    return Items[EndpointToken](items=await parts.endpoints.database.read(work))


@router.post("/{endpoint}/tokens", operation_id="endpoints.create_token", status_code=201)
async def create_token(
    access: InProject, parts: Parts, endpoint: str, body: EndpointTokenCreate
) -> NewEndpointToken:
    """Make a token; it is shown only now. It is good at once, at the gateway too."""
    return await parts.tokens.create(access, endpoint, body)


@router.delete("/{endpoint}/tokens/{token}", operation_id="endpoints.delete_token", status_code=204)
async def delete_token(
    access: InProject, parts: Parts, endpoint: str, token: Annotated[str, Path(max_length=16)]
) -> Response:
    """Revoke a token; it opens nothing from now on."""
    await parts.tokens.delete(access, endpoint, token)
    return Response(status_code=204)


@router.get(
    "/{endpoint}/log",
    operation_id="endpoints.log",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def log(
    access: InProject,
    parts: Parts,
    endpoint: str,
    revision: Number = None,
    attempt: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="The latest when left out.")] = None,
    offset: Annotated[int, Query(ge=0, le=2**53, description="First byte wanted.")] = 0,
    limit: Annotated[int, Query(ge=1, le=16 * 2**20, description="Most bytes.")] = 2**20,
) -> Response:
    """What a revision's server printed; the header X-Himalia-Next-Offset says where to go on."""
    found = (await parts.endpoints.get(access, endpoint)).status.revisions
    wanted = next((one for one in found if revision in (None, one.number)), None)
    if wanted is None:
        raise NotFound(f"The endpoint has no revision {revision}.")
    data = parts.logs.read(f"{wanted.id}-{attempt or wanted.attempt}", offset, limit)
    headers = {"X-Himalia-Next-Offset": str(offset + len(data)), "X-Content-Type-Options": "nosniff"}
    return PlainTextResponse(data, headers=headers)


@router.get("/{endpoint}/metrics", operation_id="endpoints.metrics")
async def metrics(access: InProject, parts: Parts, endpoint: str) -> EndpointMetrics:
    """Requests, failures and times of the last hour, by revision."""
    project_id = access.in_project["id"]
    row = await parts.endpoints.database.read(lambda c: read.find(c, project_id, endpoint))
    try:
        return EndpointMetrics.model_validate(await parts.gateway.series(row.id))
    except GatewayAway as error:
        raise Unavailable("The gateway does not answer now. Try again in a moment.") from error


@router.get("/{endpoint}/example", operation_id="endpoints.example")
async def example_call(access: InProject, parts: Parts, endpoint: str) -> EndpointExample:
    """A request that the model takes, as JSON, as a curl line and in Python. Raises Unavailable until it is ready."""
    found = await parts.endpoints.get(access, endpoint)
    ready = next((one for one in found.status.revisions if one.ready and one.weight), None)
    if ready is None:
        raise Unavailable("The endpoint is not ready, and its model says what it takes only then.")
    try:
        status, text = await parts.gateway.ask(ready.id, f"/v2/models/{found.model}")
    except GatewayAway as error:
        raise Unavailable("The gateway does not answer now. Try again in a moment.") from error
    if status != 200:
        raise Unavailable("The model server does not answer now. Try again in a moment.")
    source = await parts.endpoints.database.read(lambda c: read.source_of(c, ready.id))
    own = await asyncio.to_thread(parts.endpoints.sources.example, source)
    return example(found.url, found.model, text, own)
