"""The only code that changes experiments."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock, events, links
from himalia.core.access import Access
from himalia.core.changing import deleted_one, refuse_stale
from himalia.core.database import Database, Transaction
from himalia.core.errors import InUse, Invalid, NameInUse, NotFound, WrongState
from himalia.core.idempotency import once
from himalia.core.ids import new_id, numbered, slug
from himalia.core.pagination import Page
from himalia.core.schema import Items
from himalia.experiments import read, records
from himalia.experiments.schema import (
    Experiment,
    ExperimentCreate,
    ExperimentResume,
    ExperimentSpec,
    ExperimentUpdate,
    Trial,
)
from himalia.experiments.searcher import Searcher
from himalia.experiments.space import grid_size
from himalia.experiments.study import samplers
from himalia.experiments.tables import experiments, trials
from himalia.jobs.service import Jobs
from himalia.projects.service import check_may_run

PURGE_AT_ONCE = 20
MOST_NUMBER = 2**31 - 1


class Experiments:
    """Begin, steer and find searches."""

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        searcher: Searcher,
        retention_days: int = 30,
    ) -> None:
        self.database = database
        self.jobs = jobs
        self.searcher = searcher
        self.retention_days = retention_days

    # Beginning

    async def create(
        self, access: Access, body: ExperimentCreate, key: str | None = None, mark: str = ""
    ) -> tuple[Experiment, bool]:
        """Begin a search; (it, whether it is new). Raises Invalid, NameInUse, KeyReused, DiskFull."""
        spec = body.spec
        if spec.sampler.kind not in samplers():
            raise Invalid.field(
                "spec.sampler.kind",
                f"The sampler {spec.sampler.kind} needs packages that are not installed here. "
                f"There are {', '.join(samplers())}.",
            )
        try:
            job, _ = await self.jobs.check(access, spec.job)
        except Invalid as error:
            raise _of_the_job(error) from error
        sampler = spec.sampler
        if sampler.seed is None:
            sampler = sampler.model_copy(update={"seed": secrets.randbits(32)})
        changes = {"job": job, "sampler": sampler, "trials": _most_trials(spec.model_dump())}
        spec = spec.model_copy(update=changes)

        def work(tx: Transaction) -> tuple[str, bool]:
            return once(tx, access.person.id, key, mark, lambda: self._insert(tx, access, body, spec))

        experiment_id, is_new = await self.database.write(work)
        return await self._shown(access, experiment_id), is_new

    def _insert(self, tx: Transaction, access: Access, body: ExperimentCreate, spec: ExperimentSpec) -> str:
        check_may_run(tx, access)
        project, now = access.in_project, clock.now()
        row = {
            "id": new_id(),
            "project_id": project["id"],
            "name": self._free_name(tx, project["id"], body),
            "labels": body.labels,
            "spec": spec.model_dump(mode="json"),
            "version": 1,
            "state": "RUNNING",
            "run_by": access.person.id,
            "started_at": now,
            "created_at": now,
            "created_by": access.person.id,
            "updated_at": now,
        }
        if spec.job.snapshot is not None:
            self.jobs.snapshots.hold(tx, project["id"], spec.job.snapshot)
        tx.execute(experiments.insert().values(row))
        self._tell(tx, "experiment.created", row, "RUNNING", access)
        experiment_id = str(row["id"])
        tx.after_commit(lambda: self.searcher.take_up(experiment_id))
        return experiment_id

    def _free_name(self, tx: Transaction, project_id: str, body: ExperimentCreate) -> str:
        if body.name is not None:
            if read.by_name(tx.connection, project_id, body.name) is not None:
                raise NameInUse(f"There is an experiment named {body.name} already. Choose another name.")
            return body.name
        job = body.spec.job
        base = slug(PurePosixPath(job.notebook or job.script or job.command[0]).stem, "search")
        number = 1
        while read.by_name(tx.connection, project_id, numbered(base, number)) is not None:
            number += 1
        return numbered(base, number)

    # Finding

    def find(self, connection: Connection, access: Access, name: str) -> Any:
        """The row of an experiment of the caller's project. Raises NotFound."""
        row = read.by_name(connection, access.in_project["id"], name)
        if row is None:
            raise NotFound(f"There is no experiment named {name} in {access.in_project['name']}.")
        return row

    async def list(self, access: Access, page: Page, **filters: Any) -> Items[Experiment]:
        """One page of the project's experiments, as `read.page_of` filters them."""
        project, passing = access.in_project, self.searcher.passing()

        def work(connection: Connection) -> Items[Experiment]:
            rows, token = read.page_of(connection, project["id"], page, **filters)
            shown = read.show(connection, rows, project["name"], passing)
            return Items[Experiment].model_construct(items=shown, next_page_token=token)

        return await self.database.read(work)

    async def get(self, access: Access, name: str) -> Experiment:
        """One experiment."""
        project, passing = access.in_project["name"], self.searcher.passing()

        def work(connection: Connection) -> Experiment:
            return read.show(connection, [self.find(connection, access, name)], project, passing)[0]

        return await self.database.read(work)

    async def best(self, access: Access, name: str) -> Items[Trial]:
        """The best trial; with several objectives, those that no other beats."""

        def work(connection: Connection) -> Items[Trial]:
            row = self.find(connection, access, name)
            numbers = [one.number for one in read.best(connection, row)]
            found = {one.number: one for one in read.trials_of(connection, row.id, numbers)}
            return Items[Trial].model_construct(items=[found[number] for number in numbers])

        return await self.database.read(work)

    async def trials(
        self, access: Access, name: str, states: Sequence[str], limit: int, page_token: str | None
    ) -> Items[Trial]:
        """One page of an experiment's trials, by number."""
        if page_token is not None and not (
            page_token.isascii() and page_token.isdigit() and len(page_token) < 10
        ):
            raise Invalid.field("page_token", "This page token is not one of ours. Leave it out.")
        after = -1 if page_token is None else int(page_token)

        def work(connection: Connection) -> Items[Trial]:
            row = self.find(connection, access, name)
            found, token = read.trials_page(connection, row.id, states, after, limit)
            return Items[Trial].model_construct(items=found, next_page_token=token)

        return await self.database.read(work)

    async def trial(self, access: Access, name: str, number: int) -> Trial:
        """One trial. Raises NotFound."""
        return await self.database.read(
            lambda connection: self._trial(connection, self.find(connection, access, name), number)
        )

    @staticmethod
    def _trial(connection: Connection, row: Any, number: int) -> Trial:
        found = read.trials_of(connection, row.id, [number])
        if not found:
            raise NotFound(f"The experiment {row.name} has no trial {number}.")
        return found[0]

    async def _shown(self, access: Access, experiment_id: str) -> Experiment:
        project, passing = access.in_project["name"], self.searcher.passing()

        def work(connection: Connection) -> Experiment:
            row = read.by_id(connection, experiment_id)
            if row is None:
                raise NotFound("This experiment is gone.")
            return read.show(connection, [row], project, passing)[0]

        return await self.database.read(work)

    # Changing

    async def update(self, access: Access, name: str, body: ExperimentUpdate, etag: str | None) -> Experiment:
        """Rename or label an experiment. Raises Stale, NameInUse."""

        def work(tx: Transaction) -> str:
            row = self.find(tx.connection, access, name)
            refuse_stale("experiment", row.version, etag)
            values: dict[str, Any] = {"version": row.version + 1, "updated_at": clock.now()}
            if body.labels is not None:
                values["labels"] = body.labels
            if body.name is not None and body.name != row.name:
                if read.by_name(tx.connection, row.project_id, body.name) is not None:
                    raise NameInUse(f"There is an experiment named {body.name} already. Choose another name.")
                values["name"] = body.name
            self._set(tx, row, values)
            self._tell(tx, "experiment.changed", {**row._mapping, **values}, row.state, access)
            return str(row.id)

        return await self._shown(access, await self.database.write(work))

    async def stop(self, access: Access, name: str) -> Experiment:
        """End a search, and the trials that run. Raises WrongState when it has ended."""

        def work(tx: Transaction) -> str:
            row = self.find(tx.connection, access, name)
            if row.state != "RUNNING":
                raise WrongState("The search has ended already, so there is nothing to stop.")
            self.end(tx, row, "STOPPED", "stopped_by_user", "Stopped. Resume it to go on.")
            return str(row.id)

        return await self._shown(access, await self.database.write(work))

    async def resume(self, access: Access, name: str, body: ExperimentResume) -> Experiment:
        """Go on with a search that has ended, as the caller's, with more trials where all were done.

        Raises WrongState.
        """
        job = await self.database.read(lambda c: read.job_of(c, self.find(c, access, name)))
        try:
            await self.jobs.check(access, job)
        except Invalid as error:
            raise _of_the_job(error) from error

        def work(tx: Transaction) -> str:
            check_may_run(tx, access)
            row = self.find(tx.connection, access, name)
            if row.state == "RUNNING":
                raise WrongState("The search is running already.")
            spec = {**row.spec, **body.model_dump(exclude_none=True)}
            done = self._done(tx, row.id)
            if done >= _most_trials(spec):
                is_grid = spec["sampler"]["kind"] == "grid" and done < spec["trials"]
                more = (
                    "The grid has no more points." if is_grid else "Resume it with a larger number of trials."
                )
                raise WrongState(f"All {done} trials are done. {more}")
            now = clock.now()
            fresh = {"state": "RUNNING", "reason": None, "message": None, "started_at": now, "ended_at": None}
            fresh["run_by"] = access.person.id
            values = {**fresh, "spec": spec, "updated_at": now, "version": row.version + 1}
            self._set(tx, row, values)
            self._tell(tx, "experiment.changed", row._mapping, "RUNNING", access)
            tx.after_commit(lambda: self.searcher.take_up(row.id))
            return str(row.id)

        return await self._shown(access, await self.database.write(work))

    @staticmethod
    def _done(tx: Transaction, experiment_id: str) -> int:
        query = sa.select(sa.func.count()).where(
            trials.c.experiment_id == experiment_id, trials.c.state.in_(read.DONE)
        )
        return int(tx.execute(query).scalar_one())

    async def stop_trial(self, access: Access, name: str, number: int) -> Trial:
        """Ask one trial to end; the search goes on with another. Raises WrongState when it has ended."""

        def work(tx: Transaction) -> None:
            trial = self._trial(tx.connection, self.find(tx.connection, access, name), number)
            self.jobs.engine.stop(tx, trial.job_id)

        await self.database.write(work)
        return await self.trial(access, name, number)

    def end(self, tx: Transaction, row: Any, state: str, reason: str | None, message: str | None) -> None:
        """A RUNNING search comes to its end, and what runs of it is stopped."""
        records.finish(tx, self.jobs.engine, row, state, reason, message)
        tx.after_commit(lambda: self.searcher.drop(row.id))

    async def delete(self, access: Access, name: str, cascade: bool) -> None:
        """Delete an experiment softly, with its trials. Raises InUse while it runs, unless `cascade` stops it."""

        def work(tx: Transaction) -> None:
            row = self.find(tx.connection, access, name)
            if row.state == "RUNNING":
                if not cascade:
                    raise InUse("The search has not ended. Stop it first, or delete it with cascade=true.")
                self.end(tx, row, "STOPPED", "stopped_by_user", "Stopped to be deleted.")
            now = clock.now()
            self._set(tx, row, {"deleted_at": now})
            self.jobs.delete_parts(tx, f"experiment:{row.id}", now)
            self._tell(tx, "experiment.deleted", row._mapping, row.state, access)

        await self.database.write(work)

    async def restore(self, access: Access, name: str, new_name: str | None) -> Experiment:
        """Bring back a deleted experiment with its trials, by name or id. Raises NotFound, NameInUse."""

        def work(tx: Transaction) -> str:
            query = sa.select(experiments)
            where = access.in_project["id"], name
            row = deleted_one(tx.connection, query, experiments, "experiment", where, self.retention_days)
            wanted = new_name or row.name
            if read.by_name(tx.connection, row.project_id, wanted) is not None:
                raise NameInUse(f"The name {wanted} has been taken meanwhile. Give another one.")
            values = {"deleted_at": None, "name": wanted, "updated_at": clock.now()}
            self._set(tx, row, values)
            self.jobs.restore_parts(tx, f"experiment:{row.id}", row.deleted_at)
            self._tell(tx, "experiment.restored", {**row._mapping, **values}, row.state, access)
            return str(row.id)

        return await self._shown(access, await self.database.write(work))

    @staticmethod
    def _set(tx: Transaction, row: Any, values: dict[str, Any]) -> None:
        tx.execute(experiments.update().where(experiments.c.id == row.id).values(values))

    # Hooks

    def project_deleted(self, tx: Transaction, project_id: str, cascade: bool) -> None:
        """A project with running searches is deleted only with `cascade`, which stops them."""
        running = self._running(tx, experiments.c.project_id == project_id)
        if running and not cascade:
            raise InUse(f"{len(running)} search(es) of this project run. Stop them, or use cascade=true.")
        for row in running:
            self.end(tx, row, "STOPPED", "stopped_by_user", "Stopped with its project.")

    def access_removed(self, tx: Transaction, project_id: str, people_ids: set[str]) -> None:
        """What people search who may no longer run things in a project ends."""
        mine = sa.and_(experiments.c.project_id == project_id, experiments.c.run_by.in_(people_ids))
        for row in self._running(tx, mine):
            message = "Whoever began or resumed it may no longer run things in this project."
            self.end(tx, row, "STOPPED", "access_removed", message)

    @staticmethod
    def _running(tx: Transaction, which: sa.ColumnElement[bool]) -> Sequence[Any]:
        return tx.execute(sa.select(experiments).where(which, experiments.c.state == "RUNNING")).all()

    @staticmethod
    def project_purged(tx: Transaction, project: dict[str, Any]) -> None:
        """The experiments of a project whose time is over were deleted with it."""
        left = sa.and_(experiments.c.project_id == project["id"], experiments.c.deleted_at.is_(None))
        tx.execute(experiments.update().where(left).values(deleted_at=project["deleted_at"]))

    def purge(self, tx: Transaction) -> int:
        """Remove deleted experiments that can no longer be restored, for good; at most some at a time: how many."""
        before = clock.now() - timedelta(days=self.retention_days)
        query = (
            sa.select(experiments.c.id)
            .where(experiments.c.deleted_at < before, experiments.c.state != "RUNNING")
            .limit(PURGE_AT_ONCE)
        )
        ids = list(tx.execute(query).scalars())
        if ids:
            links.forget(tx, [f"experiment:{one}" for one in ids])
            tx.execute(trials.delete().where(trials.c.experiment_id.in_(ids)))
            tx.execute(experiments.delete().where(experiments.c.id.in_(ids)))
        return len(ids)

    # Telling

    @staticmethod
    def _tell(tx: Transaction, kind: str, row: Any, state: str, access: Access | None = None) -> None:
        person = access.identity.person if access is not None else None
        events.emit(
            tx,
            kind,
            subject=("experiment", row["id"], row["name"]),
            project=row["project_id"],
            person=person.id if person else None,
            data={"state": state},
        )


def _most_trials(spec: dict[str, Any]) -> int:
    """How many trials there can be: a grid has no more than its points."""
    trials: int = spec["trials"]
    return min(trials, grid_size(spec["space"])) if spec["sampler"]["kind"] == "grid" else trials


def _of_the_job(error: Invalid) -> Invalid:
    """The same error, its fields named as they are in an experiment: `spec.job.…`."""
    fields = [
        {**field, "field": field["field"].replace("spec.", "spec.job.", 1)}
        for field in error.details.get("fields", [])
    ]
    return Invalid(error.message, fields=fields)
