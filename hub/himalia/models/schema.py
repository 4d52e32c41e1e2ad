"""What the API shows of models."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from himalia.core.schema import Body, Labels, Name, Who, sound_text
from himalia.datasets.schema import LATEST
from himalia.jobs.schema import DatasetReference

Text = Annotated[str, AfterValidator(sound_text)]
LONGEST_NAME = 250


def _model_name(name: str) -> str:
    """MLflow's rule, less what has a meaning in a reference, and what nobody could see or type."""
    if any(character in "/:@" for character in name) or name in (".", ".."):
        raise ValueError("must not contain / : or @")
    if name != name.strip() or any(unicodedata.category(one) in ("Cc", "Cf") for one in name):
        raise ValueError("must not begin or end with a space, nor contain control characters")
    return unicodedata.normalize("NFC", sound_text(name))


ModelName = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_NAME), AfterValidator(_model_name)
]
"""Freer than other names, as MLflow's are: `Digits (large) 2.0` is one."""


def _not_a_number(alias: str) -> str:
    # MLflow keeps v1, v2, … for itself, and "latest".
    if alias.isdigit() or alias == LATEST or (alias[:1] == "v" and alias[1:].isdigit()):
        raise ValueError(f"must be neither a number, nor v and a number, nor “{LATEST}”")
    return alias


Alias = Annotated[Name, AfterValidator(_not_a_number)]


class ModelSpec(Body):
    """What a model is about; `description` is Markdown."""

    description: Annotated[Text, Field(max_length=50_000)] = ""


class ModelStatus(BaseModel):
    """What was seen. `latest` is the highest version number, `aliases` name the number that each stands for."""

    versions: int
    latest: int | None
    aliases: dict[str, int]


class Model(BaseModel):
    """A model: a name for versions."""

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


class ModelCreate(Body):
    name: ModelName
    labels: Labels = Field(default_factory=dict)
    spec: ModelSpec = Field(default_factory=ModelSpec)


class ModelUpdate(Body):
    labels: Labels | None = None
    spec: ModelSpec | None = None


class TrialSource(Body):
    """A trial of a search, by its number."""

    experiment: Name
    number: Annotated[int, Field(ge=0, le=2**31 - 1)]


Path = Annotated[Text, Field(max_length=1024)]
RunId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
LoggedModelId = Annotated[str, StringConstraints(pattern=r"^m-[0-9a-f]{32}$")]


class ModelVersionCreate(Body):
    """Where the version comes from: exactly one of `job`, `trial`, `run_id` and `model_id`.

    `path` is the folder with the file MLmodel: among the outputs of the job or trial, or among the artifacts of the
    MLflow run. It can be left out where there is only one. `model_id` is a model that MLflow logged.
    `environment` is needed where the source does not tell in which one the model was made.
    """

    job: Name | None = None
    trial: TrialSource | None = None
    run_id: RunId | None = None
    model_id: LoggedModelId | None = None
    path: Path | None = None
    environment: Name | None = None
    description: Annotated[Text, Field(max_length=50_000)] = ""

    @model_validator(mode="after")
    def _one_source(self) -> ModelVersionCreate:
        if sum(one is not None for one in (self.job, self.trial, self.run_id, self.model_id)) != 1:
            raise ValueError("name one of job, trial, run_id and model_id")
        return self


class ModelVersionUpdate(Body):
    description: Annotated[Text, Field(max_length=50_000)] | None = None


class Code(BaseModel):
    """What a version's job ran: `entry` is its notebook, script or command, `snapshot` the digest of the code."""

    entry: str
    snapshot: str | None = None


class Source(BaseModel):
    """Where a version came from; a job's name and id, a trial's experiment and number, an MLflow run.

    `code` is what the job ran, `datasets` are those that it read, as `digits@2`.
    """

    job: str | None = None
    job_id: str | None = None
    attempt: int | None = None
    experiment: str | None = None
    trial: int | None = None
    run_id: str | None = None
    path: str = ""
    code: Code | None = None
    datasets: list[str] = Field(default_factory=list)


class Tensor(BaseModel):
    """One input, output or parameter of a model's signature. `type` is MLflow's word; columns have no `shape`."""

    name: str | None
    type: str
    shape: list[int] | None = None
    required: bool = True


class Signature(BaseModel):
    """What the model takes and gives."""

    inputs: list[Tensor] = Field(default_factory=list)
    outputs: list[Tensor] = Field(default_factory=list)
    params: list[Tensor] = Field(default_factory=list)


class ModelVersionSpec(BaseModel):
    """What was said about the version."""

    description: str
    source: Source


class ModelVersionStatus(BaseModel):
    """What is in it. A version with a `problem` can be seen, but neither evaluated nor deployed.

    `metrics` and `parameters` are those of its source when it was registered. `environment` and `requirements` say
    where it runs.
    """

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


class ModelVersion(BaseModel):
    """An immutable model; `name` is `<model>@<number>`."""

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


class AliasSet(Body):
    """The version that the alias is to stand for."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


class Card(BaseModel):
    """A version for people to read: `markdown` is the description with metrics, inputs and outputs, and source."""

    description: str
    markdown: str


class CardSet(Body):
    description: Annotated[Text, Field(max_length=50_000)]


class EvaluationCreate(Body):
    """Evaluate on a dataset version, as `digits@2`, whose file `path` (the only table where left out) is a table.

    `target` is the column with the right answers. The type is guessed from the target where it is left out.
    """

    dataset: DatasetReference
    target: Annotated[Text, Field(min_length=1, max_length=500)]
    path: Path | None = None
    type: Literal["classifier", "regressor"] | None = None
    profile: Name
    size: Name | None = None
    name: Name | None = None


class EvaluationPlot(BaseModel):
    """A picture or table that an evaluation left, by its path among the job's outputs."""

    name: str
    path: str
    media_type: str


class Evaluation(BaseModel):
    """An evaluation: the job that does it, and what it found."""

    id: str
    job: str
    dataset: str
    target: str
    state: str
    message: str | None
    metrics: dict[str, float | None]
    artifacts: list[EvaluationPlot]
    created_at: datetime
    created_by: Who
