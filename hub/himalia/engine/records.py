"""What the reconciler writes of attempts: started, ended, measured. Many at once, with statements made once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.clock import from_epoch
from himalia.core.database import Transaction
from himalia.core.errors import WrongState
from himalia.engine import ranks
from himalia.engine.backends.base import Ended, Metrics
from himalia.engine.board import Active
from himalia.engine.changes import Change
from himalia.engine.groups import output_path
from himalia.engine.queue import Placement
from himalia.engine.states import HOLDING, REASONS, Next, State
from himalia.engine.tables import attempts, metrics, outputs, workloads

log = logging.getLogger(__name__)

Tell = Callable[[Transaction, list[Change]], None]
Stored = tuple[str, str, int]
"""(project id, digest, size in bytes) of an object."""
Owned = Callable[[Connection, Set[Stored]], Set[Stored]]
"""Those of the objects that their projects have, in that size."""


def _transition(*states: State) -> sa.Update:
    """UPDATE of one workload in one of `states`, of one attempt: parameters b_id and b_attempt."""
    return workloads.update().where(
        workloads.c.id == sa.bindparam("b_id"),
        # not IN: its parameters expand, which executemany cannot
        sa.or_(*(workloads.c.state == state for state in states)),
        workloads.c.attempt == sa.bindparam("b_attempt"),
    )


def _bound(*names: str) -> dict[str, sa.BindParameter[Any]]:
    return {name: sa.bindparam(f"b_{name}") for name in names}


_OF_ATTEMPT = attempts.update().where(
    attempts.c.workload_id == sa.bindparam("b_id"), attempts.c.attempt == sa.bindparam("b_attempt")
)
_STARTING = _transition(State.QUEUED).values(
    state=State.STARTING,
    attempt=workloads.c.attempt + 1,
    reason=None,
    message=None,
    started_at=None,
    **_bound("machine", "devices"),
)
_RECALLED = _transition(State.STARTING).values(
    state=State.QUEUED, attempt=workloads.c.attempt - 1, machine=None, devices={}
)
_NEVER_BEGAN = attempts.delete().where(
    attempts.c.workload_id == sa.bindparam("b_id"), attempts.c.attempt == sa.bindparam("b_attempt")
)
_MOVED = _transition(*sorted(HOLDING)).values(**_bound("machine", "devices"))
_ATTEMPT_MOVED = _OF_ATTEMPT.values(**_bound("machine", "devices"))
_STARTED = _transition(State.STARTING).values(state=State.RUNNING, **_bound("started_at"))
_ATTEMPT_STARTED = _OF_ATTEMPT.values(state=State.RUNNING, **_bound("started_at"))
_ENDED = _transition(*sorted(HOLDING)).values(
    **_bound("state", "reason", "message", "restarts", "tries", "started_at", "ended_at")
)
_ATTEMPT_ENDED = _OF_ATTEMPT.values(
    **_bound(
        "state",
        "reason",
        "message",
        "exit_code",
        "cpu_s",
        "wall_s",
        "max_memory_bytes",
        "log_bytes",
        "log_dropped_bytes",
        "progress",
        "started_at",
        "ended_at",
    )
)
_REQUEUED = workloads.update().where(workloads.c.id == sa.bindparam("b_id")).values(**_bound("queued_at"))
_NEW_ATTEMPT = attempts.insert()
_NEW_OUTPUT = outputs.insert()
_NEW_POINT = metrics.insert()


def starting(tx: Transaction, items: Sequence[tuple[Active, Placement]], tell: Tell) -> None:
    """QUEUED → STARTING as the next attempt, for workloads that the board has moved already.

    Raises WrongState when one of them was changed meanwhile.
    """
    now = clock.now()
    rows = [
        {"b_id": a.id, "b_attempt": a.attempt - 1, "b_machine": p.machine or None, "b_devices": p.devices}
        for a, p in items
    ]
    expect(tx.execute(_STARTING, rows), len(rows))
    tx.execute(_NEW_ATTEMPT, [_new_attempt(a, p, now) for a, p in items])
    ranks.starting(tx, items)
    tell(tx, [_change(a, State.STARTING, None, None, now) for a, _ in items])


def _new_attempt(active: Active, placement: Placement, now: datetime) -> dict[str, Any]:
    return {
        "workload_id": active.id,
        "attempt": active.attempt,
        "state": State.STARTING,
        "machine": placement.machine or None,
        "devices": placement.devices,
        "starting_at": now,
        "log_bytes": 0,
        "log_dropped_bytes": 0,
    }


def started(tx: Transaction, items: Sequence[Active], also_ended: Container[str], tell: Tell) -> None:
    """STARTING → RUNNING, told of all; written of those that have not ended already. Raises WrongState."""
    rows = [
        {"b_id": a.id, "b_attempt": a.attempt, "b_started_at": a.started_at}
        for a in items
        if a.id not in also_ended
    ]
    if rows:
        expect(tx.execute(_STARTED, rows), len(rows))
        tx.execute(_ATTEMPT_STARTED, rows)
    tell(tx, [_change(a, State.RUNNING, None, None, a.started_at or clock.now()) for a in items])


def moved(tx: Transaction, items: Sequence[tuple[Active, int]]) -> None:
    """Ranks on other machines, or with other devices, than was written; of what has ended, nothing is written."""
    rows = [
        {"b_id": a.id, "b_attempt": a.attempt, "b_machine": a.machine, "b_devices": a.devices}
        for a, rank in items
        if rank == 0
    ]
    if rows:
        tx.execute(_MOVED, rows)
        tx.execute(_ATTEMPT_MOVED, rows)
    ranks.moved(tx, [(item, rank) for item, rank in items if item.group is not None])


def recalled(tx: Transaction, items: Sequence[Active], tell: Tell) -> None:
    """STARTING → QUEUED, as if the attempt had never been made. Raises WrongState."""
    now = clock.now()
    rows = [{"b_id": active.id, "b_attempt": active.attempt} for active in items]
    expect(tx.execute(_RECALLED, rows), len(rows))
    tx.execute(_NEVER_BEGAN, rows)
    tell(tx, [_change(a, State.QUEUED, None, None, now, a.attempt - 1) for a in items])


def ended(tx: Transaction, items: Sequence[tuple[Active, Ended, Next]], owned: Owned, tell: Tell) -> None:
    """An attempt's end, and what follows: an ended workload, or one that waits again. Raises WrongState."""
    items = _with_own_outputs(tx, items, owned)
    now = clock.now()
    rows = [_end_row(active, report, following, now) for active, report, following in items]
    expect(tx.execute(_ENDED, rows), len(rows))
    requeued = [{"b_id": row["b_id"], "b_queued_at": now} for row in rows if row["b_state"] == State.QUEUED]
    if requeued:
        tx.execute(_REQUEUED, requeued)
    tx.execute(_ATTEMPT_ENDED, [_attempt_row(*item, now) for item in items])
    stored = [
        {"workload_id": active.id, "attempt": active.attempt, **output}
        for active, report, _ in items
        for output in report.outputs
    ]
    if stored:
        tx.execute(_NEW_OUTPUT, stored)
    tell(tx, [_change(a, n.state, e.reason, _message(e), now) for a, e, n in items])


def rank_outputs(tx: Transaction, items: Sequence[tuple[Active, int, Ended]], owned: Owned) -> None:
    """What ranks of a group left, if their projects have it."""
    named = {_stored(active, output) for active, _, report in items for output in report.outputs}
    if not named:
        return
    own = owned(tx.connection, named)
    if named - own:
        log.warning("Ranks named %d outputs that their projects do not have.", len(named - own))
    rows = {
        (active.id, path := output_path(rank, output["path"])[:1024]): {
            "workload_id": active.id,
            "attempt": active.attempt,
            **output,
            "path": path,
        }
        for active, rank, report in items
        for output in report.outputs
        if _stored(active, output) in own
    }
    if rows:
        tx.execute(_NEW_OUTPUT, list(rows.values()))


def _with_own_outputs(
    tx: Transaction, items: Sequence[tuple[Active, Ended, Next]], owned: Owned
) -> Sequence[tuple[Active, Ended, Next]]:
    """The ends without outputs that their projects do not have.

    User code shares its runner's account, so a report can name any digest; here alone it is asked whose it is.
    """
    named = {_stored(active, output) for active, report, _ in items for output in report.outputs}
    if not named or not (foreign := named - owned(tx.connection, named)):
        return items
    return [(active, _without(active, report, foreign), following) for active, report, following in items]


def _without(active: Active, report: Ended, foreign: Set[Stored]) -> Ended:
    kept = [output for output in report.outputs if _stored(active, output) not in foreign]
    dropped = len(report.outputs) - len(kept)
    if not dropped:
        return report
    log.warning("%s named %d outputs that its project does not have.", active.attempt_name, dropped)
    words = f"{dropped} of its files are not kept: they were never sent to this project."
    return replace(report, outputs=kept, message=" ".join(filter(None, (_message(report), words))))


def _stored(active: Active, output: Mapping[str, Any]) -> Stored:
    return active.project_id, output["digest"], output["size"]


def measured(tx: Transaction, items: Sequence[tuple[Active, Metrics]]) -> None:
    """Append points of metrics."""
    tx.execute(
        _NEW_POINT,
        [
            {
                "workload_id": active.id,
                "attempt": active.attempt,
                "name": name[:255],
                "step": step,
                "value": value,
                "at": from_epoch(at),
                "source": report.source,
            }
            for active, report in items
            for name, step, value, at in report.items
        ],
    )


def expect(result: sa.CursorResult[Any], count: int) -> None:
    """Raise WrongState unless a guarded UPDATE found `count` rows."""
    if result.rowcount != count:
        raise WrongState("Something else changed it at the same moment. Look again, then repeat.")


def _message(report: Ended) -> str | None:
    return report.message or (REASONS.get(report.reason) if report.reason else None)


def _change(
    active: Active,
    state: State,
    reason: str | None,
    message: str | None,
    at: datetime,
    attempt: int | None = None,
) -> Change:
    return Change(
        active.id,
        active.kind,
        active.name,
        active.project_id,
        active.person_id,
        state,
        active.attempt if attempt is None else attempt,
        reason,
        message,
        at,
        active.purpose,
    )


def _end_row(active: Active, report: Ended, following: Next, now: datetime) -> dict[str, Any]:
    return {
        "b_id": active.id,
        "b_attempt": active.attempt,
        "b_state": following.state,
        "b_reason": report.reason,
        "b_message": _message(report),
        "b_restarts": following.restarts,
        "b_tries": following.tries,
        "b_started_at": active.started_at,
        "b_ended_at": None if following.state == State.QUEUED else now,
    }


def _attempt_row(active: Active, report: Ended, following: Next, now: datetime) -> dict[str, Any]:
    return {
        "b_id": active.id,
        "b_attempt": active.attempt,
        "b_state": following.attempt_state,
        "b_reason": report.reason,
        "b_message": _message(report),
        "b_exit_code": report.exit_code,
        "b_cpu_s": report.usage.get("cpu_s"),
        "b_wall_s": report.usage.get("wall_s"),
        "b_max_memory_bytes": report.usage.get("max_memory_bytes"),
        "b_log_bytes": report.log_bytes,
        "b_log_dropped_bytes": report.log_dropped_bytes,
        "b_progress": active.progress,
        "b_started_at": active.started_at,
        "b_ended_at": now,
    }
