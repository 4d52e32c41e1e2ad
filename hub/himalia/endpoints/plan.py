"""What is to be done for one endpoint now, and what is said of its state. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from himalia.endpoints.schema import EndpointState
from himalia.engine.states import ENDED, State


@dataclass(frozen=True, slots=True)
class Plan:
    """`promote`: the next revision is ready and takes over. `failed`: it ended before it was. `start`: revisions to
    be started again. `retire`: those that run and are not wanted any more."""

    promote: bool = False
    failed: bool = False
    start: tuple[str, ...] = ()
    retire: tuple[str, ...] = ()


def is_ready(revision: Any) -> bool:
    """Whether its server answers: this very attempt has said so."""
    return bool(revision.state == State.RUNNING and revision.ready_attempt == revision.attempt)


def is_wanted(endpoint: Any) -> bool:
    """Whether anything of the endpoint is to run."""
    return bool(endpoint.is_wanted) and endpoint.deleted_at is None


def plan(endpoint: Any, revisions: Sequence[Any]) -> Plan:
    """`endpoint` is its row; `revisions` are rows joined with their workloads'."""
    if not is_wanted(endpoint):
        return Plan(retire=tuple(one.id for one in revisions if _runs(one)))
    coming = next((one for one in revisions if one.id == endpoint.next_id), None)
    promote = coming is not None and coming.attempt >= endpoint.next_attempt and is_ready(coming)
    failed, start = False, []
    if coming is not None and coming.state in ENDED:
        # It was being stopped when it was asked for. Whatever else ended before it began is not begun again.
        again = coming.state == State.STOPPED and coming.reason == "stopped_by_user"
        failed = coming.attempt >= endpoint.next_attempt or not again
        if not failed:
            start.append(coming.id)
    start += [one.id for one in revisions if one.weight > 0 and one is not coming and _starts_again(one)]
    retire = [one.id for one in revisions if _runs(one) and not one.weight and one is not coming]
    return Plan(promote, failed, tuple(start), tuple(retire))


def _runs(revision: Any) -> bool:
    return revision.state not in ENDED and revision.state != State.STOPPING


def _starts_again(revision: Any) -> bool:
    """Whether a revision that should answer, and does not, is started by itself.

    A server that was ever ready is: what made it fail since may pass, as a full disk does. One that never was would
    only fail again. One that was stopped is, when its endpoint was started before its server had ended; nothing
    starts what an administrator stopped.
    """
    if revision.state in (State.FAILED, State.SUCCEEDED):
        return bool(revision.ready_attempt)
    return bool(revision.state == State.STOPPED and revision.reason == "stopped_by_user")


def shares(revisions: Sequence[Any], coming: str, weight: int) -> dict[str, int]:
    """The weights once the revision `coming` has `weight` per cent; the others keep their proportions."""
    others = {one.id: one.weight for one in revisions if one.weight > 0 and one.id != coming}
    left = 100 - weight
    total = sum(others.values())
    if not others or left == 0:
        return {**dict.fromkeys(others, 0), coming: 100}
    found = {revision: left * old // total for revision, old in others.items()}
    return {**found, coming: 100 - sum(found.values())}


def state_of(endpoint: Any, revisions: Sequence[Any]) -> EndpointState:
    """The word for how an endpoint stands."""
    if not is_wanted(endpoint):
        return "STOPPING" if any(one.state not in ENDED for one in revisions) else "STOPPED"
    serving = [one for one in revisions if one.weight > 0]
    if any(is_ready(one) for one in serving):
        return "READY" if endpoint.next_id is None else "UPDATING"
    if endpoint.next_id is not None:
        return "STARTING"
    if any(one.state not in ENDED or one.id in plan(endpoint, revisions).start for one in serving):
        return "UNAVAILABLE" if any(one.ready_attempt for one in serving) else "STARTING"
    return "FAILED"


def unavailable(name: str, state: EndpointState) -> str:
    """What callers are told while no revision can answer."""
    words = {
        "STARTING": "is being started; its model is not ready yet. Try again in a moment.",
        "UNAVAILABLE": "has lost its model server, which is started again by itself. Try again in a moment.",
        "FAILED": "could not be started. Its log says why.",
    }
    return f"The endpoint {name} {words.get(state, 'is stopped. Start it first.')}"
