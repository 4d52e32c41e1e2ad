"""What the service answers, as objects with attributes; fields this version does not know are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
"""States that a job does not leave by itself."""


def moment(text: str) -> datetime:
    """A time with its zone, from ISO 8601 as the service writes it."""
    return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)


class Record:
    """A JSON object. Its fields are attributes, and items too: `record.name`, `record["name"]`."""

    _made: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    """How the values of some fields are made from JSON."""
    _shown: ClassVar[tuple[str, ...]] = ("name",)
    """The fields that `repr` shows."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = dict(data)

    def __getitem__(self, field: str) -> Any:
        return self._data[field]

    # Type checkers know only the fields that are declared, so that they notice a misspelt one.
    if not TYPE_CHECKING:

        def __getattr__(self, field: str) -> Any:
            if field.startswith("_") or field not in self._data:
                raise AttributeError(f"{type(self).__name__} has no field {field!r}")
            value = self._data[field]
            make = self._made.get(field)
            return value if make is None or value is None else make(value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._data})

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Record) and self._data == other._data

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(f"{field}={getattr(self, field, None)!r}" for field in self._shown)
        return f"{type(self).__name__}({shown})"

    def to_dict(self) -> dict[str, Any]:
        """The JSON object as the service sent it."""
        return dict(self._data)


def many(make: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """A maker for lists."""
    return lambda items: [make(item) for item in items]


def named(make: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """A maker for mappings."""
    return lambda items: {name: make(item) for name, item in items.items()}


class Who(Record):
    """A person, as others see them."""

    id: str
    name: str


class Page(Record):
    """One page of a list."""

    items: list[dict[str, Any]]
    next_page_token: str | None


class Caller(Record):
    """Who calls, and what they may do."""

    _made: ClassVar = {"person": Who}
    _shown = ("person", "scopes", "personal_project")
    person: Who
    groups: list[str]
    credential: str
    scopes: list[str]
    personal_project: str
    project: str | None


class ProjectSpec(Record):
    """A project's title and description."""

    _shown = ("title", "description")
    title: str
    description: str


class ProjectStatus(Record):
    """`running` and `waiting` count workloads; `role` is yours."""

    _made: ClassVar = {"deleted_at": moment}
    _shown = ("role", "running", "waiting")
    personal: bool
    role: str
    running: int
    waiting: int
    deleted_at: datetime | None


class Project(Record):
    """A shared space."""

    _made: ClassVar = {
        "spec": ProjectSpec,
        "status": ProjectStatus,
        "created_at": moment,
        "created_by": Who,
        "updated_at": moment,
    }
    id: str
    name: str
    project: None
    labels: dict[str, str]
    spec: ProjectSpec
    status: ProjectStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime
    etag: str


class Member(Record):
    """A person or a hub group in a project."""

    _shown = ("kind", "name", "role")
    kind: str
    name: str
    role: str


class Secret(Record):
    """A secret's name, never its value."""

    _made: ClassVar = {"updated_at": moment, "updated_by": Who}
    name: str
    updated_at: datetime
    updated_by: Who


class Token(Record):
    """A personal access token; `token` is its value, there only when it has just been made."""

    _made: ClassVar = {"created_at": moment, "expires_at": moment}
    _shown = ("id", "note", "scopes", "expires_at")
    id: str
    note: str
    scopes: list[str]
    project: str | None
    created_at: datetime
    expires_at: datetime
    token: str


class Size(Record):
    """How much of a machine a profile gives.

    `free_now` counts how many notebook servers would fit at this moment, `free_for_jobs` how many jobs.
    """

    name: str
    title: str
    cpus: float
    memory_bytes: int
    accelerators: dict[str, int]
    default: bool
    free_now: int | None
    free_for_jobs: int | None
    reason: str | None


class Profile(Record):
    """Framework, environment and resources; `reason` says why it is not available."""

    _made: ClassVar = {"sizes": many(Size)}
    _shown = ("name", "available")
    name: str
    title: str
    description: str
    framework: str
    environment: str
    available: bool
    reason: str | None
    sizes: list[Size]


class OutputFile(Record):
    """A file that a job left; `size` in bytes, `digest` is its BLAKE3."""

    _shown = ("path", "size")
    path: str
    size: int
    digest: str
    media_type: str


class Series(Record):
    """A metric: `points` are [step, value, seconds since the epoch]; a value that is not finite is None."""

    name: str
    points: list[tuple[int, float | None, float]]


class Event(Record):
    """Something that happened."""

    _made: ClassVar = {"at": moment, "subject": Record}
    _shown = ("id", "kind", "at")
    id: int
    kind: str
    at: datetime
    project: str | None
    subject: Record
    person: str | None
    data: dict[str, Any]


class Usage(Record):
    """What an attempt used."""

    _shown = ("cpu_s", "wall_s", "max_memory_bytes")
    cpu_s: float | None
    wall_s: float | None
    max_memory_bytes: int | None


class Rank(Record):
    """One rank of an attempt of a distributed job."""

    _made: ClassVar = {"started_at": moment, "ended_at": moment, "usage": Usage}
    _shown = ("rank", "state", "reason")
    rank: int
    state: str
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


class Attempt(Record):
    """One try of a job, from its beginning; `ranks` are those of a distributed job.

    `devices` are the accelerators that it was given, by resource name, as far as they have names.
    """

    _made: ClassVar = {
        "starting_at": moment,
        "started_at": moment,
        "ended_at": moment,
        "usage": Usage,
        "ranks": many(Rank),
    }
    _shown = ("attempt", "state", "reason")
    attempt: int
    state: str
    reason: str | None
    message: str | None
    machine: str | None
    devices: dict[str, list[str]]
    starting_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    usage: Usage
    log_bytes: int
    log_dropped_bytes: int
    ranks: list[Rank]


class JobSpec(Record):
    """What was asked for."""

    _shown = ("kind", "profile", "parameters")
    kind: str
    notebook: str | None
    script: str | None
    arguments: list[str]
    command: list[str]
    parameters: dict[str, Any]
    profile: str
    size: str | None
    replicas: int
    environment: str | None
    requirements: str | None
    snapshot: str | None
    inputs: dict[str, str]
    env: dict[str, str]
    secrets: list[str]
    priority: int
    retries: int
    max_restarts: int
    time_limit_s: float | None
    permissions: list[str]


class Queue(Record):
    """Where a waiting job stands, from 1; without a place where it waits in the cluster's own queue."""

    _shown = ("place", "of", "message")
    place: int | None
    of: int | None
    message: str


class Outputs(Record):
    """How many files a job left, their bytes together, and how many folders of them hold a model (an `MLmodel`)."""

    _shown = ("count", "size")
    count: int
    size: int
    models: int


class Input(Record):
    """A dataset's version that a job reads; `dataset` is what it was called when the job was submitted."""

    _shown = ("dataset", "version")
    dataset: str
    version: int
    version_id: str
    tree: str


class JobStatus(Record):
    """What was seen. `metrics` holds the latest value of each, `progress` what was said last."""

    _made: ClassVar = {
        "attempts": many(Attempt),
        "queued_at": moment,
        "started_at": moment,
        "ended_at": moment,
        "queue": Queue,
        "inputs": named(Input),
        "outputs": Outputs,
        "deleted_at": moment,
    }
    _shown = ("state", "reason", "message")
    state: str
    reason: str | None
    message: str | None
    attempt: int
    attempts: list[Attempt]
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    progress: dict[str, Any] | None
    queue: Queue | None
    metrics: dict[str, float | None]
    inputs: dict[str, Input]
    outputs: Outputs | None
    environment_job: str | None
    deleted_at: datetime | None
