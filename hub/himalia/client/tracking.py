"""MLflow and TensorBoard through the SDK: what their own clients and pages need to be told."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from himalia.client import downloads
from himalia.client.api import Api, escaped
from himalia.client.bridge import blocking
from himalia.client.errors import Invalid
from himalia.client.jobs import AsyncJob, async_jobs
from himalia.client.records import Record

EVENTS = "tfevents"
"""What the name of every file with TensorBoard's events holds."""


class TrackingStatus(Record):
    """How MLflow stands: `state` is stopped, starting, ready or missing; `message` says what that means."""

    _shown = ("state",)
    state: str
    message: str
    workspace: str
    start_s: float | None


class TrackingVerbs:
    """MLflow and TensorBoard."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._jobs = async_jobs(api)

    async def status(self, *, project: str | None = None) -> TrackingStatus:
        """How MLflow stands; asking does not start it."""
        path = f"/projects/{escaped(await self._api.project(project))[1:]}/mlflow"
        return TrackingStatus(await self._api.call("GET", path))

    async def environment(self, *, project: str | None = None) -> dict[str, str]:
        """What MLflow's own client wants in its environment, for a program that runs elsewhere.

            os.environ.update(himalia.Client().tracking.environment())

        Inside notebooks and jobs it is there already. The token is the client's own.
        """
        place = self._api.place
        return {
            "MLFLOW_TRACKING_URI": f"{place.url}/mlflow",
            "MLFLOW_TRACKING_TOKEN": place.token or "",
            "MLFLOW_WORKSPACE": await self._api.project(project),
            "MLFLOW_EXPERIMENT_NAME": "Default",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # no pages are there
        }

    async def tensorboard(self, *runs: str | AsyncJob | os.PathLike[str], project: str | None = None) -> Path:
        """Have TensorBoard show these runs, and no others; the folder that it looks at.

        A run is a job that has left event files among its outputs, or a folder of event files: given as a path
        object, or with a `/` in it. Lab shows TensorBoard from its launcher, and sees a change within seconds.
        Raises Invalid for a run without event files, and NotFound.
        """
        shown = logdir()
        made = shown.with_name(f".{shown.name}-{uuid.uuid4().hex}")
        try:
            await self._api.transport.aside(lambda: made.mkdir(parents=True))
            for run in runs:
                if isinstance(run, os.PathLike) or (isinstance(run, str) and "/" in run):
                    _link(Path(run), made)
                else:
                    await self._fetch(run, made, project)
            await self._api.transport.aside(lambda: _replace(shown, made))
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return shown

    async def _fetch(self, job: str | AsyncJob, folder: Path, project: str | None) -> None:
        name = job if isinstance(job, str) else job.name
        where = folder / name
        found = [
            one
            for one in await self._jobs.outputs(job, project=project)
            if EVENTS in one.path.rpartition("/")[2]
        ]
        if not found:
            raise Invalid(
                f"{name} has no event files among its outputs. Have its code write them below outputs/, "
                "or name the folder that they are in."
            )
        await self._api.transport.aside(where.mkdir)
        of = await self._api.project(project) if isinstance(job, str) else job.project
        base = escaped("projects", of, "jobs", name, "outputs")
        files = [(base + escaped(*file.path.split("/")), file) for file in found]
        await downloads.save_below(self._api, files, where)


def logdir() -> Path:
    """The folder that TensorBoard shows in Lab (XDG base directories)."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "himalia" / "tensorboard"


def _link(run: Path, folder: Path) -> None:
    """A folder that is still written stays where it is."""
    place = run.expanduser().resolve()
    if not place.is_dir():
        raise Invalid(f"There is no folder {run}.")
    (folder / (place.name or "root")).symlink_to(place, target_is_directory=True)


def _replace(old: Path, new: Path) -> None:
    if old.is_symlink():
        old.unlink()
    elif old.exists():
        aside = new.with_name(new.name + ".old")
        old.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    new.rename(old)


class Tracking:
    """`client.tracking`."""

    def __init__(self, api: Api) -> None:
        self._verbs = TrackingVerbs(api)

    status = blocking(TrackingVerbs.status)
    environment = blocking(TrackingVerbs.environment)
    tensorboard = blocking(TrackingVerbs.tensorboard)
