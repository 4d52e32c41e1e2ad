"""What the API shows of endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from himalia.core.schema import Body, Labels, Name, VariableName, Who, sound_text

EndpointState = Literal["STARTING", "READY", "UPDATING", "UNAVAILABLE", "FAILED", "STOPPING", "STOPPED"]
RevisionState = Literal["QUEUED", "STARTING", "RUNNING", "STOPPING", "SUCCEEDED", "FAILED", "STOPPED"]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(max_length=65_536), AfterValidator(sound_text)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=400), AfterValidator(sound_text)]
Weight = Annotated[int, Field(ge=0, le=100)]


class RevisionSpec(Body):
    """What one revision serves, and on what.

    `model` is a model version of the project, as `iris@3`, `iris@champion` or `iris` (the newest); or `files` is
    the digest of an uploaded folder that holds an MLflow model. One of the two is given.
    """

    model: Reference | None = None
    files: Digest | None = None
    profile: Name
    size: Name | None = None
    environment: Name | None = None
    env: Annotated[dict[VariableName, Text], Field(max_length=200)] = Field(default_factory=dict)
    secrets: Annotated[list[VariableName], Field(max_length=50)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_source(self) -> RevisionSpec:
        if (self.model is None) == (self.files is None):
            raise ValueError("name a model, as iris@3, or the files of a model folder: one of the two")
        return self


class ServedModel(BaseModel):
    """The model version behind a revision."""

    name: str
    version: str


class EndpointRevision(BaseModel):
    """One version of what an endpoint answers with. `weight` is its share of the requests, in per cent.

    `packages` are those that its model needed beyond the environment, each with the version that was chosen when it
    began; whenever it is started again it has just these.
    """

    number: int
    id: str
    spec: RevisionSpec
    model: ServedModel | None
    packages: list[str] | None = None
    weight: int
    ready: bool
    state: RevisionState
    reason: str | None = None
    message: str | None = None
    attempt: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    created_at: datetime
    created_by: Who


class EndpointSpec(BaseModel):
    """What was asked: the newest revision's number, and whether the endpoint is to run."""

    revision: int
    running: bool


class EndpointStatus(BaseModel):
    """What was seen. `next` is the number of the revision that is being started to take over."""

    state: EndpointState
    ready: bool
    message: str | None = None
    next: int | None = None
    revisions: list[EndpointRevision] = Field(default_factory=list)
    deleted_at: datetime | None = None


class Endpoint(BaseModel):
    """A stable address behind which a model answers.

    `url` is below the platform's address, `direct_url` at the gateway's own, which serves on when the hub is down;
    both end where the Open Inference Protocol begins. `model` is the name of the model in its paths.
    """

    id: str
    name: str
    project: str
    labels: dict[str, str]
    url: str
    direct_url: str
    model: str
    spec: EndpointSpec
    status: EndpointStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime
    etag: str


class EndpointCreate(Body):
    """Without `name` one is made from the model's."""

    name: Name | None = None
    labels: Labels = Field(default_factory=dict)
    spec: RevisionSpec


class EndpointUpdate(Body):
    name: Name | None = None
    labels: Labels | None = None


class RevisionCreate(Body):
    """What is to be served from now on. It starts beside the present revision and takes `weight` per cent of the
    requests once it is ready; with `replace`, the present one is stopped first and calls fail meanwhile."""

    spec: RevisionSpec
    weight: Annotated[int, Field(ge=1, le=100)] = 100
    replace: bool = False


class Rollback(Body):
    """Which revision to return to. When left out: the one that served before the present one, or, while an update is
    under way, the present one."""

    revision: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    replace: bool = False


class Traffic(Body):
    """Shares of the requests in per cent by revision number; together 100. Revisions left out get none."""

    weights: Annotated[dict[int, Weight], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _whole(self) -> Traffic:
        if sum(self.weights.values()) != 100:
            raise ValueError(f"the weights come to {sum(self.weights.values())}; they must come to 100")
        return self


class EndpointTokenCreate(Body):
    """`expires_in_s` is how long it is good; for ever when left out."""

    note: Annotated[str, StringConstraints(max_length=200), AfterValidator(sound_text)] = ""
    expires_in_s: Annotated[int | None, Field(ge=60, le=3650 * 86_400)] = None


class EndpointToken(BaseModel):
    """A token that opens one endpoint; `hint` is its beginning."""

    id: str
    note: str
    hint: str
    created_at: datetime
    created_by: Who
    expires_at: datetime | None


class NewEndpointToken(EndpointToken):
    """The token itself is shown only here."""

    token: str


class RevisionSeries(BaseModel):
    """Figures of one revision: each point is [seconds since the epoch, requests, failures, p50, p95, p99 in ms].

    What was `refused` is the caller's doing (4xx), and no failure (5xx).
    """

    revision: int
    points: list[tuple[float, int, int, float | None, float | None, float | None]]
    requests: int
    failures: int
    refused: int


class EndpointMetrics(BaseModel):
    """What the gateway counted in the last hour, in steps of `interval_s`, and since the revision began."""

    interval_s: int
    series: list[RevisionSeries]


class EndpointExample(BaseModel):
    """A request that the model takes, made from its signature, and how to send it."""

    url: str
    body: dict[str, Any]
    curl: str
    python: str
