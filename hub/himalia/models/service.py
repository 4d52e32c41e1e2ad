"""The only code that changes models, versions and aliases: in MLflow's registry first, then in our tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakValueDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock, events, links
from himalia.core.access import Access
from himalia.core.changing import refuse_stale
from himalia.core.database import Database, Transaction
from himalia.core.errors import InUse, Invalid, NameInUse, NotFound
from himalia.core.idempotency import made_before, once
from himalia.core.ids import new_id
from himalia.environments.places import Environments
from himalia.jobs import read as jobs_read
from himalia.lineage.service import Lineage, in_words
from himalia.models import manifest, read, sources
from himalia.models.environments import default_environment
from himalia.models.manifest import Manifest
from himalia.models.read import end
from himalia.models.schema import (
    Model,
    ModelCreate,
    ModelUpdate,
    ModelVersion,
    ModelVersionCreate,
    ModelVersionUpdate,
    Source,
)
from himalia.models.sources import Logged, Origin, TrialJob
from himalia.models.tables import aliases, evaluations, models, versions
from himalia.snapshots.service import Snapshots, own_many
from himalia.storage.base import Stored
from himalia.storage.trees import Tree
from himalia.tracking.client import MlflowClient, MlflowRefused
from himalia.tracking.runs import attempt_of
from himalia.tracking.service import Tracking

VERSION_TAG = "himalia.version"
GONE = ("RESOURCE_DOES_NOT_EXIST",)
THERE = ("RESOURCE_ALREADY_EXISTS",)
SERVES = "serves"


@dataclass(frozen=True, slots=True)
class By:
    """Who changes something, and in which project."""

    project_id: str
    project: str
    person_id: str

    @classmethod
    def of(cls, access: Access) -> By:
        """The caller."""
        return cls(access.in_project["id"], access.in_project["name"], access.person.id)


@dataclass(frozen=True, slots=True)
class Made:
    """A version to be written down."""

    source: Source
    tree: Tree | None = None
    manifest: Manifest = field(default_factory=Manifest)
    environment: str | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    problem: str | None = None


class Models:
    """Names, versions and aliases."""

    def __init__(
        self,
        database: Database,
        snapshots: Snapshots,
        tracking: Tracking,
        lineage: Lineage,
        trial_job: TrialJob,
        environments: Environments,
        check_disk: Callable[[], None],
    ) -> None:
        self.database = database
        self.snapshots = snapshots
        self.tracking = tracking
        self.lineage = lineage
        self.trial_job = trial_job
        self.environments = environments
        self.check_disk = check_disk
        self._locks: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    async def ask(
        self, by: By, method: str, path: str, body: Mapping[str, Any], but: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Change MLflow's registry; errors whose codes are in `but` are none. Raises HimaliaError."""
        async with self.tracking.client(by.project_id) as mlflow:
            return await _told(mlflow, method, path, body, but)

    # Models

    async def create(self, by: By, body: ModelCreate) -> Model:
        """Make a model without versions. Raises NameInUse, Unavailable."""
        await self.database.read(lambda c: _refuse_taken(c, by.project_id, body.name))
        asked = {"name": body.name, "description": body.spec.description}
        # One that is there already was left by a creation that was cut off.
        await self.ask(by, "POST", "registered-models/create", asked, THERE)
        return await self._shown(by, await self.database.write(lambda tx: self.record_model(tx, by, body)))

    @staticmethod
    def record_model(tx: Transaction, by: By, body: ModelCreate) -> str:
        """Write down a model that MLflow has: its id. Raises NameInUse."""
        _refuse_taken(tx.connection, by.project_id, body.name)
        now, model_id = clock.now(), new_id()
        tx.execute(
            models.insert().values(
                id=model_id,
                project_id=by.project_id,
                name=body.name,
                labels=body.labels,
                spec=body.spec.model_dump(),
                version=1,
                created_at=now,
                created_by=by.person_id,
                updated_at=now,
            )
        )
        _tell(tx, "model.created", by, (model_id, body.name))
        return model_id

    async def get(self, by: By, name: str) -> Model:
        """One model. Raises NotFound."""
        row = await self.database.read(lambda c: read.find(c, by.project_id, name))
        return await self._shown(by, row.id)

    async def _shown(self, by: By, model_id: str) -> Model:
        def work(connection: Connection) -> Model:
            row = connection.execute(sa.select(models).where(models.c.id == model_id)).first()
            if row is None:
                raise NotFound("This model is gone.")
            return read.show(connection, [row], by.project)[0]

        return await self.database.read(work)

    async def update(self, by: By, name: str, body: ModelUpdate, etag: str | None) -> Model:
        """Label or describe a model. Raises Stale."""
        row = await self.database.read(lambda c: read.find(c, by.project_id, name))
        refuse_stale("model", row.version, etag)
        if body.spec is not None:
            asked = {"name": name, "description": body.spec.description}
            await self.ask(by, "PATCH", "registered-models/update", asked)
        await self.database.write(lambda tx: self.record_update(tx, by, name, body, etag))
        return await self._shown(by, row.id)

    @staticmethod
    def record_update(tx: Transaction, by: By, name: str, body: ModelUpdate, etag: str | None = None) -> None:
        """Write down what a model is about. Raises Stale."""
        row = read.find(tx.connection, by.project_id, name)
        refuse_stale("model", row.version, etag)
        values: dict[str, Any] = {"version": row.version + 1, "updated_at": clock.now()}
        values |= body.model_dump(exclude_none=True)
        tx.execute(models.update().where(models.c.id == row.id).values(values))
        _tell(tx, "model.changed", by, (row.id, row.name), state="described")

    async def delete(self, by: By, name: str) -> None:
        """Delete a model with all its versions, for good. Raises InUse while one is served."""

        def check(connection: Connection) -> None:
            row = read.find(connection, by.project_id, name)
            self._refuse_served(connection, by, _version_ids(connection, row.id), name)

        async with self.alone(by.project_id, name):
            await self.database.read(check)
            await self.ask(by, "DELETE", "registered-models/delete", {"name": name}, GONE)
            await self.database.write(lambda tx: self.record_deletion(tx, by, name))

    @staticmethod
    def record_deletion(tx: Transaction, by: By, name: str) -> None:
        """Forget a model that MLflow has no more."""
        row = read.find(tx.connection, by.project_id, name)
        _forget_versions(tx, _version_ids(tx.connection, row.id))
        tx.execute(models.delete().where(models.c.id == row.id))
        _tell(tx, "model.deleted", by, (row.id, row.name))

    # Versions

    async def register(
        self, by: By, name: str, body: ModelVersionCreate, key: str | None = None, mark: str = ""
    ) -> tuple[ModelVersion, bool]:
        """Make a version of what a job, a trial or MLflow has; (it, whether it is new).

        Raises NotFound, Invalid, KeyReused, Unavailable, DiskFull.
        """
        self.check_disk()
        await self.database.read(lambda c: read.find(c, by.project_id, name))
        if key is None:
            return await self._registered(by, name, body, key, mark), True
        async with self.alone(by.person_id, "key", key):  # a repetition waits for what was asked first
            earlier = await self.database.read(lambda c: made_before(c, by.person_id, key, mark))
            if earlier is not None:
                return await self.database.read(lambda c: _by_id(c, by, earlier)), False
            return await self._registered(by, name, body, key, mark), True

    async def _registered(
        self, by: By, name: str, body: ModelVersionCreate, key: str | None, mark: str
    ) -> ModelVersion:
        version_id = new_id()
        async with self.mlflow(by) as mlflow:
            if body.run_id is None and body.model_id is None:
                made, place = await self._of_job(mlflow, by, body)
            else:
                place = await sources.logged(mlflow, body)
                made = await self.of_logged(mlflow, by, place)
            made = self.placed(replace(made, description=body.description), body.environment)

            def record(tx: Transaction, number: int) -> None:
                model = read.find(tx.connection, by.project_id, name)
                once(
                    tx,
                    by.person_id,
                    key,
                    mark,
                    lambda: self.record_version(tx, by, model.id, version_id, number, made),
                )

            await self.add(mlflow, by, name, version_id, _asked(name, place, made), record)
        return await self.database.read(lambda c: _by_id(c, by, version_id))

    async def add(
        self,
        mlflow: MlflowClient,
        by: By,
        name: str,
        version_id: str,
        asked: Mapping[str, Any],
        record: Callable[[Transaction, int], None],
    ) -> dict[str, Any]:
        """Have MLflow make a version and `record` write it down; MLflow's answer. Raises MlflowRefused.

        Files are in their places before: only this waits for other versions of the same model.
        """
        given = asked.get("tags")
        tags = [one for one in given if not _is_ours(one)] if isinstance(given, list) else []
        signed = {**asked, "tags": [*tags, {"key": VERSION_TAG, "value": version_id}]}
        async with self.alone(by.project_id, name):
            await self._forget_cut_off(mlflow, by, name)
            answer = await mlflow.post("model-versions/create", signed)
            number = int(answer["model_version"]["version"])
            await self.database.write(lambda tx: record(tx, number))
        return answer

    def alone(self, *key: str) -> asyncio.Lock:
        """The lock of a model, or of whatever else must not be done twice at a time."""
        return self._locks.setdefault(key, asyncio.Lock())

    @asynccontextmanager
    async def mlflow(self, by: By) -> AsyncIterator[MlflowClient]:
        """MLflow in a project. Raises HimaliaError for what MLflow refuses."""
        async with self.tracking.client(by.project_id) as mlflow:
            try:
                yield mlflow
            except MlflowRefused as error:
                raise error.error from error

    async def _forget_cut_off(self, mlflow: MlflowClient, by: By, name: str) -> None:
        """Remove versions of MLflow's that a service which was killed has not written down."""
        quoted = name.replace("'", "''")
        answer = await mlflow.get("model-versions/search", filter=f"name='{quoted}'", max_results="1000")
        ours = (
            sa.select(versions.c.number)
            .join(models, models.c.id == versions.c.model_id)
            .where(models.c.project_id == by.project_id, models.c.name == name)
        )
        known = await self.database.read(lambda c: set(c.execute(ours).scalars()))
        for one in answer.get("model_versions", []):
            tags = {tag["key"] for tag in one.get("tags", [])}
            if VERSION_TAG in tags and int(one["version"]) not in known:
                asked = {"name": name, "version": one["version"]}
                await _told(mlflow, "DELETE", "model-versions/delete", asked, GONE)

    async def _of_job(self, mlflow: MlflowClient, by: By, body: ModelVersionCreate) -> tuple[Made, Logged]:
        def work(connection: Connection) -> tuple[Origin, str, Tree]:
            origin = sources.origin(connection, by.project_id, body, self.trial_job)
            return origin, *sources.output_tree(connection, origin, body.path)

        origin, path, tree = await self.database.read(work)
        described = await asyncio.to_thread(manifest.read, self.snapshots.store, tree)
        await self.snapshots.put(by.project_id, tree.digest, tree.to_bytes())
        run_id = await self.tracking.runs.ensure(mlflow, origin.job_id, origin.attempt)
        if run_id is None:
            raise NotFound("The job of this model is gone.")
        async with self.alone(run_id, path):  # two that write the same files would read each other's halves
            uri = await sources.uploaded(mlflow, run_id, path, tree, self.snapshots.store)
        source = origin.source.model_copy(update={"run_id": run_id, "path": path})
        made = Made(source, tree, described, origin.environment, origin.metrics, origin.parameters)
        return made, Logged(uri, uri, run_id, None, path)

    async def of_logged(self, mlflow: MlflowClient, by: By, place: Logged) -> Made:
        """What MLflow has, with its files copied into our store. Raises HimaliaError, MlflowRefused."""
        tree = await sources.copied(
            mlflow, place.uri, self.snapshots, by.project_id, self.tracking.artifact_limit_bytes
        )
        described = await asyncio.to_thread(manifest.read, self.snapshots.store, tree)
        await self.snapshots.put(by.project_id, tree.digest, tree.to_bytes())
        source = Source(run_id=place.run_id or None, path=place.path)
        origin = await self.database.read(lambda c: _origin_of_run(c, source)) if place.run_id else None
        if place.run_id:
            metrics, parameters = await sources.run_values(mlflow, place.run_id)
        else:
            metrics, parameters = {}, {}
        if origin is None:
            return Made(source, tree, described, None, metrics, parameters)
        return Made(origin.source, tree, described, origin.environment, metrics, parameters)

    def placed(self, made: Made, wanted: str | None) -> Made:
        """With the environment in which it runs. Raises Invalid for one that is not there."""
        if wanted is not None and not self.environments.is_ready(wanted):
            raise Invalid.field("environment", self.environments.missing(wanted))
        chosen = wanted or made.environment or default_environment(self.environments, made.manifest.flavors)
        return replace(made, environment=chosen)

    @staticmethod
    def record_version(
        tx: Transaction, by: By, model_id: str, version_id: str, number: int, made: Made
    ) -> str:
        """Write down a version that MLflow has: its id."""
        now = clock.now()
        tree = made.tree
        tx.execute(
            versions.insert().values(
                id=version_id,
                model_id=model_id,
                number=number,
                description=made.description,
                source=made.source.model_dump(),
                tree=tree.digest if tree else None,
                files=len(tree.files) if tree else 0,
                size=tree.size if tree else 0,
                manifest=made.manifest.as_json(),
                environment=made.environment,
                metrics=dict(made.metrics),
                parameters=dict(made.parameters),
                problem=made.problem,
                version=1,
                created_at=now,
                created_by=by.person_id,
                updated_at=now,
            )
        )
        if tree is not None:
            own_many(tx, by.project_id, [Stored(file.digest, file.size) for file in tree.files])
        if made.source.job_id is not None:
            links.add(tx, end(version_id), f"job:{made.source.job_id}", "source")
        row = tx.execute(sa.select(models).where(models.c.id == model_id)).one()
        tx.execute(models.update().where(models.c.id == model_id).values(updated_at=now))
        _tell(tx, "model.changed", by, (row.id, row.name), state="added", version=number)
        return version_id

    async def version(self, by: By, name: str, wanted: str) -> ModelVersion:
        """One version, by number or alias. Raises NotFound."""

        def work(connection: Connection) -> ModelVersion:
            model = read.find(connection, by.project_id, name)
            row = read.find_version(connection, model, wanted)
            return read.show_versions(connection, [row], model, by.project)[0]

        return await self.database.read(work)

    async def update_version(
        self, by: By, name: str, wanted: str, body: ModelVersionUpdate, etag: str | None
    ) -> ModelVersion:
        """Describe a version. Raises Stale."""
        _, row = await self._find(by, name, wanted)
        refuse_stale("version", row.version, etag)
        if body.description is not None:
            asked = {"name": name, "version": str(row.number), "description": body.description}
            await self.ask(by, "PATCH", "model-versions/update", asked)
            text = body.description
            await self.database.write(
                lambda tx: self.record_description(tx, by, name, row.number, text, etag)
            )
        return await self.version(by, name, str(row.number))

    @staticmethod
    def record_description(
        tx: Transaction, by: By, name: str, number: int, text: str, etag: str | None = None
    ) -> None:
        """Write down what a version is about. Raises Stale."""
        model = read.find(tx.connection, by.project_id, name)
        row = read.find_version(tx.connection, model, str(number))
        refuse_stale("version", row.version, etag)
        values = {"description": text, "version": row.version + 1, "updated_at": clock.now()}
        tx.execute(versions.update().where(versions.c.id == row.id).values(values))
        _tell(tx, "model.changed", by, (model.id, model.name), state="described", version=number)

    async def delete_version(self, by: By, name: str, wanted: str) -> None:
        """Delete a version and its aliases, for good. Raises InUse while it is served."""
        _, row = await self._find(by, name, wanted)
        await self.database.read(lambda c: self._refuse_served(c, by, [row.id], f"{name}@{row.number}"))
        asked = {"name": name, "version": str(row.number)}
        await self.ask(by, "DELETE", "model-versions/delete", asked, GONE)
        await self.database.write(lambda tx: self.record_version_deletion(tx, by, name, row.number))

    def _refuse_served(self, connection: Connection, by: By, ids: Sequence[str], name: str) -> None:
        users = self.lineage.users(connection, by.project_id, [end(one) for one in ids], SERVES)
        if users:
            raise InUse(
                f"{name} is served by {in_words(users)}, or kept there to roll back to. "
                "Delete what serves it first.",
                used_by=[one.model_dump() for one in users],
            )

    @staticmethod
    def record_version_deletion(tx: Transaction, by: By, name: str, number: int) -> None:
        """Forget a version that MLflow has no more."""
        model = read.find(tx.connection, by.project_id, name)
        row = read.find_version(tx.connection, model, str(number))
        _forget_versions(tx, [row.id])
        _tell(tx, "model.changed", by, (model.id, model.name), state="removed", version=number)

    async def _find(self, by: By, name: str, wanted: str) -> tuple[Any, Any]:
        def work(connection: Connection) -> tuple[Any, Any]:
            model = read.find(connection, by.project_id, name)
            return model, read.find_version(connection, model, wanted)

        return await self.database.read(work)

    # Aliases

    async def set_alias(self, by: By, name: str, alias: str, number: int) -> ModelVersion:
        """Let an alias stand for a version, whatever it stood for before. Raises NotFound."""
        await self._find(by, name, str(number))
        asked = {"name": name, "alias": alias, "version": str(number)}
        await self.ask(by, "POST", "registered-models/alias", asked)
        await self.database.write(lambda tx: self.record_alias(tx, by, name, alias, number))
        return await self.version(by, name, str(number))

    @staticmethod
    def record_alias(tx: Transaction, by: By, name: str, alias: str, number: int) -> None:
        """Write down what an alias stands for."""
        model = read.find(tx.connection, by.project_id, name)
        row = read.find_version(tx.connection, model, str(number))
        _forget_alias(tx, model.id, alias)
        tx.execute(aliases.insert().values(model_id=model.id, alias=alias, version_id=row.id))
        _tell(tx, "model.changed", by, (model.id, model.name), state="aliased", version=number, alias=alias)

    async def remove_alias(self, by: By, name: str, alias: str) -> None:
        """Forget an alias; its version stays. Raises NotFound."""
        model = await self.database.read(lambda c: read.find(c, by.project_id, name))
        query = sa.select(aliases).where(aliases.c.model_id == model.id, aliases.c.alias == alias)
        if await self.database.read(lambda c: c.execute(query).first()) is None:
            raise NotFound(f"The model {name} has no alias {alias}.")
        await self.ask(by, "DELETE", "registered-models/alias", {"name": name, "alias": alias}, GONE)
        await self.database.write(lambda tx: self.record_no_alias(tx, by, name, alias))

    @staticmethod
    def record_no_alias(tx: Transaction, by: By, name: str, alias: str) -> None:
        """Forget an alias that MLflow has no more."""
        model = read.find(tx.connection, by.project_id, name)
        _forget_alias(tx, model.id, alias)
        _tell(tx, "model.changed", by, (model.id, model.name), state="aliased", alias=alias)

    # Projects

    def project_purged(self, tx: Transaction, project: dict[str, Any]) -> None:
        """Hook: the models of a project whose time is over go with it; its MLflow workspace nobody can reach."""
        mine = sa.select(models.c.id).where(models.c.project_id == project["id"])
        ids = list(tx.execute(mine).scalars())
        for model_id in ids:
            _forget_versions(tx, _version_ids(tx.connection, model_id))
        tx.execute(models.delete().where(models.c.id.in_(ids)))


async def _told(
    mlflow: MlflowClient, method: str, path: str, body: Mapping[str, Any], but: Sequence[str]
) -> dict[str, Any]:
    calls = {"POST": mlflow.post, "PATCH": mlflow.patch, "DELETE": mlflow.delete}
    try:
        return await calls[method](path, body)
    except MlflowRefused as error:
        if error.code in but:
            return {}
        raise error.error from error


def _is_ours(tag: Any) -> bool:
    return isinstance(tag, dict) and tag.get("key") == VERSION_TAG


def _asked(name: str, place: Logged, made: Made) -> dict[str, Any]:
    """MLflow's CreateModelVersion."""
    body: dict[str, Any] = {"name": name, "source": place.source, "description": made.description}
    if place.run_id:
        body["run_id"] = place.run_id
    if place.model_id:
        body["model_id"] = place.model_id
    return body


def _by_id(connection: Connection, by: By, version_id: str) -> ModelVersion:
    """A version that was made a moment ago, or with a key that came again. Raises NotFound."""
    row = connection.execute(sa.select(versions).where(versions.c.id == version_id)).first()
    if row is None:
        raise NotFound("This model version is gone.")
    model = connection.execute(sa.select(models).where(models.c.id == row.model_id)).one()
    return read.show_versions(connection, [row], model, by.project)[0]


def _origin_of_run(connection: Connection, source: Source) -> Origin | None:
    """The job whose attempt's own run it is."""
    owner = attempt_of(connection, source.run_id or "")
    row = jobs_read.by_id(connection, owner[0]) if owner else None
    return sources.described(connection, row, source) if row is not None else None


def _refuse_taken(connection: Connection, project_id: str, name: str) -> None:
    query = sa.select(models.c.id).where(models.c.project_id == project_id, models.c.name == name)
    if connection.execute(query).first() is not None:
        raise NameInUse(
            f"There is a model named {name} already. Add a version to it, or choose another name."
        )


def _version_ids(connection: Connection, model_id: str) -> list[str]:
    return list(connection.execute(sa.select(versions.c.id).where(versions.c.model_id == model_id)).scalars())


def _forget_versions(tx: Transaction, ids: Sequence[str]) -> None:
    tx.execute(aliases.delete().where(aliases.c.version_id.in_(ids)))
    tx.execute(evaluations.delete().where(evaluations.c.version_id.in_(ids)))
    links.forget(tx, [end(one) for one in ids])
    tx.execute(versions.delete().where(versions.c.id.in_(ids)))


def _forget_alias(tx: Transaction, model_id: str, alias: str) -> None:
    tx.execute(aliases.delete().where(aliases.c.model_id == model_id, aliases.c.alias == alias))


def _tell(tx: Transaction, kind: str, by: By, subject: tuple[str, str], **data: Any) -> None:
    events.emit(tx, kind, subject=("model", *subject), project=by.project_id, person=by.person_id, data=data)
