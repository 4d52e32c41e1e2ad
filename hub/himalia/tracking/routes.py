"""HTTP for what people ask of MLflow itself: how it stands, and its pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.engine import Connection

from himalia.core.access import GatedRoute, InProject
from himalia.core.errors import NotFound
from himalia.jobs import read as jobs_read
from himalia.tracking.client import MlflowRefused
from himalia.tracking.content import CODE_S, Content
from himalia.tracking.schema import PagesCode, PagesOpen, TrackingStatus
from himalia.tracking.service import Tracking

router = APIRouter(prefix="/projects/{project}/mlflow", tags=["tracking"], route_class=GatedRoute)
MESSAGES = {
    "stopped": "MLflow is not running. It starts when somebody uses it, which takes about 6 seconds.",
    "starting": "MLflow is starting. This takes about 6 seconds.",
    "ready": "MLflow is running.",
    "missing": "MLflow is not installed on this platform. Ask an administrator for himalia[tracking].",
}


async def _tracking(request: Request) -> Tracking:
    tracking: Tracking = request.app.state.tracking
    return tracking


async def _content(request: Request) -> Content:
    content: Content = request.app.state.content
    return content


Service = Annotated[Tracking, Depends(_tracking)]


@router.get("", operation_id="tracking.get")
async def get(access: InProject, tracking: Service) -> TrackingStatus:
    """How MLflow stands; asking does not start it."""
    process = tracking.process
    return TrackingStatus(
        state=process.state,
        message=MESSAGES[process.state],
        workspace=access.in_project["name"],
        start_s=process.start_s,
    )


@router.post("/pages", operation_id="tracking.open")
async def open_pages(
    access: InProject,
    tracking: Service,
    content: Annotated[Content, Depends(_content)],
    request: Request,
    body: PagesOpen,
) -> PagesCode:
    """A code for MLflow's own pages of the project, which start meanwhile."""
    page = await _page(access.in_project["id"], tracking, body.job) if body.job else "#/experiments"
    content.start()
    where = content.origins.content(request.headers.get("x-forwarded-host") or request.headers.get("host"))
    return PagesCode(
        url=f"{where}/{access.in_project['name']}/open",
        code=content.sessions.code(access, page),
        expires_in_s=CODE_S,
        state=tracking.process.state,
    )


async def _page(project_id: str, tracking: Tracking, job: str) -> str:
    """The page of a job's run, which is made where there is none yet. Raises NotFound, Unavailable."""

    def read(connection: Connection) -> tuple[str, int]:
        row = jobs_read.by_name(connection, project_id, job)
        if row is None:
            raise NotFound(f"There is no job named {job}.")
        if row.attempt == 0:
            raise NotFound(f"{job} has not started yet, so it has no run in MLflow.")
        return row.id, row.attempt

    workload, attempt = await tracking.database.read(read)
    async with tracking.client(project_id) as mlflow:
        try:
            run_id = await tracking.runs.ensure(mlflow, workload, attempt)
            if run_id is None:
                raise NotFound(f"{job} has no run in MLflow.")
            info = (await mlflow.get("runs/get", run_id=run_id))["run"]["info"]
        except MlflowRefused as error:
            raise error.error from error
    return f"#/experiments/{info['experiment_id']}/runs/{run_id}"
