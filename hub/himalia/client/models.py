"""Models: register what jobs, trials and MLflow left, describe, evaluate and download it."""

from __future__ import annotations

import builtins
import tempfile
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from himalia.client import downloads, submission
from himalia.client.api import Api, escaped, items, pieces_of
from himalia.client.bridge import blocking, blocking_items, closing
from himalia.client.errors import NameInUse
from himalia.client.records import Record, Who, many, moment

if TYPE_CHECKING:
    from himalia.client.dataset_upload import Progress

    AnyPath = str | PathLike[str]

LATEST = "latest"
STARTING_S = 300.0
"""What changes the registry waits for MLflow, which may have to start, and for files that are copied."""


class ModelSpec(Record):
    """What a model is about."""

    _shown = ("description",)
    description: str


class ModelStatus(Record):
    """How many versions there are, the latest's number, and which number each alias stands for."""

    _shown = ("versions", "latest", "aliases")
    versions: int
    latest: int | None
    aliases: dict[str, int]


class Model(Record):
    """A name for versions."""

    _made: ClassVar = {
        "spec": ModelSpec,
        "status": ModelStatus,
        "created_at": moment,
        "created_by": Who,
        "updated_at": moment,
    }
    _shown = ("project", "name")
    id: str
    name: str
    project: str
    labels: dict[str, str]
    spec: ModelSpec
    status: ModelStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime
    etag: str


class Code(Record):
    """What the job of a version ran: its notebook, script or command, and the digest of the code's snapshot."""

    _shown = ("entry", "snapshot")
    entry: str
    snapshot: str | None


class Source(Record):
    """Where a version came from; `datasets` are those that its job read, as `digits@2`."""

    _made: ClassVar = {"code": Code}
    _shown = ("job", "experiment", "trial", "path")
    job: str | None
    job_id: str | None
    attempt: int | None
    experiment: str | None
    trial: int | None
    run_id: str | None
    path: str
    code: Code | None
    datasets: list[str]


class Tensor(Record):
    """One input, output or parameter of a model; columns have no `shape`."""

    _shown = ("name", "type", "shape")
    name: str | None
    type: str
    shape: list[int] | None
    required: bool


class Signature(Record):
    """What a model takes and gives."""

    _made: ClassVar = {"inputs": many(Tensor), "outputs": many(Tensor), "params": many(Tensor)}
    _shown = ("inputs", "outputs")
    inputs: list[Tensor]
    outputs: list[Tensor]
    params: list[Tensor]


class ModelVersionSpec(Record):
    """What was said about a version."""

    _made: ClassVar = {"source": Source}
    _shown = ("source",)
    description: str
    source: Source


class ModelVersionStatus(Record):
    """What is in a version, and where it runs; `size` in bytes. With a `problem` it cannot be run."""

    _made: ClassVar = {"signature": Signature}
    _shown = ("metrics", "aliases", "problem")
    files: int
    size: int
    digest: str | None
    aliases: list[str]
    flavors: list[str]
    signature: Signature | None
    environment: str | None
    requirements: list[str]
    metrics: dict[str, float | None]
    parameters: dict[str, Any]
    problem: str | None


class ModelVersion(Record):
    """An immutable model; `name` is `<model>@<number>`."""

    _made: ClassVar = {
        "spec": ModelVersionSpec,
        "status": ModelVersionStatus,
        "created_at": moment,
        "created_by": Who,
        "updated_at": moment,
    }
    id: str
    name: str
    project: str
    model: str
    number: int
    spec: ModelVersionSpec
    status: ModelVersionStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime
    etag: str


class EvaluationArtifact(Record):
    """A picture or table that an evaluation left, by its path among its job's outputs."""

    _shown = ("name", "path")
    name: str
    path: str
    media_type: str


class Evaluation(Record):
    """A version on a dataset: the job that evaluates it, and what it found."""

    _made: ClassVar = {"artifacts": many(EvaluationArtifact), "created_at": moment, "created_by": Who}
    _shown = ("job", "dataset", "state", "metrics")
    id: str
    job: str
    dataset: str
    target: str
    state: str
    message: str | None
    metrics: dict[str, float | None]
    artifacts: list[EvaluationArtifact]
    created_at: datetime
    created_by: Who


class ModelFile(Record):
    """A file of a version; `size` in bytes, `digest` BLAKE3."""

    _shown = ("path", "size")
    path: str
    size: int
    digest: str
    executable: bool
    media_type: str


def model_reference(model: str | Model | ModelVersion, version: str | int | None = None) -> tuple[str, str]:
    """A model's name and a version's number or alias, from `iris`, `iris@3`, or what the client answered."""
    if isinstance(model, ModelVersion):
        return model.model, str(model.number if version is None else version)
    name, _, wanted = (model.name if isinstance(model, Model) else model).partition("@")
    return name, str(version) if version is not None else wanted or LATEST


class ModelVerbs:
    """What can be done with models. A version is named as `iris@3` or `iris@champion`; `iris` is its latest."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def create(
        self,
        name: str,
        *,
        description: str = "",
        labels: Mapping[str, str] | None = None,
        project: str | None = None,
    ) -> Model:
        """Make a model without versions; `register` makes it too. `description` is Markdown. Raises NameInUse."""
        body = {"name": name, "labels": dict(labels or {}), "spec": {"description": description}}
        path = await self._path(None, project)
        return Model(await self._api.call("POST", path, body=body, timeout_s=STARTING_S))

    async def get(self, model: str | Model, *, project: str | None = None) -> Model:
        """The model as it is now. Raises NotFound."""
        return Model(await self._api.call("GET", await self._path(model, project)))

    async def update(
        self,
        model: str | Model,
        *,
        description: str | None = None,
        labels: Mapping[str, str] | None = None,
        project: str | None = None,
    ) -> Model:
        """Change what is given, and leave the rest. Given as an object, it must be as it was: raises Stale."""
        old = model if isinstance(model, Model) else await self.get(model, project=project)
        body: dict[str, Any] = {} if description is None else {"spec": {"description": description}}
        if labels is not None:
            body["labels"] = dict(labels)
        headers = {"If-Match": f'"{old.etag}"'}
        path = escaped("projects", old.project, "models", old.name)
        return Model(await self._api.call("PATCH", path, body=body, headers=headers, timeout_s=STARTING_S))

    async def delete(self, model: str | Model | ModelVersion, *, project: str | None = None) -> None:
        """Delete a model, or with `iris@3` one version, for good. Raises InUse while an endpoint serves it."""
        path = await self._path(model, project)
        if isinstance(model, ModelVersion) or (isinstance(model, str) and "@" in model):
            path = await self._version_path(model, None, project)
        await self._api.call("DELETE", path, timeout_s=STARTING_S)

    async def list(
        self,
        *,
        text: str | None = None,
        label: Mapping[str, str] | None = None,
        project: str | None = None,
    ) -> AsyncGenerator[Model, None]:
        """The project's models, newest first: those with `text` in their name, with these labels."""
        labels = [f"{key}={value}" for key, value in (label or {}).items()]
        params = {"text": text, "label": labels}
        async with closing(self._api.pages(await self._path(None, project), params)) as found:
            async for one in found:
                yield Model(one)

    # Versions

    async def register(
        self,
        model: str | Model | ModelVersion,
        *,
        job: Any = None,
        trial: Any = None,
        run_id: str | None = None,
        model_id: str | None = None,
        path: str | None = None,
        environment: str | None = None,
        description: str = "",
        project: str | None = None,
    ) -> ModelVersion:
        """Make a version of what a job or trial left, or MLflow logged; the model is made if there is none.

        Exactly one source: `job`, by name or as an object; `trial`, as `(experiment, number)`; an MLflow run's
        `run_id`; or the `model_id` of a model that MLflow logged. `path` is the folder with the file MLmodel, needed
        where there are several. Raises NotFound, Invalid.
        """
        name = model_reference(model)[0]
        body: dict[str, Any] = {
            "job": None if job is None else str(getattr(job, "name", job)),
            "run_id": run_id,
            "model_id": model_id,
            "path": path,
            "environment": environment,
            "description": description,
        }
        if trial is not None:
            experiment, number = trial
            body["trial"] = {
                "experiment": str(getattr(experiment, "name", experiment)),
                "number": int(number),
            }
        if isinstance(model, str):
            with suppress(NameInUse):
                await self.create(name, project=project)
        where = await self._path(model, project) + "/versions"
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return ModelVersion(
            await self._api.call("POST", where, body=body, headers=headers, timeout_s=STARTING_S)
        )

    async def version(
        self,
        model: str | Model | ModelVersion,
        version: str | int | None = None,
        *,
        project: str | None = None,
    ) -> ModelVersion:
        """One version, such as `iris@3`. Raises NotFound."""
        return ModelVersion(await self._api.call("GET", await self._version_path(model, version, project)))

    async def versions(
        self, model: str | Model, *, project: str | None = None
    ) -> AsyncGenerator[ModelVersion, None]:
        """The model's versions, newest first."""
        path = await self._path(model, project) + "/versions"
        async with closing(self._api.pages(path, {})) as found:
            async for one in found:
                yield ModelVersion(one)

    async def set_alias(
        self,
        model: str | Model | ModelVersion,
        alias: str,
        version: str | int | None = None,
        *,
        project: str | None = None,
    ) -> ModelVersion:
        """Let an alias stand for a version: `set_alias("iris@3", "champion")`."""
        found = await self.version(model, version, project=project)
        path = await self._path(model, project) + escaped("aliases", alias)
        body = {"version": found.number}
        return ModelVersion(await self._api.call("PUT", path, body=body, timeout_s=STARTING_S))

    async def remove_alias(
        self, model: str | Model | ModelVersion, alias: str, *, project: str | None = None
    ) -> None:
        """Forget an alias; its version stays."""
        path = await self._path(model, project) + escaped("aliases", alias)
        await self._api.call("DELETE", path, timeout_s=STARTING_S)

    # What is said of versions

    async def card(self, model: str | Model | ModelVersion, *, project: str | None = None) -> str:
        """A version for people to read, as Markdown."""
        path = await self._version_path(model, None, project) + "/card"
        return str((await self._api.call("GET", path))["markdown"])

    async def describe(
        self, model: str | Model | ModelVersion, description: str, *, project: str | None = None
    ) -> ModelVersion:
        """Write a version's description, Markdown."""
        path = await self._version_path(model, None, project)
        body = {"description": description}
        return ModelVersion(await self._api.call("PATCH", path, body=body, timeout_s=STARTING_S))

    async def evaluate(
        self,
        model: str | Model | ModelVersion,
        dataset: Any,
        target: str,
        *,
        profile: str | None = None,
        size: str | None = None,
        path: str | None = None,
        type: str | None = None,
        name: str | None = None,
        project: str | None = None,
    ) -> Evaluation:
        """Begin a job that evaluates a version on a table of a dataset, as `digits@2`.

        `target` is the column with the right answers, `path` the table where the dataset has several, `type`
        classifier or regressor where it shall not be guessed. Without a `profile`, the server's own is taken, else
        the first.
        """
        body = {
            "dataset": str(getattr(dataset, "name", dataset)),
            "target": target,
            "path": path,
            "type": type,
            "profile": profile or await submission.default_profile(self._api),
            "size": size,
            "name": name,
        }
        where = await self._version_path(model, None, project) + "/evaluate"
        return Evaluation(await self._api.call("POST", where, body=body))

    async def evaluations(
        self, model: str | Model | ModelVersion, *, project: str | None = None
    ) -> builtins.list[Evaluation]:
        """What a version's evaluations found, newest first."""
        path = await self._version_path(model, None, project) + "/evaluations"
        return [Evaluation(one) for one in items(await self._api.call("GET", path))]

    # Files

    async def files(
        self, model: str | Model | ModelVersion, *, project: str | None = None
    ) -> AsyncGenerator[ModelFile, None]:
        """The files of a version, in the order of their paths."""
        path = await self._version_path(model, None, project) + "/files"
        async with closing(self._api.pages(path, {"limit": 1000})) as found:
            async for one in found:
                yield ModelFile(one)

    async def download(
        self,
        model: str | Model | ModelVersion,
        to: AnyPath,
        *,
        progress: Progress | None = None,
        project: str | None = None,
    ) -> Path:
        """Save a version's files below the folder `to`, for `mlflow.pyfunc.load_model`; their bytes are checked.

        A file that is there with the right size and bytes is left alone.
        """
        version = await self.version(model, project=project)
        base = await self._version_path(version, None, project)
        async with closing(self.files(version, project=project)) as found:
            files = [(f"{base}/files{escaped(*file.path.split('/'))}", file) async for file in found]
        await downloads.save_below(self._api, files, Path(to), progress)
        return Path(to)

    async def code(
        self, model: str | Model | ModelVersion, to: AnyPath, *, project: str | None = None
    ) -> Path:
        """Save the code of the job that made a version below the folder `to`. Raises NotFound where none is known."""
        path = await self._version_path(model, None, project) + "/code"
        folder = Path(to)
        with tempfile.TemporaryFile() as archive:
            async for piece in pieces_of(await self._api.open(self._api.request("GET", path))):
                archive.write(piece)
            archive.seek(0)
            await self._api.transport.aside(lambda: downloads.unpack(archive, folder))
        return folder

    async def _path(self, model: str | Model | ModelVersion | None, project: str | None) -> str:
        where = model.project if isinstance(model, Record) else await self._api.project(project)
        return escaped(
            "projects", where, "models", *([model_reference(model)[0]] if model is not None else [])
        )

    async def _version_path(
        self, model: str | Model | ModelVersion, version: str | int | None, project: str | None
    ) -> str:
        wanted = model_reference(model, version)[1]
        return await self._path(model, project) + escaped("versions", wanted)


class Models:
    """`client.models`."""

    def __init__(self, api: Api) -> None:
        self._verbs = ModelVerbs(api)

    create = blocking(ModelVerbs.create)
    get = blocking(ModelVerbs.get)
    update = blocking(ModelVerbs.update)
    delete = blocking(ModelVerbs.delete)
    list = blocking_items(ModelVerbs.list)
    register = blocking(ModelVerbs.register)
    version = blocking(ModelVerbs.version)
    versions = blocking_items(ModelVerbs.versions)
    set_alias = blocking(ModelVerbs.set_alias)
    remove_alias = blocking(ModelVerbs.remove_alias)
    card = blocking(ModelVerbs.card)
    describe = blocking(ModelVerbs.describe)
    evaluate = blocking(ModelVerbs.evaluate)
    evaluations = blocking(ModelVerbs.evaluations)
    files = blocking_items(ModelVerbs.files)
    download = blocking(ModelVerbs.download)
    code = blocking(ModelVerbs.code)
