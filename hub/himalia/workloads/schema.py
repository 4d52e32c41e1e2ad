"""What the API shows of workloads and machines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel


class Workload(BaseModel):
    """Anything that waits or runs: jobs, notebook servers, tasks."""

    id: str
    kind: str
    name: str
    project: str
    person: str
    state: str
    reason: str | None
    message: str | None
    attempt: int
    machine: str | None
    reserve: dict[str, Any]
    queued_at: datetime
    started_at: datetime | None


class MachineShown(BaseModel):
    """A machine: what may be given out, and what is left of it."""

    name: str
    allocatable: dict[str, Any]
    free: dict[str, Any]


class OutputStored(BaseModel):
    path: str
    size: int
    digest: str
