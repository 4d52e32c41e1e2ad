"""HTTP for jobs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy.engine import Connection

from himalia.core import events
from himalia.core.access import GatedRoute, InProject
from himalia.core.errors import NotFound
from himalia.core.idempotency import fingerprint
from himalia.core.pagination import LARGEST, Page, label_filter
from himalia.core.schema import EventShown, Items
from himalia.engine import outputs as workload_outputs
from himalia.engine.logs import LogFiles
from himalia.jobs import read
from himalia.jobs.schema import (
    MOST_REPLICAS,
    Job,
    JobCreate,
    JobRerun,
    JobUpdate,
    OutputFile,
    Series,
    StateName,
)
from himalia.jobs.service import Jobs
from himalia.projects.schema import Restore
from himalia.snapshots.serve import file_response, media_type

router = APIRouter(prefix="/projects/{project}/jobs", tags=["jobs"], route_class=GatedRoute)


async def _jobs(request: Request) -> Jobs:
    service: Jobs = request.app.state.jobs
    return service


async def _logs(request: Request) -> LogFiles:
    logs: LogFiles = request.app.state.logs
    return logs


Service = Annotated[Jobs, Depends(_jobs)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", description="Same key, same job.")]
Of = Annotated[int, Query(ge=0, lt=MOST_REPLICAS, description="Which rank of a distributed job.")]
Try = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Which attempt; the latest when left out.")]


@router.get("", operation_id="jobs.list")
async def list_jobs(
    access: InProject,
    jobs: Service,
    state: Annotated[list[StateName] | None, Query(max_length=7, description="Only these states.")] = None,
    text: Annotated[str | None, Query(max_length=100, description="Part of the name.")] = None,
    label: Annotated[list[str] | None, Query(max_length=20, description="key=value")] = None,
    deleted: Annotated[bool, Query(description="Deleted ones that can be restored.")] = False,
    trials: Annotated[bool, Query(description="Also what other things made: trials, evaluations.")] = False,
    limit: Annotated[int, Query(ge=1, le=LARGEST)] = 50,
    page_token: str | None = None,
) -> Items[Job]:
    """The project's jobs, newest first."""
    labels = [label_filter(one) for one in label or []]
    project, page = access.in_project, Page(limit, page_token)

    def work(connection: Connection) -> Items[Job]:
        rows, token = read.page_of(
            connection,
            project["id"],
            page,
            states=state or (),
            text=text,
            labels=labels,
            deleted=deleted,
            parts=trials,
        )
        shown = jobs.shower.show(connection, rows, project["name"])
        return Items[Job].model_construct(items=shown, next_page_token=token)

    return await jobs.database.read(work)


@router.post("", operation_id="jobs.create", status_code=201)
async def create(
    access: InProject, jobs: Service, request: Request, response: Response, body: JobCreate, key: Key = None
) -> Job:
    """Submit a job. 201 once it is durable; with an Idempotency-Key that came before, 200 and the same job."""
    mark = fingerprint("jobs.create", access.in_project["id"], await request.body())
    job, is_new = await jobs.create(access, body, key, mark)
    if not is_new:
        response.status_code = 200
    return job


@router.get("/{job}", operation_id="jobs.get")
async def get(access: InProject, jobs: Service, job: str) -> Job:
    """One job."""
    return await jobs.get(access, job)


@router.patch("/{job}", operation_id="jobs.update")
async def update(
    access: InProject,
    jobs: Service,
    job: str,
    body: JobUpdate,
    if_match: Annotated[str | None, Header()] = None,
) -> Job:
    """Rename or label a job."""
    return await jobs.update(access, job, body, if_match)


@router.delete("/{job}", operation_id="jobs.delete", status_code=204)
async def delete(access: InProject, jobs: Service, job: str, cascade: bool = False) -> Response:
    """Delete a job; it can be restored for 30 days. `cascade` stops it first."""
    await jobs.delete(access, job, cascade)
    return Response(status_code=204)


@router.post("/{job}/restore", operation_id="jobs.restore")
async def restore(access: InProject, jobs: Service, job: str, body: Restore) -> Job:
    """Bring back a deleted job, by name or id."""
    return await jobs.restore(access, job, body.name)


@router.post("/{job}/stop", operation_id="jobs.stop")
async def stop(access: InProject, jobs: Service, job: str) -> Job:
    """Ask a job to end: politely first, then for good."""
    return await jobs.stop(access, job)


@router.post("/{job}/retry", operation_id="jobs.retry")
async def retry(access: InProject, jobs: Service, job: str) -> Job:
    """Queue a failed or stopped job again, as a new attempt."""
    return await jobs.retry(access, job)


@router.post("/{job}/rerun", operation_id="jobs.rerun", status_code=201)
async def rerun(
    access: InProject, jobs: Service, request: Request, job: str, body: JobRerun, key: Key = None
) -> Job:
    """Submit the same job again as a new one; the body says what differs."""
    mark = fingerprint(f"jobs.rerun {job}", access.in_project["id"], await request.body())
    return await jobs.rerun(access, job, body, key, mark)


@router.get(
    "/{job}/log",
    operation_id="jobs.log",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def log(
    access: InProject,
    jobs: Service,
    logs: Annotated[LogFiles, Depends(_logs)],
    job: str,
    attempt: Try = None,
    rank: Of = 0,
    offset: Annotated[int, Query(ge=0, le=2**53, description="First byte wanted.")] = 0,
    limit: Annotated[int, Query(ge=1, le=16 * 2**20, description="Most bytes.")] = 2**20,
) -> Response:
    """The log as text; the header X-Himalia-Next-Offset says where to go on."""
    row = await jobs.database.read(lambda c: jobs.find(c, access, job))
    data = logs.read(LogFiles.name(f"{row.id}-{attempt or row.attempt}", rank), offset, limit)
    headers = {"X-Himalia-Next-Offset": str(offset + len(data)), "X-Content-Type-Options": "nosniff"}
    return PlainTextResponse(data, headers=headers)


@router.get("/{job}/metrics", operation_id="jobs.metrics")
async def metrics(
    access: InProject, jobs: Service, job: str, attempt: Try = None, rank: Of = 0
) -> Items[Series]:
    """All points of the job's metrics. Of a distributed job, those of rank 0 are the job's; others are asked for."""

    def work(connection: Connection) -> list[Series]:
        row = jobs.find(connection, access, job)
        return read.series(connection, row.id, attempt or row.attempt, rank)

    return Items[Series](items=await jobs.database.read(work))


@router.get("/{job}/outputs", operation_id="jobs.outputs")
async def outputs(access: InProject, jobs: Service, job: str, attempt: Try = None) -> Items[OutputFile]:
    """The files that the job left."""

    def work(connection: Connection) -> list[OutputFile]:
        row = jobs.find(connection, access, job)
        return [_file(one) for one in workload_outputs.of(connection, row.id, attempt or row.attempt)]

    return Items[OutputFile](items=await jobs.database.read(work))


def _file(row: Any) -> OutputFile:
    return OutputFile(path=row.path, size=row.size, digest=row.digest, media_type=media_type(row.path))


@router.get("/{job}/outputs/{path:path}", operation_id="jobs.output", response_class=Response)
async def output(
    access: InProject,
    jobs: Service,
    job: str,
    path: str,
    attempt: Try = None,
    download: Annotated[bool, Query(description="As a file to be saved.")] = False,
    part: Annotated[str | None, Header(alias="Range", description="Only these bytes.")] = None,
) -> Response:
    """One file, as bytes."""

    def work(connection: Connection) -> Any:
        row = jobs.find(connection, access, job)
        for one in workload_outputs.of(connection, row.id, attempt or row.attempt):
            if one.path == path:
                return one
        raise NotFound(f"The job has no output {path}.")

    row = await jobs.database.read(work)
    store = jobs.snapshots.store
    return file_response(store, path, row.digest, row.size, download=download, wanted=part)


@router.get("/{job}/events", operation_id="jobs.events")
async def job_events(
    access: InProject, jobs: Service, job: str, after: Annotated[int, Query(ge=0, le=2**53)] = 0
) -> Items[EventShown]:
    """What happened to the job, oldest first."""

    def work(connection: Connection) -> list[EventShown]:
        row = jobs.find(connection, access, job)
        found = events.after(connection, after, subject=row.id)
        return [EventShown.model_validate(events.shown(event)) for event in found]

    return Items[EventShown](items=await jobs.database.read(work))
