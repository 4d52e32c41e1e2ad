"""What the API shows of jobs."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from himalia.core.schema import Body, Labels, Name, Value, VariableName, Who, sound_text

Kind = Literal["notebook", "script", "command"]
StateName = Literal["QUEUED", "STARTING", "RUNNING", "STOPPING", "SUCCEEDED", "FAILED", "STOPPED"]


def _relative(path: str) -> str:
    """A path inside the code snapshot, in NFC."""
    path = unicodedata.normalize("NFC", path)
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or "." in parts or "" in parts or "\\" in path:
        raise ValueError("must be a path inside the job's folder, without .. and not starting with /")
    if any(unicodedata.category(character) == "Cc" for character in path):
        raise ValueError("must not contain control characters")
    return path


RelativePath = Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_relative)]
MOST_REPLICAS = 64
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Argument = Annotated[str, StringConstraints(max_length=65_536), AfterValidator(sound_text)]

DatasetReference = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?(@[a-z0-9-]{1,40})?$", max_length=81)
]
"""`dataset`, `dataset@version` or `dataset@alias`."""


class JobSpec(Body):
    """What to run, on what, and what it may cost.

    `snapshot` is the digest of the uploaded code; `notebook`, `script` and `requirements` are paths in it.
    `requirements` names a requirements.txt whose packages are laid over the environment. `inputs` are datasets that
    the job reads, by the names it knows them by: `dataset`, `dataset@version` or `dataset@alias`; in the answer, the
    version that each stood for when the job was submitted. With several `replicas` the job is distributed: as many
    ranks start together, each with the profile's resources, and find each other by the variables of torchrun,
    TensorFlow (TF_CONFIG), MindSpore and MPI. The first rank that fails ends the others; `retries` start all again.
    """

    kind: Kind = "notebook"
    notebook: RelativePath | None = None
    script: RelativePath | None = None
    arguments: Annotated[list[Argument], Field(max_length=1000)] = Field(default_factory=list)
    command: Annotated[list[Argument], Field(max_length=1000)] = Field(default_factory=list)
    parameters: Annotated[dict[VariableName, Value], Field(max_length=500)] = Field(default_factory=dict)
    profile: Name
    size: Name | None = None
    replicas: Annotated[int, Field(ge=1, le=MOST_REPLICAS)] = 1
    environment: Name | None = None
    requirements: RelativePath | None = None
    snapshot: Digest | None = None
    inputs: Annotated[dict[Name, DatasetReference], Field(max_length=50)] = Field(default_factory=dict)
    env: Annotated[dict[VariableName, Argument], Field(max_length=200)] = Field(default_factory=dict)
    secrets: Annotated[list[VariableName], Field(max_length=50)] = Field(default_factory=list)
    priority: Annotated[int, Field(ge=-10, le=10)] = 0
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    max_restarts: Annotated[int, Field(ge=0, le=10)] = 3
    time_limit_s: Annotated[float | None, Field(gt=0, le=30 * 86_400, allow_inf_nan=False)] = None
    permissions: list[Literal["submit"]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _what_to_run(self) -> JobSpec:
        given = {"notebook": self.notebook, "script": self.script, "command": self.command}
        if not given[self.kind]:
            raise ValueError(f"a job of kind {self.kind} needs the field {self.kind}")
        for kind, value in given.items():
            if kind != self.kind and value:
                raise ValueError(f"a job of kind {self.kind} has no {kind}")
        if self.kind != "command" and self.snapshot is None:
            raise ValueError(f"a job of kind {self.kind} needs a snapshot of its code")
        if self.requirements is not None and self.snapshot is None:
            raise ValueError("requirements names a file of the snapshot, and there is no snapshot")
        if self.parameters and self.kind != "notebook":
            raise ValueError("only a notebook has parameters; give a script or a command arguments")
        if self.command and not self.command[0].strip():
            raise ValueError("the command's first word is empty")
        return self


class Usage(BaseModel):
    cpu_s: float | None
    wall_s: float | None
    max_memory_bytes: int | None


class Rank(BaseModel):
    """One rank of an attempt of a distributed job; `devices` as of an attempt."""

    rank: int
    state: StateName
    reason: str | None
    message: str | None
    machine: str
    devices: dict[str, list[str]]
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    usage: Usage
    log_bytes: int
    log_dropped_bytes: int


class Attempt(BaseModel):
    """One try of a job, from its beginning. `ranks` are those of a distributed job; others have none.

    `devices` are the accelerators that it was given, by resource name; none are listed where they have no names.
    """

    attempt: int
    state: StateName
    reason: str | None
    message: str | None
    machine: str | None = None
    devices: dict[str, list[str]] = Field(default_factory=dict)
    starting_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    usage: Usage
    log_bytes: int
    log_dropped_bytes: int
    ranks: list[Rank] = Field(default_factory=list)


class Queue(BaseModel):
    """Where a waiting job stands, from 1; without a place where it waits in the cluster's own queue."""

    place: int | None
    of: int | None
    message: str


class Input(BaseModel):
    """A dataset's version that a job reads; `dataset` is what it was called at the time."""

    dataset: str
    version: int
    version_id: str
    tree: str


class Outputs(BaseModel):
    """What a job left: files, their bytes together, and how many folders of them hold a model of MLflow's format."""

    count: int
    size: int
    models: int = 0


class JobStatus(BaseModel):
    """What was seen. `metrics` holds the latest value of each; `progress` what the runner said last."""

    state: StateName
    reason: str | None = None
    message: str | None = None
    attempt: int = 0
    attempts: list[Attempt] = Field(default_factory=list)
    queued_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: dict[str, Any] | None = None
    queue: Queue | None = None
    metrics: dict[str, float | None] = Field(default_factory=dict)
    outputs: Outputs | None = None
    inputs: dict[str, Input] = Field(default_factory=dict)
    environment_job: str | None = None
    deleted_at: datetime | None = None


class Job(BaseModel):
    """A job. `part_of` names what it was made for: `experiment:<id>` for a trial, `model:<id>` for an evaluation."""

    id: str
    name: str
    project: str
    labels: dict[str, str]
    part_of: str | None = None
    spec: JobSpec
    status: JobStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime
    etag: str


class JobCreate(Body):
    """Without `name` one is made from the notebook, script or command."""

    name: Name | None = None
    labels: Labels = Field(default_factory=dict)
    spec: JobSpec


class JobUpdate(Body):
    name: Name | None = None
    labels: Labels | None = None


class JobRerun(Body):
    """What differs from the job that is run again."""

    name: Name | None = None
    parameters: Annotated[dict[VariableName, Value], Field(max_length=500)] | None = None
    profile: Name | None = None
    size: Name | None = None
    replicas: Annotated[int | None, Field(ge=1, le=MOST_REPLICAS)] = None


class OutputFile(BaseModel):
    """A file that a job left."""

    path: str
    size: int
    digest: str
    media_type: str


class Series(BaseModel):
    """`points` are [step, value, seconds since the epoch]; a value that is not finite is null."""

    name: str
    points: list[tuple[int, float | None, float]]
