"""The states of a workload, and what an attempt's end leads to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """See docs/architecture.md for the picture."""

    QUEUED = "QUEUED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.STOPPED})
HOLDING = frozenset({State.STARTING, State.RUNNING, State.STOPPING})
"""States in which a workload holds resources."""

UNMANAGED = frozenset({"server"})
"""Kinds that others start and stop; the engine only counts them."""

RESTARTS = frozenset({"lost", "preempted"})
"""Reasons counted against `max_restarts`, not against the user's `retries`."""

REASONS = {
    "user_error": "The code ended with an error.",
    "out_of_memory": "It used more memory than its profile gives.",
    "time_limit": "It ran longer than its time limit.",
    "bad_input": "What it needs could not be read.",
    "environment_missing": "Its environment is not there.",
    "environment_failed": "Its environment could not be built.",
    "start_failed": "It could not be started.",
    "lost": "Its process was gone without a word.",
    "preempted": "It gave way to another workload.",
    "peer_failed": "Another rank of it failed, so this one was ended.",
    "platform_stopped": "The platform was stopped; it starts again by itself.",
    "stopped_by_user": "It was stopped.",
    "stopped_by_administrator": "It was stopped by an administrator.",
    "access_removed": "Its submitter may no longer run things in this project.",
}
"""Every reason a status can carry, with the sentence used when nobody said it better."""

STOPS = frozenset({"stopped_by_user", "stopped_by_administrator", "access_removed"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: `reason` None means that it ran to its end and did well."""

    reason: str | None
    message: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How often a workload was started again, and how often it may be."""

    restarts: int
    max_restarts: int
    tries: int
    retries: int


@dataclass(frozen=True, slots=True)
class Next:
    """What follows: an end, or QUEUED again with the counts that hold then."""

    state: State
    attempt_state: State
    restarts: int
    tries: int


def settle(outcome: Outcome, counts: Counts) -> Next:
    """Where a workload goes when its attempt ended."""
    reason = outcome.reason
    if reason is None:
        return Next(State.SUCCEEDED, State.SUCCEEDED, counts.restarts, counts.tries)
    if reason in STOPS:
        return Next(State.STOPPED, State.STOPPED, counts.restarts, counts.tries)
    if reason == "platform_stopped":
        return Next(State.QUEUED, State.STOPPED, counts.restarts, counts.tries)
    if reason in RESTARTS:
        if counts.restarts < counts.max_restarts:
            return Next(State.QUEUED, State.FAILED, counts.restarts + 1, counts.tries)
    elif counts.tries < counts.retries:
        return Next(State.QUEUED, State.FAILED, counts.restarts, counts.tries + 1)
    return Next(State.FAILED, State.FAILED, counts.restarts, counts.tries)
