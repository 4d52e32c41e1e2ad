"""Keeps the trials of all running searches going: takes searches up, submits their trials, hears of their ends."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import links, people
from himalia.core.database import Database, Transaction
from himalia.core.errors import HimaliaError, NotFound
from himalia.core.live import Exchange
from himalia.core.people import Person
from himalia.engine.board import Active
from himalia.engine.changes import Change
from himalia.engine.states import ENDED, State
from himalia.experiments import read, records
from himalia.experiments.outcome import Outcome
from himalia.experiments.records import OpenTrial
from himalia.experiments.search import AGAIN_S, FAULT, Asked, End, Search
from himalia.experiments.study import Study, Workers
from himalia.experiments.tables import experiments
from himalia.jobs.schema import JobCreate, JobSpec
from himalia.jobs.service import Chosen, Jobs, Part
from himalia.projects import service as projects_service
from himalia.tracking.runs import EXPERIMENT_LABEL

log = logging.getLogger(__name__)

T = TypeVar("T")


class Owner:
    """On whose behalf, where, and on what the trials of a search run."""

    def __init__(self, project: dict[str, Any], person: Person, job: JobSpec, chosen: Chosen) -> None:
        self.project = project
        self.person = person
        self.job = job
        self.chosen = chosen


class Searcher:
    """All searches that are RUNNING, and all trials whose jobs have not ended."""

    def __init__(self, database: Database, jobs: Jobs, exchange: Exchange) -> None:
        self.database = database
        self.jobs = jobs
        self.exchange = exchange
        self._workers = Workers()
        self._open: dict[str, OpenTrial] = {}
        self._jobs: dict[tuple[str, int], str] = {}
        self._searches: dict[str, Search] = {}
        self._owners: dict[str, Owner] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = asyncio.Event()
        jobs.change_hooks.append(self._changed)
        jobs.engine.on_metrics(self._measured)

    async def load(self) -> None:
        """Know the trials that were not at their end. Call before any workload is looked after."""
        for trial in await self.database.read(lambda c: list(records.load_open(c))):
            self._remember(trial)

    async def start(self) -> None:
        """Go on with what was RUNNING; who was to end early hears it again, in case it was not sent."""
        for trial in self._open.values():
            if trial.pruned_step is not None:
                self.jobs.engine.advise_stop(trial.job_id)
        query = sa.select(experiments.c.id).where(
            experiments.c.state == "RUNNING", experiments.c.deleted_at.is_(None)
        )
        for experiment_id in await self.database.read(lambda c: list(c.execute(query).scalars())):
            self.take_up(experiment_id)

    async def close(self) -> None:
        """End all workers; what is stored goes on at the next start."""
        self._closed.set()
        for search in self._searches.values():
            search.drop()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    # What the service asks for

    def take_up(self, experiment_id: str) -> None:
        """Begin, or go on with, a search that is RUNNING."""
        before = self._tasks.get(experiment_id)
        task = asyncio.create_task(self._run(experiment_id, before))
        self._tasks[experiment_id] = task
        task.add_done_callback(lambda done: self._over(experiment_id, done))

    def drop(self, experiment_id: str) -> None:
        """Begin no more trials of it."""
        search = self._searches.get(experiment_id)
        if search is not None:
            search.drop()

    def passing(self) -> dict[str, str]:
        """By search, a sentence on what holds it up now."""
        return {search.id: search.passing for search in self._searches.values() if search.passing}

    async def importances(self, row: Any) -> list[dict[str, float]]:
        """By objective, how much each parameter matters: from the search's worker, else from one of its own.

        Raises StudyError, StudyLost.
        """
        search = self._searches.get(row.id)
        if search is not None and search.study is not None:
            return await search.study.importances()
        stored = await self.database.read(lambda c: records.stored(c, row.id, None))
        study = await Study.open(row.id, row.spec, stored)
        try:
            return await study.importances()
        finally:
            await study.close()

    async def _run(self, experiment_id: str, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        row = await self._row(experiment_id)
        if row is None or row.state != "RUNNING" or row.deleted_at is not None:
            return
        search = Search(row, self, self._workers)
        self._searches[experiment_id] = search
        try:
            await search.run()
        except Exception:
            log.exception("The search %s came to an end by an error.", experiment_id)
            await self._insist(lambda: self.finish(search, FAULT))
        finally:
            del self._searches[experiment_id]
            self._owners.pop(experiment_id, None)

    async def _row(self, experiment_id: str) -> Any | None:
        return await self._insist(lambda: self.database.read(lambda c: read.by_id(c, experiment_id)))

    async def _insist(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """What `work` answers, once the database does; None where the service ends before."""
        while not self._closed.is_set():
            try:
                return await work()
            except HimaliaError as error:
                log.warning("A search waits for the database: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), AGAIN_S)
        return None

    def _over(self, experiment_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(experiment_id) is task:
            del self._tasks[experiment_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A search failed: %s", error, exc_info=error)

    # What a search stands on

    def check_disk(self) -> None:
        """Raise DiskFull where no trial could be stored."""
        self.jobs.check_disk()

    async def trials(self, search: Search, with_steps: bool) -> list[dict[str, Any]]:
        """What is stored of its trials; with the points of its objective, for a pruner."""
        metric = search.spec["objectives"][0]["metric"] if with_steps else None
        return await self.database.read(lambda c: records.stored(c, search.id, metric))

    async def submit(self, search: Search, asked: Asked, begun: Callable[[], None]) -> None:
        """Store a trial and its job."""
        self.check_disk()
        known = self._owners.get(search.id)
        if known is not None:
            try:
                await self.database.write(lambda tx: self._begin(tx, search, known, asked, begun))
                return
            except NotFound:
                pass  # what it reads may have been renamed
        owner = self._owners[search.id] = await self.database.read(lambda c: self._owner(c, search))
        await self.database.write(lambda tx: self._begin(tx, search, owner, asked, begun))

    def _owner(self, connection: Connection, search: Search) -> Owner:
        row = read.by_id(connection, search.id)
        person = people.get(connection, row.run_by) if row is not None else None
        project = projects_service.by_id(connection, row.project_id) if row is not None else None
        if person is None or project is None:
            raise NotFound("Whoever runs it, or its project, is gone.")
        job = read.job_of(connection, row)
        return Owner(project, person, job, self.jobs.choose(job, person.groups))

    def _begin(
        self, tx: Transaction, search: Search, owner: Owner, asked: Asked, begun: Callable[[], None]
    ) -> None:
        records.check_running(tx, search.id)
        body = JobCreate.model_construct(
            name=f"{search.name[:27].rstrip('-')}-trial-{asked.number}",
            labels={EXPERIMENT_LABEL: search.name},
            spec=_with(owner.job, asked.parameters),
        )
        of = f"experiment:{search.id}"
        part = Part(
            of,
            kernel_group=None if search.spec["fresh_kernel"] else search.id,
            watch_metrics=search.spec["pruner"]["kind"] != "none",
        )
        job = self.jobs.insert(tx, owner.project, owner.person, body, owner.chosen, part)
        trial = OpenTrial(
            search.id,
            search.name,
            owner.project["id"],
            asked.number,
            job.id,
            asked.parameters,
            tuple(objective["metric"] for objective in search.spec["objectives"]),
            part.watch_metrics,
        )
        records.begin(tx, trial, asked.notes)
        links.add(tx, f"job:{job.id}", of, "trial")
        self._remember(trial)  # before the commit: its end may be part of the same group
        tx.after_commit(begun)
        tx.after_commit(lambda: self._publish(trial, "WAITING"))

    def _remember(self, trial: OpenTrial) -> None:
        """Know a trial by its job. A transaction that is run twice makes its job twice: only the last is there."""
        which = (trial.experiment_id, trial.number)
        earlier = self._jobs.get(which)
        if earlier is not None:
            self._open.pop(earlier, None)
        self._jobs[which] = trial.job_id
        self._open[trial.job_id] = trial

    async def advise(self, search: Search, number: int, step: int) -> None:
        """Ask a trial to end early."""
        trial = self._open.get(self._jobs.get((search.id, number), ""))
        if trial is not None and trial.pruned_step is None:
            await self.database.write(lambda tx: records.advise(tx, trial, step))
            self.jobs.engine.advise_stop(trial.job_id)

    async def finish(self, search: Search, end: End) -> None:
        """Store a search's end."""

        def work(tx: Transaction) -> None:
            row = read.by_id(tx.connection, search.id)
            if row is not None and row.state == "RUNNING":
                records.finish(tx, self.jobs.engine, row, end.state, end.reason, end.message)

        await self.database.write(work)

    # What the engine tells

    def _changed(self, tx: Transaction, changes: Sequence[Change]) -> None:
        """Jobs changed: of those that are trials, the ends are stored in the same transaction."""
        ended = []
        for change in changes:
            trial = self._open.get(change.id)
            if trial is None:
                continue
            if change.state in ENDED:
                ended.append((trial, change))
            elif change.state in (State.RUNNING, State.QUEUED):
                shown = "RUNNING" if change.state == State.RUNNING else "WAITING"
                tx.after_commit(partial(self._publish, trial, shown))
                if trial.pruned_step is not None:  # a new attempt
                    tx.after_commit(partial(self.jobs.engine.advise_stop, trial.job_id))
        if ended:
            found = records.end(tx, ended)
            tx.after_commit(lambda: self._ended(found))

    def _ended(self, found: Sequence[tuple[OpenTrial, Outcome]]) -> None:
        for trial, outcome in found:
            self._open.pop(trial.job_id, None)
            self._jobs.pop((trial.experiment_id, trial.number), None)
            search = self._searches.get(trial.experiment_id)
            if search is not None:
                search.ended(trial.number, outcome)
            self._publish(trial, outcome.state, outcome.values)

    def _measured(self, item: Active, items: Sequence[tuple[str, int, float, float]]) -> None:
        """Metrics of a running job are stored: if it is a trial, those of its objective are judged."""
        trial = self._open.get(item.id)
        search = self._searches.get(trial.experiment_id) if trial is not None else None
        if trial is None or search is None:
            return
        steps = [(step, value) for name, step, value, _ in items if name == trial.objectives[0]]
        if steps:
            search.reported(trial.number, steps)

    def _publish(self, trial: OpenTrial, state: str, values: list[float] | None = None) -> None:
        def make() -> dict[str, Any]:
            shown = {
                "number": trial.number,
                "state": state,
                "parameters": dict(trial.parameters),
                "values": values,
                "job_id": trial.job_id,
            }
            return {"type": "trial", "trial": shown}

        self.exchange.publish(f"experiment:{trial.experiment_id}", make)


def _with(job: JobSpec, values: Any) -> JobSpec:
    """The job with a trial's values: a notebook's parameters, or words behind a script's or command's own."""
    if job.kind == "notebook":
        return job.model_copy(update={"parameters": {**job.parameters, **values}})
    words = [word for name, value in values.items() for word in (f"--{name}", _word(value))]
    if job.kind == "script":
        return job.model_copy(update={"arguments": [*job.arguments, *words]})
    return job.model_copy(update={"command": [*job.command, *words]})


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
