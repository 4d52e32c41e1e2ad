"""Where a version's files come from: a job's outputs, a trial's, or what MLflow logged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx
from sqlalchemy.engine import Connection

from himalia.core.errors import Invalid, NotFound, TooLarge, Unavailable, WrongState
from himalia.engine import outputs
from himalia.engine.states import ENDED, State
from himalia.jobs import read as jobs_read
from himalia.models.manifest import MLMODEL
from himalia.models.schema import Code, ModelVersionCreate, Source
from himalia.snapshots.service import Snapshots
from himalia.storage.base import ObjectStore
from himalia.storage.trees import Tree, TreeError, TreeFile
from himalia.tracking.client import FILES, MlflowClient, refused

MOST_FILES = 10_000
PIECE_BYTES = 2**20
OUTPUTS = "outputs"
TrialJob = Callable[[Connection, str, str, int], tuple[str, dict[str, Any]]]
"""`trial_job(connection, project_id, experiment, number)`: a trial's job id, and its values. Raises NotFound."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A job that left a model, and what is known of it."""

    source: Source
    job_id: str
    attempt: int
    environment: str | None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


def origin(connection: Connection, project_id: str, body: ModelVersionCreate, trial_job: TrialJob) -> Origin:
    """The job that the body names, or the trial's. Raises NotFound, and WrongState before its end."""
    if body.trial is not None:
        job_id, values = trial_job(connection, project_id, body.trial.experiment, body.trial.number)
        named = Source(experiment=body.trial.experiment, trial=body.trial.number)
        found = described(connection, _ended(jobs_read.by_id(connection, job_id)), named)
        return replace(found, parameters={**found.parameters, **values})
    row = jobs_read.by_name(connection, project_id, body.job or "")
    if row is None:
        raise NotFound(f"There is no job named {body.job} in this project.")
    return described(connection, _ended(row), Source())


def _ended(row: Any) -> Any:
    """A job whose outputs are there, as far as it left any."""
    if row is not None and State(row.state) not in ENDED:
        raise WrongState(f"{row.name} has not ended yet, and what a job leaves is stored at its end.")
    return row


def described(connection: Connection, row: Any, source: Source) -> Origin:
    """What is known of a job; `source` says what else is."""
    if row is None:
        raise NotFound("The job of this model is gone.")
    code = Code(entry=jobs_read.entry(row.spec), snapshot=row.spec.get("snapshot"))
    known = {"job": row.name, "job_id": row.id, "attempt": row.attempt, "code": code}
    read = sorted(set((row.spec.get("inputs") or {}).values()))
    return Origin(
        source=source.model_copy(update={**known, "datasets": read}),
        job_id=row.id,
        attempt=row.attempt,
        environment=row.spec.get("environment"),
        metrics=jobs_read.latest_metrics(connection, row.id, row.attempt),
        parameters=row.spec.get("parameters") or {},
    )


def output_tree(connection: Connection, origin: Origin, path: str | None) -> tuple[str, Tree]:
    """The folder of a job's outputs that holds MLmodel, and its files. Raises Invalid."""
    rows = outputs.of(connection, origin.job_id, origin.attempt)
    folder = _folder([row.path for row in rows], path, f"The outputs of {origin.source.job}")
    prefix = f"{folder}/" if folder else ""
    try:
        files = [
            TreeFile(row.path[len(prefix) :], row.size, row.digest)
            for row in rows
            if row.path.startswith(prefix)
        ]
        return folder, Tree.of(files)
    except TreeError as error:
        raise Invalid.field("path", str(error)) from error


def _folder(paths: list[str], wanted: str | None, where: str) -> str:
    """The folder that holds MLmodel: the one that is wanted, or the only one."""
    there = sorted({path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] == MLMODEL})
    if wanted is not None:
        asked = wanted.strip("/")
        for folder in (asked, f"{OUTPUTS}/{asked}" if asked else OUTPUTS):
            if folder in there:
                return folder
    elif len(there) == 1:
        return there[0]
    listed = ", ".join(there[:10])
    if not there:
        raise Invalid.field(
            "path", f"{where} hold no model: no folder with a file MLmodel, as MLflow writes it."
        )
    if wanted is not None:
        raise Invalid.field("path", f"{where} hold no model in {wanted}, but in: {listed}.")
    raise Invalid.field("path", f"{where} hold several models. Name one as path: {listed}.")


# What MLflow has


@dataclass(frozen=True, slots=True)
class Logged:
    """A model folder in MLflow: `uri` is where its files are, `source` what the registry is to be told."""

    uri: str
    source: str
    run_id: str
    model_id: str | None
    path: str = ""


async def logged(mlflow: MlflowClient, body: ModelVersionCreate) -> Logged:
    """The model that a run or MLflow's own id of it names. Raises NotFound, Invalid, Unavailable, MlflowRefused."""
    if body.model_id is not None:
        return await logged_model(mlflow, body.model_id)
    run = (await mlflow.get("runs/get", run_id=body.run_id or ""))["run"]
    uri = str(run["info"]["artifact_uri"])
    made = [one["model_id"] for one in run.get("outputs", {}).get("model_outputs", [])]
    if body.path is None and len(made) == 1:
        return await logged_model(mlflow, made[0])
    for model_id in made:
        one = await logged_model(mlflow, model_id)
        if one.path == body.path:
            return one
    folder = _folder(list(await artifacts(mlflow, uri)), body.path, "The artifacts of this run")
    place = f"{uri}/{folder}".rstrip("/")
    return Logged(place, place, run["info"]["run_id"], None, folder)


async def logged_model(mlflow: MlflowClient, model_id: str) -> Logged:
    """A model that MLflow logged, by its id; `path` is its name."""
    info = (await mlflow.get(f"logged-models/{quote(model_id, safe='')}"))["model"]["info"]
    run_id = str(info.get("source_run_id") or "")
    return Logged(
        str(info["artifact_uri"]), f"models:/{info['model_id']}", run_id, info["model_id"], info["name"]
    )


async def of_source(mlflow: MlflowClient, source: str, run_id: str) -> Logged:
    """The model folder that an MLflow client names. Raises Invalid for one that is not of this project's runs."""
    scheme, _, rest = source.partition(":/")
    rest = rest.lstrip("/")
    if scheme == "models" and rest.startswith("m-") and "/" not in rest:
        return await logged_model(mlflow, rest)
    if scheme == "runs":
        run_id, _, path = rest.partition("/")
        run = (await mlflow.get("runs/get", run_id=run_id))["run"]
        return Logged(f"{run['info']['artifact_uri']}/{path}", source, run_id, None, path)
    below(mlflow, source)
    return Logged(source, source, run_id, None)


async def run_values(mlflow: MlflowClient, run_id: str) -> tuple[dict[str, float | None], dict[str, str]]:
    """Metrics and parameters of a run."""
    data = (await mlflow.get("runs/get", run_id=run_id))["run"].get("data", {})
    metrics = {one["key"]: jobs_read.finite(_number(one.get("value"))) for one in data.get("metrics", [])}
    return metrics, {one["key"]: str(one["value"]) for one in data.get("params", [])}


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


async def artifacts(mlflow: MlflowClient, uri: str) -> dict[str, int]:
    """Paths below an artifact folder of this workspace, with their sizes. Raises Invalid, MlflowRefused."""
    root = below(mlflow, uri)
    found: dict[str, int] = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        answer = await mlflow.get(FILES, path=f"{root}/{folder}".rstrip("/"))
        for one in answer.get("files", []):
            path = f"{folder}/{one['path']}".lstrip("/")
            if one.get("is_dir"):
                folders.append(path)
            else:
                found[path] = int(one.get("file_size") or 0)
        if len(found) + len(folders) > MOST_FILES:
            raise Invalid.field("path", f"A model may have {MOST_FILES} files.")
    return found


def below(mlflow: MlflowClient, uri: str) -> str:
    """The path of an artifact folder in MLflow's store. Raises Invalid for one of another place."""
    path = uri.removeprefix("mlflow-artifacts:").lstrip("/")
    own = f"workspaces/{mlflow.workspace}/"
    if not uri.startswith("mlflow-artifacts:/") or not path.startswith(own) or ".." in path.split("/"):
        raise Invalid.field("source", "These files are not of a run of this project.")
    return path.rstrip("/")


async def copied(
    mlflow: MlflowClient, uri: str, snapshots: Snapshots, project_id: str, limit_bytes: int
) -> Tree:
    """The files of an artifact folder, now in our store too.

    Raises Invalid, TooLarge, DiskFull, Unavailable, MlflowRefused.
    """
    sizes = await artifacts(mlflow, uri)
    if sum(sizes.values()) > limit_bytes:
        raise TooLarge(f"A model may have {limit_bytes} bytes.")
    snapshots.check_disk(sum(sizes.values()))
    root, files = below(mlflow, uri), []
    for path in sizes:
        pieces = _pieces(mlflow, f"{FILES}/{quote(f'{root}/{path}')}")
        stored = await snapshots.receive(project_id, None, pieces, limit_bytes)
        files.append(TreeFile(path, stored.size, stored.digest))
    try:
        return Tree.of(files)
    except TreeError as error:
        raise Invalid.field("path", str(error)) from error


async def _pieces(mlflow: MlflowClient, path: str) -> AsyncIterator[bytes]:
    try:
        async with mlflow.http.stream("GET", path, headers=mlflow.headers) as answer:
            if not answer.is_success:
                await answer.aread()
                raise refused(answer)
            async for piece in answer.aiter_bytes():
                yield piece
    except httpx.TransportError as error:
        raise Unavailable("MLflow ended while it was asked. Try again in a moment.") from error


async def uploaded(mlflow: MlflowClient, run_id: str, folder: str, tree: Tree, store: ObjectStore) -> str:
    """Put the files of a tree among a run's artifacts: where they are. Raises Unavailable, MlflowRefused."""
    uri = (await mlflow.get("runs/get", run_id=run_id))["run"]["info"]["artifact_uri"]
    place = f"{uri}/{folder}".rstrip("/")
    root = below(mlflow, place)
    for file in tree.files:
        path = f"{FILES}/{quote(f'{root}/{file.path}')}"
        try:
            headers = {**mlflow.headers, "Content-Length": str(file.size)}
            answer = await mlflow.http.put(path, content=_stored(store, file.digest), headers=headers)
        except httpx.TransportError as error:
            raise Unavailable("MLflow ended while it was asked. Try again in a moment.") from error
        if not answer.is_success:
            raise refused(answer)
    return place


async def _stored(store: ObjectStore, digest: str) -> AsyncIterator[bytes]:
    with store.open(digest) as reader:
        while piece := await asyncio.to_thread(reader.read, PIECE_BYTES):
            yield piece
