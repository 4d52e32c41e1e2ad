"""The gate before MLflow: who calls, in which project, and whether this call exists at all for others.

MLflow has no notion of people. A call comes through when it is in the list of `tracking.allowed` and its caller
may read or write in the project that the client names (MLFLOW_WORKSPACE); MLflow then sees the workspace that we
set, never one that a caller did. Errors have MLflow's shape, so that its client shows them as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.engine import Connection

from himalia.core.access import Access, Gate, GatedRoute
from himalia.core.database import Database
from himalia.core.errors import (
    Forbidden,
    HimaliaError,
    Invalid,
    NotFound,
    Unauthenticated,
)
from himalia.core.identity import Identity
from himalia.projects import service as projects_service
from himalia.tracking.allowed import Call, find
from himalia.tracking.client import WORKSPACE_HEADER, MlflowClient, MlflowRefused
from himalia.tracking.passing import SAFE, forward
from himalia.tracking.runs import AttemptRun
from himalia.tracking.service import SERVER_INFO, RegistryCall, Tracking

PREFIX = "/services/himalia/mlflow"
RUNS_CREATE = "api/2.0/mlflow/runs/create"
LOG_BATCH = "api/2.0/mlflow/runs/log-batch"
LOGS = (LOG_BATCH, "api/2.0/mlflow/runs/log-metric")
MODEL_FIELDS = ("model_id", "modelId")
"""A metric's model, by either of the names that protobuf's JSON knows it by."""
PARENT_TAG = "mlflow.parentRunId"
NO_REGISTRY = (
    "Models are registered through Himalia, so that their lineage is kept: with Register model in the panel, "
    "or himalia.Client().models."
)
_CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    413: "INVALID_PARAMETER_VALUE",
    422: "INVALID_PARAMETER_VALUE",
    503: "TEMPORARILY_UNAVAILABLE",
}


class MlflowRoute(GatedRoute):
    """A route whose project is named by the client's header, and whose operation by the list of calls."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handler(request)
            except HimaliaError as error:
                return _error(error)

        return told

    async def admitted(self, request: Request) -> Access:
        gate: Gate = request.app.state.gate
        path = request.path_params["path"]
        call = find(request.method, path.removeprefix("api/")) if path.startswith("api/") else None
        # Before anything is said of what there is.
        if "authorization" not in request.headers:
            raise Unauthenticated("Set MLFLOW_TRACKING_TOKEN to a token of yours: himalia tokens create.")
        identity = await gate.identify(request)
        if call is None:
            raise NotFound("This call of MLflow's is not available here.")
        request.state.call = call
        project = await _project(gate, identity, request.headers.get(WORKSPACE_HEADER))
        operation = "mlflow.write" if call.kind in ("write", "registry") else "mlflow.read"
        return await gate.admit(operation, identity, {"project": project, "workload": identity.workload})


async def _project(gate: Gate, identity: Identity, named: str | None) -> str:
    """The name of the project that a call is about: the one named, else the token's own, else the personal one."""
    if named:
        return named
    person = identity.person

    def work(connection: Connection) -> dict[str, Any] | None:
        if identity.project is not None:
            return projects_service.by_id(connection, identity.project)
        return projects_service.personal(connection, person.id) if person else None

    found = await gate.database.read(work)
    if found is None:
        raise Invalid.field("MLFLOW_WORKSPACE", "Name a project: set MLFLOW_WORKSPACE.")
    return str(found["name"])


router = APIRouter(prefix=PREFIX, route_class=MlflowRoute, include_in_schema=False)


async def _tracking(request: Request) -> Tracking:
    tracking: Tracking = request.app.state.tracking
    return tracking


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


@router.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def mlflow(
    request: Request,
    path: str,
    tracking: Annotated[Tracking, Depends(_tracking)],
    database: Annotated[Database, Depends(_database)],
) -> Response:
    """A call of MLflow's REST API (https://mlflow.org/docs/3.17.2/rest-api.html)."""
    call: Call = request.state.call
    access: Access = request.state.access
    if call.kind == "info":
        return JSONResponse(SERVER_INFO)
    if call.kind == "workspaces":
        return await _workspaces(database, access, path)
    try:
        if call.kind == "registry":
            return await _registry(request, tracking, access, path)
        async with tracking.client(access.in_project["id"]) as client:
            if path == RUNS_CREATE:
                return await _create_run(request, tracking, client, access)
            if path in LOGS:
                return await _log(request, tracking, client, access, path)
            return await forward(request, tracking, client, path)
    except MlflowRefused as error:
        return JSONResponse({"error_code": error.code, "message": str(error)}, error.status, SAFE)


async def _workspaces(database: Database, access: Access, path: str) -> Response:
    """The caller's projects, as MLflow's workspaces."""
    identity, own = access.identity, access.in_project
    name = path.partition("/workspaces/")[2]
    if name:
        if name != own["name"]:
            raise NotFound(projects_service.no_such(name))
        return JSONResponse({"workspace": {"name": name}})
    if identity.project is not None or identity.person is None:
        names = [own["name"]]
    else:
        person = identity.person
        rows = await database.read(lambda c: projects_service.of_person(c, person))
        names = [row["name"] for row in rows]
    return JSONResponse({"workspaces": [{"name": one} for one in names]})


async def _registry(request: Request, tracking: Tracking, access: Access, path: str) -> Response:
    if tracking.registry is None:
        raise Forbidden(NO_REGISTRY)
    if access.identity.workload is not None and request.method == "DELETE":
        raise Forbidden("A job registers models, and deletes none: its token may not do this.")
    below = path.removeprefix("api/2.0/mlflow/")
    call = RegistryCall(
        access.in_project["id"], access.person.id, request.method, below, await _body(request)
    )
    return JSONResponse(await tracking.registry(call))


# Runs, and what a job's own client logs


async def _create_run(request: Request, tracking: Tracking, client: MlflowClient, access: Access) -> Response:
    """A new run, signed with who made it. The first one that a job makes is its attempt's own."""
    body, identity = await _body(request), access.identity
    tags = _tags(body)
    if identity.workload is not None and PARENT_TAG not in tags:
        workload, attempt = identity.workload, identity.attempt or 0
        asked: str | None = str(body.get("experiment_id"))
        if asked == tracking.default_experiment(client):
            asked = None  # nobody chose it; a trial's is its search's
        claimed = await tracking.runs.claim(client, workload, attempt, asked)
        if claimed is not None and claimed.fresh:
            await _tell(client, claimed, body, tags)
            return JSONResponse(await client.get("runs/get", run_id=claimed.run_id))
    tags["mlflow.user"] = access.person.name
    if identity.workload is not None:
        tags["himalia.job_id"] = identity.workload
    signed = {**body, "user_id": access.person.name, "tags": _listed(tags)}
    return JSONResponse(await client.post("runs/create", signed))


async def _tell(
    client: MlflowClient, claimed: AttemptRun, body: Mapping[str, Any], tags: Mapping[str, str]
) -> None:
    """What the job's code says of its run. Who and what made it is known better here."""
    kept = {
        key: value for key, value in tags.items() if not key.startswith(("mlflow.source.", "mlflow.user"))
    }
    if body.get("run_name"):
        kept["mlflow.runName"] = str(body["run_name"])
    if kept:
        await client.post("runs/log-batch", {"run_id": claimed.run_id, "tags": _listed(kept)})


async def _log(
    request: Request, tracking: Tracking, client: MlflowClient, access: Access, path: str
) -> Response:
    """Metrics: those of a job's own run are copied into our metrics, too."""
    body = await _body(request)
    listed = body.get("metrics") if path == LOG_BATCH else [body]
    points = [point for point in listed if isinstance(point, dict)] if isinstance(listed, list) else []
    await _refuse_foreign(client, points)
    answer = await client.post(f"/{path}", body)
    if access.identity.workload is not None:
        run_id = str(body.get("run_id") or body.get("run_uuid") or "")
        await tracking.copy(access.identity.workload, access.identity.attempt or 0, run_id, points)
    return JSONResponse(answer)


async def _refuse_foreign(client: MlflowClient, points: Sequence[Mapping[str, Any]]) -> None:
    """MLflow asks whose the run is, and not whose the models are that metrics name. Raises MlflowRefused."""
    named = {str(point[field]) for point in points for field in MODEL_FIELDS if point.get(field)}
    for model_id in named:
        await client.get(f"logged-models/{quote(model_id, safe='')}")


def _tags(body: Mapping[str, Any]) -> dict[str, str]:
    listed = body.get("tags")
    given = [tag for tag in listed if isinstance(tag, dict)] if isinstance(listed, list) else []
    return {str(tag.get("key")): str(tag.get("value")) for tag in given}


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Invalid.field("body", "The body must be a JSON object.")
    return body


# Errors


def _error(error: HimaliaError) -> Response:
    """Both shapes: ours, and the one that MLflow's client reads."""
    body = {**error.body(), "error_code": _CODES.get(error.status, "BAD_REQUEST"), "message": error.message}
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    return JSONResponse(body, error.status, {**SAFE, **headers})
