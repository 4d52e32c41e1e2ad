"""Submitting and steering workloads. The only code that changes the engine's tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.database import Transaction
from himalia.core.errors import Invalid, WrongState
from himalia.engine.backends.base import Point
from himalia.engine.board import Active, Board, purpose_of
from himalia.engine.changes import Change
from himalia.engine.queue import Placement, could_ever_run
from himalia.engine.records import expect
from himalia.engine.resources import Machine, Resources
from himalia.engine.states import ENDED, HOLDING, REASONS, State
from himalia.engine.tables import workloads

ENVIRONMENT_FAILED = (
    "The packages of requirements.txt could not be installed. The log of the environment says why."
)
KEPT_AWAY = (
    "The machines here are kept for others (their labels or taints). An administrator can say in the profile where "
    "its workloads go."
)
_INSERT = workloads.insert()
Handler = Callable[[Transaction, list[Change]], None]
ProgressHandler = Callable[[Active, Mapping[str, Any]], None]
MetricsHandler = Callable[[Active, Sequence[Point]], None]


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """What a noun asks the engine to run. `task` is the runner protocol's task less what the backend adds.

    Without an `environment` it runs a program of the platform's own, with the platform's interpreter. `purpose`
    tells workloads of one kind apart, for `Engine.on_change`. `inputs` are stored trees to be seen read-only:
    `{path in the working folder: {"tree": digest, "path": folder or file in the tree}}`; or, for isolated ones,
    `{"folder": one of the machine's that the administrator has opened with `import_paths`}`. An `isolated`
    workload has a sandbox to itself, without network and without what its project shares. Those of one
    `kernel_group` may follow each other in one kernel. With `watch_metrics`, its metrics are told
    (`Engine.on_metrics`). With several `replicas` it is a group of ranks that start together, each with the whole
    `reserve` and `limit`. On a cluster its `profile` adds parts to the pod.
    """

    id: str
    kind: str
    name: str
    project_id: str
    person_id: str
    environment: str
    task: Mapping[str, Any]
    reserve: Resources
    limit: Resources
    overlay: str | None = None
    snapshot: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    time_limit_s: float | None = None
    priority: int = 0
    retries: int = 0
    max_restarts: int = 3
    needs_id: str | None = None
    purpose: str = ""
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    isolated: bool = False
    kernel_group: str | None = None
    watch_metrics: bool = False
    replicas: int = 1
    profile: str = ""

    def stored(self) -> dict[str, Any]:
        """The JSON kept in `workloads.spec`."""
        return {
            "environment": self.environment,
            "overlay": self.overlay,
            "snapshot": self.snapshot,
            "task": self.task,
            "reserve": self.reserve.as_json(),
            "limit": self.limit.as_json(),
            "variables": self.variables,
            "secrets": self.secrets,
            "permissions": self.permissions,
            "time_limit_s": self.time_limit_s,
            "retries": self.retries,
            "max_restarts": self.max_restarts,
            **{name: value for name, value in self._seldom().items() if value},
        }

    def _seldom(self) -> dict[str, Any]:
        """What most workloads do not have, and their rows need not carry."""
        return {
            "purpose": self.purpose,
            "inputs": self.inputs,
            "isolated": self.isolated,
            "kernel_group": self.kernel_group,
            "watch_metrics": self.watch_metrics,
            "replicas": self.replicas if self.replicas > 1 else None,
            "profile": self.profile,
        }


class Engine:
    """Workloads: submit, stop, retry; and what the reconciler records of them."""

    def __init__(self, board: Board, machines: Callable[[], list[Machine]]) -> None:
        self.board = board
        self.machines = machines
        self.wake: Callable[[], None] = lambda: None
        self.advise: Callable[[Active], None] = lambda _: None
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._progress: dict[tuple[str, str], ProgressHandler] = {}
        self._metrics: list[MetricsHandler] = []

    def on_change(self, kind: str, handler: Handler, purpose: str = "") -> None:
        """Tell `handler` of every change of workloads of a kind and purpose, in the transaction that writes it."""
        self._handlers[kind, purpose] = handler

    def on_progress(self, kind: str, handler: ProgressHandler, purpose: str = "") -> None:
        """Call `handler` on the event loop with the progress of running workloads of a kind and purpose."""
        self._progress[kind, purpose] = handler

    def on_metrics(self, handler: MetricsHandler) -> None:
        """Call `handler` on the event loop with new metrics of workloads that are watched, once they are durable."""
        self._metrics.append(handler)

    def advise_stop(self, workload: str) -> None:
        """Have the workload's next `himalia.run.log` answer that it should stop."""
        item = self.board.active.get(workload)
        if item is not None and item.state in HOLDING:
            self.advise(item)

    # What nouns ask for

    def check(self, reserve: Resources, profile: str = "", replicas: int = 1) -> None:
        """Raise Invalid when the machines that a profile may use could never hold `reserve`, or not so often.

        Where there is none at the moment, that says nothing: those that are away may come back.
        """
        machines, constraints = self.machines(), self.board.constraints(profile)
        if not machines or could_ever_run(reserve, machines, replicas, constraints):
            return
        if could_ever_run(reserve, machines, constraints=constraints):
            raise Invalid.field(
                "spec.replicas",
                f"{replicas} times {reserve.words()} is more than all machines here have together. Ask for fewer "
                "replicas, or choose a smaller size.",
            )
        usable = [one for one in machines if one.takes(reserve, constraints)]
        if not usable:
            raise Invalid.field("spec.profile", KEPT_AWAY)
        largest = max(usable, key=lambda m: (m.allocatable.memory_bytes, m.allocatable.cpus_m))
        raise Invalid.field(
            "spec.profile",
            f"It asks for {reserve.words()}, and no machine here has that; the largest has "
            f"{largest.allocatable.words()}. Choose a smaller size.",
        )

    def submit(self, tx: Transaction, spec: WorkloadSpec, placement: Placement | None = None) -> None:
        """Store a workload. It starts when the queue says so; a reservation, which has its place, is RUNNING."""
        now = clock.now()
        stored = spec.stored()
        state = State.QUEUED if placement is None else State.RUNNING
        attempt = 0 if placement is None else 1
        row: dict[str, Any] = {
            "id": spec.id,
            "kind": spec.kind,
            "name": spec.name,
            "project_id": spec.project_id,
            "person_id": spec.person_id,
            "spec": stored,
            "needs_id": spec.needs_id,
            "priority": spec.priority,
            "state": state,
            "attempt": attempt,
            "machine": placement.machine if placement else None,
            "devices": placement.devices if placement else {},
            "restarts": 0,
            "tries": 0,
            "created_at": now,
            "queued_at": now,
            "started_at": None if placement is None else now,
        }
        tx.add(_INSERT, row)
        active = Active(number=0, **row)
        tx.after_commit(lambda: self._entered(active))

    def _entered(self, active: Active) -> None:
        active.number = self.board.next_number()
        active.order = (-active.priority, active.number)
        self.board.put(active)
        self.wake()

    def stop(self, tx: Transaction, workload: str, reason: str = "stopped_by_user") -> None:
        """Ask a workload to end: one that waits ends now, one that runs goes to STOPPING.

        Raises WrongState when it has ended.
        """
        row = _row(tx.connection, workload)
        if row is None or State(row.state) in ENDED:
            raise WrongState("It has ended already, so there is nothing to stop.")
        if row.state == State.STOPPING:
            return
        if row.state == State.QUEUED:
            self._end(tx, row, State.STOPPED, reason, REASONS[reason])
            return
        self._move(tx, row, State.STOPPING, reason=reason, message="Stopping: asked to end.")

    def retry(
        self,
        tx: Transaction,
        workload: str,
        overlay: str | None = None,
        needs_id: str | None = None,
        person_id: str | None = None,
    ) -> None:
        """Queue an ended workload again, from the beginning, as a new attempt.

        It runs in `overlay`, which may be another one than before, since its base was made anew; with `needs_id`
        once that is built. With `person_id` it is that person's from now on.
        """
        row = _row(tx.connection, workload)
        has_succeeded = row is not None and row.state == State.SUCCEEDED and row.kind != "endpoint"
        if row is None or State(row.state) not in ENDED or has_succeeded:
            raise WrongState("Only a failed or stopped job can be retried. Use Run again for a new one.")
        now = clock.now()
        fresh = {"queued_at": now, "ended_at": None, "restarts": 0, "tries": 0, "needs_id": needs_id}
        spec = {**row.spec, "overlay": overlay}
        self._move(tx, row, State.QUEUED, **fresh, spec=spec, person_id=person_id or row.person_id)

    def running(self, connection: Connection, project_id: str, people_ids: set[str]) -> list[str]:
        """Ids of what these people run or have waiting in a project, their notebook servers excepted."""
        query = sa.select(workloads.c.id).where(
            workloads.c.project_id == project_id,
            workloads.c.person_id.in_(people_ids),
            workloads.c.kind != "server",
            workloads.c.state.notin_(list(ENDED)),
        )
        return list(connection.execute(query).scalars())

    def rename(self, tx: Transaction, workload: str, name: str) -> None:
        """Follow the name of the thing that a workload belongs to."""
        tx.execute(workloads.update().where(workloads.c.id == workload).values(name=name))

        def renamed() -> None:
            active = self.board.active.get(workload)
            if active is not None:
                active.name = name

        tx.after_commit(renamed)

    def finish(self, tx: Transaction, workload: str) -> None:
        """End a reservation: RUNNING to STOPPED."""
        row = _row(tx.connection, workload)
        if row is not None and State(row.state) not in ENDED:
            self._move(tx, row, State.STOPPED, ended_at=clock.now())

    # What the reconciler asks for

    def fail_waiting(self, tx: Transaction, workload: str, reason: str, message: str) -> None:
        """End a workload that waits and can never start."""
        row = _row(tx.connection, workload)
        if row is not None and row.state == State.QUEUED:
            self._end(tx, row, State.FAILED, reason, message)

    def fail(self, tx: Transaction, row: Any, reason: str, message: str) -> None:
        """End a workload, by its row, whatever it does now."""
        self._end(tx, row, State.FAILED, reason, message)

    def task_ended(self, tx: Transaction, task: str, state: State) -> list[str]:
        """Let those start that needed `task`, and return their ids; or fail them, if it did not succeed."""
        query = sa.select(workloads.c.id).where(
            workloads.c.needs_id == task, workloads.c.state == State.QUEUED
        )
        ids = list(tx.execute(query).scalars())
        if state != State.SUCCEEDED:
            for workload in ids:
                self.fail_waiting(tx, workload, "environment_failed", ENVIRONMENT_FAILED)
            return []
        if ids:
            tx.execute(workloads.update().where(workloads.c.id.in_(ids)).values(needs_id=None))
        return ids

    def _end(self, tx: Transaction, row: Any, state: State, reason: str, message: str) -> None:
        self._move(tx, row, state, reason=reason, message=message, ended_at=clock.now())

    def _move(self, tx: Transaction, row: Any, state: State, **values: Any) -> None:
        values = {"reason": None, "message": None, **values, "state": state}
        expect(
            tx.execute(
                workloads.update()
                .where(
                    workloads.c.id == row.id,
                    workloads.c.state == row.state,
                    workloads.c.attempt == row.attempt,
                )
                .values(values)
            ),
            1,
        )
        change = Change(
            row.id,
            row.kind,
            row.name,
            row.project_id,
            values.get("person_id", row.person_id),
            state,
            row.attempt,
            values["reason"],
            values["message"],
            clock.now(),
            purpose_of(row.kind, row.spec),
        )
        self.tell(tx, [change])
        workload, values = row.id, dict(values)
        tx.after_commit(lambda: self._moved(workload, row, values))

    def _moved(self, workload: str, row: Any, values: dict[str, Any]) -> None:
        state = State(values["state"])
        if state in ENDED:
            self.board.remove(workload)
        elif (active := self.board.active.get(workload)) is not None:
            active.reason, active.message = values["reason"], values["message"]
            self.board.move(active, state)
        else:
            fresh = from_row(row, self.board.next_number())
            fresh.state, fresh.restarts, fresh.tries = state, 0, 0
            fresh.queued_at = values.get("queued_at", fresh.queued_at)
            fresh.needs_id = values.get("needs_id")
            fresh.spec = values.get("spec", fresh.spec)
            fresh.person_id = values.get("person_id", fresh.person_id)
            self.board.put(fresh)
        self.wake()

    def tell(self, tx: Transaction, changes: list[Change]) -> None:
        """Pass changes on to the handlers of their kinds and purposes."""
        sorted_out: dict[tuple[str, str], list[Change]] = {}
        for change in changes:
            sorted_out.setdefault((change.kind, change.purpose), []).append(change)
        for which, together in sorted_out.items():
            handler = self._handlers.get(which)
            if handler is not None:
                handler(tx, together)

    def progressed(self, item: Active) -> None:
        """Pass on what a workload says of its progress."""
        handler = self._progress.get((item.kind, item.purpose))
        if handler is not None and item.progress is not None:
            handler(item, item.progress)

    def measured(self, item: Active, points: Sequence[Point]) -> None:
        """Pass on metrics that are durable."""
        for handler in self._metrics:
            handler(item, points)


def _row(connection: Connection, workload: str) -> Any:
    return connection.execute(sa.select(workloads).where(workloads.c.id == workload)).first()


def from_row(row: Any, number: int) -> Active:
    """An active workload from its row."""
    return Active(
        id=row.id,
        kind=row.kind,
        name=row.name,
        project_id=row.project_id,
        person_id=row.person_id,
        spec=row.spec,
        needs_id=row.needs_id,
        priority=row.priority,
        number=number,
        state=State(row.state),
        attempt=row.attempt,
        restarts=row.restarts,
        tries=row.tries,
        created_at=row.created_at,
        queued_at=row.queued_at,
        reason=row.reason,
        message=row.message,
        machine=row.machine,
        devices={name: tuple(given) for name, given in (row.devices or {}).items()},
        started_at=row.started_at,
    )


def load_active(connection: Connection) -> list[Any]:
    """Rows of all workloads that have not ended, in order of arrival."""
    query = (
        sa.select(workloads)
        .where(workloads.c.state.notin_(list(ENDED)))
        .order_by(workloads.c.queued_at, workloads.c.id)
    )
    return list(connection.execute(query))
