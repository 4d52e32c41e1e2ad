"""What the API shows of workloads and machines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from himalia.core.schema import Body, sound_text


class Placed(BaseModel):
    """A machine, and the names of the devices that something was given there, as far as they have names."""

    machine: str
    devices: dict[str, list[str]]


class Workload(BaseModel):
    """Anything that waits or runs: jobs, notebook servers, tasks, endpoints. `purpose` is what a task does.

    `places` is where it is, of a distributed job each rank in their order.
    """

    id: str
    kind: str
    purpose: str
    name: str
    project: str
    person: str
    state: str
    reason: str | None
    message: str | None
    attempt: int
    machine: str | None
    places: list[Placed]
    reserve: dict[str, Any]
    queued_at: datetime
    started_at: datetime | None


class StopAsked(Body):
    """Who asked the hub to have it stopped; counts only when the hub says it."""

    by: Annotated[str, StringConstraints(max_length=255), AfterValidator(sound_text)] | None = None


class MachineShown(BaseModel):
    """A machine: what may be given out, and what is left of it; for those alone who tolerate its `taints`."""

    name: str
    allocatable: dict[str, Any]
    free: dict[str, Any]
    taints: list[str] = []


class Everything(BaseModel):
    """What waits and runs on which machines, of everybody."""

    workloads: list[Workload]
    machines: list[MachineShown]


class OutputStored(BaseModel):
    path: str
    size: int
    digest: str


class Reported(Body):
    """Reports of one runner: messages of the runner protocol, each with its number `n`."""

    attempt: int
    rank: Annotated[int, Field(ge=0, lt=10_000)] = 0
    runner: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    reports: Annotated[list[dict[str, Any]], Field(max_length=10_000)]


class StopWished(BaseModel):
    """The attempt is to end, with grace."""

    grace_s: float
    reason: str


class WorkloadOrders(BaseModel):
    """What the service wishes of an attempt."""

    should_stop: bool
    stop: StopWished | None


class Acknowledged(WorkloadOrders):
    """Reports up to `acknowledged` are durable. What can wait, logs and metrics, is wanted after `pause_s`."""

    acknowledged: int
    pause_s: float
