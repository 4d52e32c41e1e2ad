"""A workload's change of state, as handlers are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from himalia.engine.states import State


@dataclass(frozen=True, slots=True)
class Change:
    """A workload's state as it was just written; handlers get it in the same transaction."""

    id: str
    kind: str
    name: str
    project_id: str
    person_id: str
    state: State
    attempt: int
    reason: str | None
    message: str | None
    at: datetime
    purpose: str = ""
