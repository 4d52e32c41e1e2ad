"""HTTP for experiments."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi import Path as InPath

from himalia.core.access import CurrentAccess, GatedRoute, InProject
from himalia.core.idempotency import fingerprint
from himalia.core.pagination import LARGEST, Page, label_filter
from himalia.core.schema import Items
from himalia.experiments import study
from himalia.experiments.plots import Plots
from himalia.experiments.schema import (
    Experiment,
    ExperimentCreate,
    ExperimentResume,
    ExperimentState,
    ExperimentUpdate,
    Plot,
    PlotKind,
    Trial,
    TrialState,
)
from himalia.experiments.service import MOST_NUMBER, Experiments
from himalia.projects.schema import Restore

router = APIRouter(prefix="/projects/{project}/experiments", tags=["experiments"], route_class=GatedRoute)


async def _experiments(request: Request) -> Experiments:
    service: Experiments = request.app.state.experiments
    return service


async def _plots(request: Request) -> Plots:
    plots: Plots = request.app.state.plots
    return plots


platform_router = APIRouter(tags=["experiments"], route_class=GatedRoute)


@platform_router.get("/samplers", operation_id="experiments.samplers")
async def samplers(_: CurrentAccess) -> Items[str]:
    """The kinds of samplers whose packages this platform has."""
    return Items[str](items=study.samplers())


Service = Annotated[Experiments, Depends(_experiments)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", description="Same key, same experiment.")]
Number = Annotated[int, InPath(ge=0, le=MOST_NUMBER)]


@router.get("", operation_id="experiments.list")
async def list_experiments(
    access: InProject,
    experiments: Service,
    state: Annotated[
        list[ExperimentState] | None, Query(max_length=4, description="Only these states.")
    ] = None,
    text: Annotated[str | None, Query(max_length=100, description="Part of the name.")] = None,
    label: Annotated[list[str] | None, Query(max_length=20, description="key=value")] = None,
    deleted: Annotated[bool, Query(description="Deleted ones that can be restored.")] = False,
    limit: Annotated[int, Query(ge=1, le=LARGEST)] = 50,
    page_token: str | None = None,
) -> Items[Experiment]:
    """The project's experiments, newest first."""
    labels = [label_filter(one) for one in label or []]
    page = Page(limit, page_token)
    return await experiments.list(access, page, states=state or (), text=text, labels=labels, deleted=deleted)


@router.post("", operation_id="experiments.create", status_code=201)
async def create(
    access: InProject,
    experiments: Service,
    request: Request,
    response: Response,
    body: ExperimentCreate,
    key: Key = None,
) -> Experiment:
    """Begin a search; with an Idempotency-Key that came before, 200 and the same experiment."""
    project = access.in_project["id"]
    mark = fingerprint("experiments.create", project, await request.body())
    experiment, is_new = await experiments.create(access, body, key, mark)
    if not is_new:
        response.status_code = 200
    return experiment


@router.get("/{experiment}", operation_id="experiments.get")
async def get(access: InProject, experiments: Service, experiment: str) -> Experiment:
    """One experiment."""
    return await experiments.get(access, experiment)


@router.patch("/{experiment}", operation_id="experiments.update")
async def update(
    access: InProject,
    experiments: Service,
    experiment: str,
    body: ExperimentUpdate,
    if_match: Annotated[str | None, Header()] = None,
) -> Experiment:
    """Rename or label an experiment."""
    return await experiments.update(access, experiment, body, if_match)


@router.delete("/{experiment}", operation_id="experiments.delete", status_code=204)
async def delete(access: InProject, experiments: Service, experiment: str, cascade: bool = False) -> Response:
    """Delete an experiment with its trials; it can be restored for 30 days. `cascade` stops it first."""
    await experiments.delete(access, experiment, cascade)
    return Response(status_code=204)


@router.post("/{experiment}/restore", operation_id="experiments.restore")
async def restore(access: InProject, experiments: Service, experiment: str, body: Restore) -> Experiment:
    """Bring back a deleted experiment with its trials, by name or id."""
    return await experiments.restore(access, experiment, body.name)


@router.post("/{experiment}/stop", operation_id="experiments.stop")
async def stop(access: InProject, experiments: Service, experiment: str) -> Experiment:
    """End a search and the trials that run; it can be resumed."""
    return await experiments.stop(access, experiment)


@router.post("/{experiment}/resume", operation_id="experiments.resume")
async def resume(
    access: InProject, experiments: Service, experiment: str, body: ExperimentResume
) -> Experiment:
    """Go on with a search that has ended; the body says what differs from here on."""
    return await experiments.resume(access, experiment, body)


@router.get("/{experiment}/best", operation_id="experiments.best")
async def best(access: InProject, experiments: Service, experiment: str) -> Items[Trial]:
    """The best trial; with several objectives, those that no other beats."""
    return await experiments.best(access, experiment)


@router.get("/{experiment}/trials", operation_id="experiments.trials")
async def trials(
    access: InProject,
    experiments: Service,
    experiment: str,
    state: Annotated[list[TrialState] | None, Query(max_length=6, description="Only these states.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    page_token: str | None = None,
) -> Items[Trial]:
    """The trials of an experiment, by number."""
    return await experiments.trials(access, experiment, state or (), limit, page_token)


@router.get("/{experiment}/trials/{number}", operation_id="experiments.trial")
async def trial(access: InProject, experiments: Service, experiment: str, number: Number) -> Trial:
    """One trial."""
    return await experiments.trial(access, experiment, number)


@router.post("/{experiment}/trials/{number}/stop", operation_id="experiments.stop_trial")
async def stop_trial(access: InProject, experiments: Service, experiment: str, number: Number) -> Trial:
    """Ask one trial to end; the search goes on."""
    return await experiments.stop_trial(access, experiment, number)


@router.get("/{experiment}/plots/{plot}", operation_id="experiments.plot")
async def plot(
    access: InProject,
    experiments: Service,
    plots: Annotated[Plots, Depends(_plots)],
    experiment: str,
    plot: PlotKind,
) -> Plot:
    """Rows for one kind of plot, made for Vega-Lite."""
    row = await experiments.database.read(lambda c: experiments.find(c, access, experiment))
    return await plots.make(row, plot)
