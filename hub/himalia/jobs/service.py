"""The only code that changes jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock, events, links
from himalia.core.access import Access
from himalia.core.changing import deleted_one, refuse_stale
from himalia.core.database import Database, Transaction
from himalia.core.errors import InUse, Invalid, NameInUse, NotFound
from himalia.core.idempotency import once
from himalia.core.ids import new_id
from himalia.core.people import Person
from himalia.core.schema import Who
from himalia.engine.changes import Change
from himalia.engine.forget import forget
from himalia.engine.resources import Resources
from himalia.engine.service import Engine, WorkloadSpec
from himalia.engine.states import ENDED, State
from himalia.engine.tables import workloads
from himalia.jobs import inputs, read
from himalia.jobs.names import Numbers, base_name, is_taken
from himalia.jobs.read import Shower
from himalia.jobs.schema import Job, JobCreate, JobRerun, JobSpec, JobStatus, JobUpdate
from himalia.jobs.tables import jobs
from himalia.overlays.service import Base, Needed, Overlays
from himalia.projects.service import check_may_run, may_run, personal
from himalia.secrets import service as secrets_service
from himalia.snapshots.service import Snapshots

MANY_PARAMETERS = 1 << 20
PURGE_AT_ONCE = 50
"""Jobs removed in one transaction: their metrics may be many rows."""
_INSERT = jobs.insert()  # statements made once spare their making for every job


@dataclass(frozen=True, slots=True)
class Chosen:
    """A profile and size as the engine needs them."""

    profile: str
    size: str
    environment: str
    reserve: Resources
    limit: Resources


@dataclass(frozen=True, slots=True)
class Part:
    """What a job is made for, such as `experiment:<id>`: it is listed there, and gets a name that is free.

    `kernel_group`, `watch_metrics` and `isolated` are its workload's.
    """

    of: str | None
    kernel_group: str | None = None
    watch_metrics: bool = False
    isolated: bool = False


class Choose(Protocol):
    """Finds the resources of a profile for a person's job; raises Invalid."""

    def __call__(self, spec: JobSpec, groups: tuple[str, ...]) -> Chosen: ...


class Jobs:
    """Submit, steer and find jobs."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        snapshots: Snapshots,
        choose: Choose,
        overlays: Overlays,
        check_disk: Callable[[], None],
        retention_days: int = 30,
    ) -> None:
        self.database = database
        self.engine = engine
        self.snapshots = snapshots
        self.choose = choose
        self.overlays = overlays
        self.check_disk = check_disk
        self.retention_days = retention_days
        self.shower = Shower(engine.board, engine.machines)
        self.change_hooks: list[Callable[[Transaction, list[Change]], None]] = []
        """Told of each job's change, in its transaction."""
        self._numbers = Numbers()
        self._wholes: dict[str, str | None] = {}
        """What those jobs are part of that were told of and have not ended."""
        self._content = lru_cache(maxsize=32)(snapshots.store.get)
        engine.on_change("job", self._changed)

    # Submitting

    async def create(
        self,
        access: Access,
        body: JobCreate,
        key: str | None = None,
        mark: str = "",
        part: Part | None = None,
    ) -> tuple[Job, bool]:
        """Submit a job; (job, whether it is new). Raises Invalid, NameInUse, KeyReused, DiskFull."""
        spec, chosen = await self.check(access, body.spec)
        body = body.model_copy(update={"spec": spec})
        project, person_id = access.in_project, access.person.id

        def work(tx: Transaction) -> tuple[str, bool, Job | None]:
            check_may_run(tx, access)
            made: list[Job] = []

            def make() -> str:
                made.append(self.insert(tx, project, access.person, body, chosen, part))
                return made[0].id

            job_id, is_new = once(tx, person_id, key, mark, make)
            return job_id, is_new, made[0] if made else None

        job_id, is_new, job = await self.database.write(work)
        if job is None:
            job = await self.database.read(lambda c: self._shown_by_id(c, job_id, project["name"]))
        return job, is_new

    async def check(self, access: Access, spec: JobSpec) -> tuple[JobSpec, Chosen]:
        """The spec with what was chosen for it, and that; raises Invalid for what could never run, and DiskFull."""
        self.check_disk()
        self._check_limits(access, spec)
        chosen = self.choose(spec, access.person.groups)
        self.engine.check(chosen.reserve, chosen.profile, spec.replicas)
        if spec.inputs:
            spec = await self.database.read(lambda c: inputs.pinned(c, access.in_project["id"], spec))
        spec = _resolved(spec, chosen)
        if spec.snapshot is not None or spec.secrets:
            await self.database.read(lambda c: self._check_parts(c, access, spec))
        return spec, chosen

    def _check_limits(self, access: Access, spec: JobSpec) -> None:
        if spec.priority > 0 and "admin" not in access.identity.scopes:
            raise Invalid.field("spec.priority", "Only an administrator may give a priority above 0.")
        if len(json.dumps(spec.parameters)) > MANY_PARAMETERS:
            raise Invalid.field("spec.parameters", "The parameters may have 1 MiB. Put large data in a file.")

    def _check_parts(self, connection: Connection, access: Access, spec: JobSpec) -> None:
        """The snapshot is this project's and holds what the job names; the secrets exist."""
        project_id = access.in_project["id"]
        if spec.snapshot is not None:
            tree = self.snapshots.check(connection, project_id, spec.snapshot)
            there = {file.path for file in tree.files}
            for field in ("notebook", "script", "requirements"):
                path = getattr(spec, field)
                if path is not None and path not in there:
                    raise Invalid.field(
                        f"spec.{field}",
                        f"There is no file {path} in the job's code. Is it left out by .himaliaignore?",
                    )
            if spec.requirements is not None:
                self._requirements(spec.snapshot, spec.requirements)
        if spec.secrets:
            self.check_secrets(connection, project_id, access.person.id, spec.secrets)

    def _requirements(self, snapshot: str, path: str) -> bytes:
        """The content of a requirements.txt; kept, so that it is not read from the disk in a transaction."""
        file = next(file for file in self.snapshots.tree(snapshot).files if file.path == path)
        if file.size > 2**20:
            raise Invalid.field("spec.requirements", "A requirements.txt has at most 1 MiB.")
        return self._content(file.digest)

    def check_secrets(
        self, connection: Connection, project_id: str, person_id: str, names: Iterable[str]
    ) -> None:
        """Raise Invalid unless the project or the person has secrets of these names."""
        own = self._secret_projects(connection, project_id, person_id)
        missing = sorted(set(names) - secrets_service.names(connection, own))
        if missing:
            raise Invalid.field(
                "spec.secrets", f"There is no secret named {', '.join(missing)}. Set it first."
            )

    @staticmethod
    def _secret_projects(connection: Connection, project_id: str, person_id: str) -> list[str]:
        own = personal(connection, person_id)
        return [project_id, own["id"]] if own else [project_id]

    def insert(
        self,
        tx: Transaction,
        project: dict[str, Any],
        person: Person,
        body: JobCreate,
        chosen: Chosen,
        part: Part | None = None,
    ) -> Job:
        """Store a job whose spec `check` has answered. Raises NameInUse."""
        name = self._free_name(tx, project["id"], body, part)
        if body.spec.snapshot is not None:
            self.snapshots.hold(tx, project["id"], body.spec.snapshot)
        reads = inputs.of(tx, project["id"], body.spec) if body.spec.inputs else None
        now, job_id = clock.now(), new_id()
        row: dict[str, Any] = {
            "id": job_id,
            "project_id": project["id"],
            "name": name,
            "labels": body.labels,
            "spec": body.spec.model_dump(),
            "part_of": part.of if part else None,
            "inputs": reads,
            "version": 1,
            "created_at": now,
            "created_by": person.id,
            "updated_at": now,
            "deleted_at": None,
        }
        tx.add(_INSERT, row)
        tx.after_commit(lambda: self._wholes.setdefault(job_id, row["part_of"]))
        inputs.link(tx, job_id, reads)
        needed = self._environment(tx, person.id, project["id"], body.spec)
        self.engine.submit(tx, self._workload(row, chosen, needed, body.spec, part))
        events.emit(
            tx,
            "job.created",
            subject=("job", job_id, name),
            project=project["id"],
            person=person.id,
            data={"state": State.QUEUED, "attempt": 0, **({"part_of": part.of} if part and part.of else {})},
        )
        return self._fresh(row, project["name"], person.name, needed)

    def _free_name(self, tx: Transaction, project_id: str, body: JobCreate, part: Part | None) -> str:
        if body.name is None:
            return self._numbers.free(tx, project_id, base_name(body.spec))
        if part is not None and not tx.careful:
            return body.name  # likely to be free, and the commit sees to it
        if is_taken(tx.connection, project_id, body.name):
            if part is not None:
                return self._numbers.free(tx, project_id, body.name)
            raise NameInUse(f"There is a job named {body.name} already. Choose another name, or give none.")
        return body.name

    def _environment(self, tx: Transaction, person_id: str, project_id: str, spec: JobSpec) -> Needed | None:
        """The overlay that a resolved spec needs, whose building is begun where it has to be."""
        if spec.requirements is None or spec.snapshot is None or spec.environment is None:
            return None
        content = self._requirements(spec.snapshot, spec.requirements)
        base = Base(person_id, project_id, spec.environment, spec.profile)
        needed = self.overlays.plan(tx.connection, base, content)
        if needed.spec is not None:
            self.overlays.submit(tx, needed.spec)
        return needed

    def _workload(
        self, row: dict[str, Any], chosen: Chosen, needed: Needed | None, spec: JobSpec, part: Part | None
    ) -> WorkloadSpec:
        return WorkloadSpec(
            id=row["id"],
            kind="job",
            name=row["name"],
            project_id=row["project_id"],
            person_id=row["created_by"],
            environment=chosen.environment,
            overlay=needed.overlay if needed else None,
            snapshot=spec.snapshot,
            task=_task(spec),
            reserve=chosen.reserve,
            limit=chosen.limit,
            profile=chosen.profile,
            variables=spec.env,
            secrets=tuple(spec.secrets),
            permissions=tuple(spec.permissions),
            time_limit_s=spec.time_limit_s,
            priority=spec.priority,
            retries=spec.retries,
            replicas=spec.replicas,
            max_restarts=spec.max_restarts,
            needs_id=needed.task if needed else None,
            inputs={
                f"inputs/{name}": {"tree": one["tree"], "path": ""}
                for name, one in (row["inputs"] or {}).items()
            },
            kernel_group=part.kernel_group if part else None,
            watch_metrics=part.watch_metrics if part else False,
            isolated=part.isolated if part else False,
        )

    @staticmethod
    def _fresh(row: dict[str, Any], project: str, author: str, needed: Needed | None) -> Job:
        # made of what was validated a moment ago
        return Job.model_construct(
            id=row["id"],
            name=row["name"],
            project=project,
            labels=row["labels"],
            part_of=row["part_of"],
            spec=JobSpec.model_construct(**row["spec"]),
            status=JobStatus(
                state="QUEUED",
                queued_at=row["created_at"],
                inputs=read.shown_inputs(row["inputs"]),
                environment_job=needed.task if needed else None,
            ),
            created_at=row["created_at"],
            created_by=Who(id=row["created_by"], name=author),
            updated_at=row["created_at"],
            etag="1",
        )

    # Finding

    def find(self, connection: Connection, access: Access, name: str) -> Any:
        """The joined row of a job of the caller's project. Raises NotFound."""
        row = read.by_name(connection, access.in_project["id"], name)
        if row is None:
            raise NotFound(f"There is no job named {name} in {access.in_project['name']}.")
        return row

    async def get(self, access: Access, name: str) -> Job:
        """One job."""
        project = access.in_project["name"]

        def work(connection: Connection) -> Job:
            return self.shower.show(connection, [self.find(connection, access, name)], project)[0]

        return await self.database.read(work)

    def _shown_by_id(self, connection: Connection, job_id: str, project: str) -> Job:
        row = read.by_id(connection, job_id)
        if row is None:
            raise NotFound("This job is gone.")
        return self.shower.show(connection, [row], project)[0]

    # Changing

    async def update(self, access: Access, name: str, body: JobUpdate, etag: str | None) -> Job:
        """Rename or label a job. Raises Stale, NameInUse."""

        def work(tx: Transaction) -> str:
            row = self.find(tx.connection, access, name)
            refuse_stale("job", row.version, etag)
            values: dict[str, Any] = {"version": row.version + 1, "updated_at": clock.now()}
            if body.labels is not None:
                values["labels"] = body.labels
            if body.name is not None and body.name != row.name:
                if is_taken(tx.connection, row.project_id, body.name):
                    raise NameInUse(f"There is a job named {body.name} already. Choose another name.")
                values["name"] = body.name
                self.engine.rename(tx, row.id, body.name)
            tx.execute(jobs.update().where(jobs.c.id == row.id).values(values))
            self._tell(tx, "job.changed", row, access, values.get("name", row.name), row.state)
            return str(row.id)

        return await self._changed_and_shown(access, work)

    async def stop(self, access: Access, name: str) -> Job:
        """Ask a job to end. Raises WrongState when it has."""

        def work(tx: Transaction) -> str:
            row = self.find(tx.connection, access, name)
            self.engine.stop(tx, row.id)
            return str(row.id)

        return await self._changed_and_shown(access, work)

    async def retry(self, access: Access, name: str) -> Job:
        """Queue a failed or stopped job again, as a new attempt.

        It runs as its submitter, or, where that person may run nothing here any more, as the caller.
        """

        def work(tx: Transaction) -> str:
            check_may_run(tx, access)
            row = self.find(tx.connection, access, name)
            # What it was built in may be gone, never was built, or belongs to an environment that was made anew.
            spec = JobSpec.model_validate(row.spec)
            may = may_run(tx.connection, row.project_id, row.created_by)
            person_id = row.created_by if may else access.person.id
            needed = self._environment(tx, person_id, row.project_id, spec)
            overlay, task = (needed.overlay, needed.task) if needed else (None, None)
            self.engine.retry(tx, row.id, overlay, task, person_id)
            return str(row.id)

        return await self._changed_and_shown(access, work)

    async def rerun(self, access: Access, name: str, body: JobRerun, key: str | None, mark: str) -> Job:
        """Submit a job again, as a new one with the same code; `body` says what differs."""
        row, reads, isolated = await self.database.read(lambda c: self._to_repeat(c, access, name))
        changes = body.model_dump(exclude_none=True, exclude={"name"})
        if "profile" in changes and "size" not in changes:
            changes["size"] = None
        spec = JobSpec.model_validate({**row.spec, "inputs": reads, **changes})
        again = JobCreate(name=body.name, labels=row.labels, spec=spec)
        part = Part(None, isolated=True) if isolated else None  # whose code it runs has not changed
        return (await self.create(access, again, key, mark, part))[0]

    def _to_repeat(
        self, connection: Connection, access: Access, name: str
    ) -> tuple[Any, dict[str, str], bool]:
        row = self.find(connection, access, name)
        stored = connection.execute(sa.select(workloads.c.spec).where(workloads.c.id == row.id)).scalar_one()
        return row, inputs.now_called(connection, row), stored.get("isolated", False)

    async def delete(self, access: Access, name: str, cascade: bool) -> None:
        """Delete a job softly. Raises InUse while it runs, unless `cascade` stops it first."""

        def work(tx: Transaction) -> None:
            row = self.find(tx.connection, access, name)
            if State(row.state) not in ENDED:
                if not cascade:
                    raise InUse("The job has not ended. Stop it first, or delete it with cascade=true.")
                self.engine.stop(tx, row.id)
            tx.execute(jobs.update().where(jobs.c.id == row.id).values(deleted_at=clock.now()))
            inputs.unlink(tx, jobs.c.id == row.id)
            self._tell(tx, "job.deleted", row, access, row.name, row.state)

        await self.database.write(work)

    async def restore(self, access: Access, name: str, new_name: str | None) -> Job:
        """Bring back a deleted job, by name or id. Raises NotFound, NameInUse, WrongState."""

        def work(tx: Transaction) -> str:
            query = sa.select(jobs, workloads.c.state).join(workloads, workloads.c.id == jobs.c.id)
            where = access.in_project["id"], name
            row = deleted_one(tx.connection, query, jobs, "job", where, self.retention_days)
            wanted = new_name or row.name
            if is_taken(tx.connection, row.project_id, wanted):
                raise NameInUse(f"The name {wanted} has been taken meanwhile. Give another one.")
            values = {"deleted_at": None, "name": wanted, "updated_at": clock.now()}
            tx.execute(jobs.update().where(jobs.c.id == row.id).values(values))
            inputs.link_again(tx, [row])
            self._tell(tx, "job.restored", row, access, wanted, row.state)
            return str(row.id)

        return await self._changed_and_shown(access, work)

    def purge(self, tx: Transaction) -> int:
        """Remove deleted jobs that can no longer be restored, for good; at most some at a time: how many."""
        query = (
            sa.select(jobs.c.id)
            .join(workloads, workloads.c.id == jobs.c.id)
            .where(
                jobs.c.deleted_at < clock.now() - timedelta(days=self.retention_days),
                workloads.c.state.in_(list(ENDED)),
            )
            .limit(PURGE_AT_ONCE)
        )
        ids = list(tx.execute(query).scalars())
        if ids:
            tx.execute(jobs.delete().where(jobs.c.id.in_(ids)))
            links.forget(tx, [f"job:{job_id}" for job_id in ids])
            forget(tx, ids)
        return len(ids)

    def delete_parts(self, tx: Transaction, of: str, at: datetime) -> None:
        """Delete what was made for a thing, softly, and stop what runs of it; `at` finds it again."""
        parts = sa.and_(jobs.c.part_of == of, jobs.c.deleted_at.is_(None))
        query = sa.select(jobs.c.id).join(workloads, workloads.c.id == jobs.c.id)
        for job_id in tx.execute(query.where(parts, workloads.c.state.notin_(list(ENDED)))).scalars():
            self.engine.stop(tx, job_id)
        inputs.unlink(tx, parts)
        tx.execute(jobs.update().where(parts).values(deleted_at=at))

    @staticmethod
    def restore_parts(tx: Transaction, of: str, at: datetime) -> None:
        """Bring back what `delete_parts` deleted at that moment, less what has lost its name meanwhile.

        Raises WrongState where what they read is deleted.
        """
        taken = jobs.alias()
        is_taken_now = sa.exists().where(
            taken.c.project_id == jobs.c.project_id, taken.c.name == jobs.c.name, taken.c.deleted_at.is_(None)
        )
        gone = sa.and_(jobs.c.part_of == of, jobs.c.deleted_at == at, ~is_taken_now)
        inputs.link_again(tx, list(tx.execute(sa.select(jobs.c.id, jobs.c.inputs).where(gone))))
        tx.execute(jobs.update().where(gone).values(deleted_at=None))

    def project_deleted(self, tx: Transaction, project_id: str, cascade: bool) -> None:
        """Hook: a project with jobs that have not ended is deleted only with `cascade`, which stops them."""
        query = (
            sa.select(jobs.c.id)
            .join(workloads, workloads.c.id == jobs.c.id)
            .where(jobs.c.project_id == project_id, workloads.c.state.notin_(list(ENDED)))
        )
        running = list(tx.execute(query).scalars())
        if running and not cascade:
            raise InUse(
                f"{len(running)} job(s) of this project have not ended. Stop them, or use cascade=true."
            )
        for job_id in running:
            self.engine.stop(tx, job_id)

    @staticmethod
    def project_purged(tx: Transaction, project: dict[str, Any]) -> None:
        """Hook: the jobs of a project whose time is over were deleted with it."""
        left = sa.and_(jobs.c.project_id == project["id"], jobs.c.deleted_at.is_(None))
        tx.execute(jobs.update().where(left).values(deleted_at=project["deleted_at"]))

    async def _changed_and_shown(self, access: Access, work: Callable[[Transaction], str]) -> Job:
        job_id = await self.database.write(work)
        project = access.in_project["name"]
        return await self.database.read(lambda c: self._shown_by_id(c, job_id, project))

    # Telling

    def _tell(self, tx: Transaction, kind: str, row: Any, access: Access, name: str, state: str) -> None:
        person = access.identity.person
        events.emit(
            tx,
            kind,
            subject=("job", row.id, name),
            project=row.project_id,
            person=person.id if person else None,
            data={"state": state},
        )

    def _changed(self, tx: Transaction, changes: list[Change]) -> None:
        """The engine moved jobs: each gets its event."""
        for hook in self.change_hooks:
            hook(tx, changes)
        if unknown := [change.id for change in changes if change.id not in self._wholes]:
            query = sa.select(jobs.c.id, jobs.c.part_of).where(jobs.c.id.in_(unknown))
            self._wholes |= {row.id: row.part_of for row in tx.execute(query)}
        for change in changes:
            ended = change.state in ENDED
            whole = self._wholes.pop(change.id, None) if ended else self._wholes.get(change.id)
            events.emit(
                tx,
                "job.changed",
                subject=("job", change.id, change.name),
                project=change.project_id,
                data={
                    "state": change.state,
                    "attempt": change.attempt,
                    "reason": change.reason,
                    "message": change.message,
                    "owner": change.person_id,
                    "changed_at": change.at.isoformat(),
                    **({"part_of": whole} if whole else {}),
                },
            )


def _resolved(spec: JobSpec, chosen: Chosen) -> JobSpec:
    """The spec with what was chosen for it written down: a profile's defaults may change later."""
    return spec.model_copy(update={"size": chosen.size, "environment": chosen.environment})


def _task(spec: JobSpec) -> dict[str, Any]:
    """The runner protocol's task, as far as the job decides it."""
    task: dict[str, Any] = {"kind": spec.kind, "snapshot": spec.snapshot is not None}
    if spec.kind == "notebook":
        task |= {"notebook": spec.notebook, "parameters": spec.parameters}
    elif spec.kind == "script":
        task["command"] = [spec.script, *spec.arguments]
    else:
        task["command"] = spec.command
    return task
