"""What MLflow clients change in the registry, in MLflow and in our tables alike.

`mlflow.register_model`, `log_model(registered_model_name=…)` and `MlflowClient`'s calls come here through the gate
of `tracking`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.database import Transaction
from himalia.core.errors import BadRequest, HimaliaError, Invalid, NotFound
from himalia.core.ids import new_id
from himalia.models import read, sources
from himalia.models.schema import Alias, ModelCreate, ModelName, ModelSpec, ModelUpdate, Source
from himalia.models.service import THERE, By, Made, Models
from himalia.projects import service as projects_service
from himalia.tracking.client import MlflowClient, MlflowRefused
from himalia.tracking.service import RegistryCall

_ALIAS: TypeAdapter[str] = TypeAdapter(Alias)
_NAME: TypeAdapter[str] = TypeAdapter(ModelName)
Answer = Mapping[str, Any]
LONG_S = 10.0
KEPT_S = 60.0
"""A client that waits longer than it likes (MLFLOW_HTTP_REQUEST_TIMEOUT, 120 s) asks again, and tells nobody so:
what took long is what the same call is answered with for a while."""
FOREIGN = "Its files are not of a run of this project, so nobody here knows what is in them."


class Registry:
    """Answers the gate's registry calls; an instance is `Tracking.registry`."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self._making: dict[str, asyncio.Task[Answer]] = {}
        self._calls: dict[tuple[str, str], Callable[[By, Answer], Awaitable[Answer]]] = {
            ("POST", "registered-models/create"): self._create,
            ("PATCH", "registered-models/update"): self._update,
            ("DELETE", "registered-models/delete"): self._delete,
            ("POST", "registered-models/alias"): self._alias,
            ("DELETE", "registered-models/alias"): self._no_alias,
            ("POST", "model-versions/create"): self._version,
            ("PATCH", "model-versions/update"): self._update_version,
            ("DELETE", "model-versions/delete"): self._delete_version,
        }

    async def __call__(self, call: RegistryCall) -> Answer:
        """Do what an MLflow client asks for, and answer what MLflow does. Raises HimaliaError, MlflowRefused."""
        try:
            return await self._done(call)
        except HimaliaError as error:
            if isinstance(error.__cause__, MlflowRefused):
                raise error.__cause__ from None  # its client knows MLflow's own words
            raise

    async def _done(self, call: RegistryCall) -> Answer:
        by = await self.models.database.read(lambda c: _by(c, call))
        if call.path.endswith(("/set-tag", "/delete-tag")):  # MLflow's own affair
            return await self.models.ask(by, call.method, call.path, call.body)
        handler = self._calls.get((call.method, call.path))
        if handler is None:
            raise BadRequest("A registered model keeps its name. Register its versions under another one.")
        return await handler(by, call.body)

    async def _create(self, by: By, body: Answer) -> Answer:
        name = _checked(_NAME, "name", body.get("name"))
        spec = ModelSpec.model_construct(description=str(body.get("description") or ""))

        async def record() -> None:
            await self.models.database.write(lambda tx: self._ensure(tx, by, name, spec))

        try:
            answer = await self.models.ask(by, "POST", "registered-models/create", body)
        except HimaliaError as error:
            if isinstance(error.__cause__, MlflowRefused) and error.__cause__.code in THERE:
                await record()  # a creation that was cut off may have left it
            raise
        await record()
        return answer

    def _ensure(self, tx: Transaction, by: By, name: str, spec: ModelSpec) -> str:
        try:
            return str(read.find(tx.connection, by.project_id, name).id)
        except NotFound:
            return self.models.record_model(
                tx, by, ModelCreate.model_construct(name=name, labels={}, spec=spec)
            )

    async def _update(self, by: By, body: Answer) -> Answer:
        name, text = _text(body, "name"), str(body.get("description") or "")
        answer = await self.models.ask(by, "PATCH", "registered-models/update", body)
        change = ModelUpdate.model_construct(labels=None, spec=ModelSpec.model_construct(description=text))
        await self.models.database.write(lambda tx: self.models.record_update(tx, by, name, change))
        return answer

    async def _delete(self, by: By, body: Answer) -> Answer:
        await self.models.delete(by, _text(body, "name"))
        return {}

    async def _alias(self, by: By, body: Answer) -> Answer:
        alias = _checked(_ALIAS, "alias", body.get("alias"))
        await self.models.set_alias(by, _text(body, "name"), alias, _number(body))
        return {}

    async def _no_alias(self, by: By, body: Answer) -> Answer:
        await self.models.remove_alias(by, _text(body, "name"), _text(body, "alias"))
        return {}

    async def _update_version(self, by: By, body: Answer) -> Answer:
        name, number = _text(body, "name"), _number(body)
        answer = await self.models.ask(by, "PATCH", "model-versions/update", body)
        text = str(body.get("description") or "")
        await self.models.database.write(
            lambda tx: self.models.record_description(tx, by, name, number, text)
        )
        return answer

    async def _delete_version(self, by: By, body: Answer) -> Answer:
        await self.models.delete_version(by, _text(body, "name"), str(_number(body)))
        return {}

    async def _version(self, by: By, body: Answer) -> Answer:
        """Make a version; a call that comes again is told what the first one came to."""
        mark = json.dumps([by.project_id, by.person_id, body], sort_keys=True)
        task = self._making.get(mark)
        if task is None:
            task = self._making[mark] = asyncio.create_task(self._new_version(by, body))
            task.add_done_callback(self._forgetter(mark, clock.monotonic()))
        return await asyncio.shield(task)

    def _forgetter(self, mark: str, began: float) -> Callable[[asyncio.Task[Answer]], None]:
        def forget(task: asyncio.Task[Answer]) -> None:
            is_made = not task.cancelled() and task.exception() is None
            keep_s = KEPT_S if is_made and clock.monotonic() - began > LONG_S else 0.0
            asyncio.get_running_loop().call_later(keep_s, self._making.pop, mark, None)

        return forget

    async def _new_version(self, by: By, body: Answer) -> Answer:
        name, version_id = _text(body, "name"), new_id()
        self.models.check_disk()
        async with self.models.mlflow(by) as mlflow:
            made = await self._made(mlflow, by, body)

            def record(tx: Transaction, number: int) -> None:
                model_id = self._ensure(tx, by, name, ModelSpec())
                self.models.record_version(tx, by, model_id, version_id, number, made)

            return await self.models.add(mlflow, by, name, version_id, body, record)

    async def _made(self, mlflow: MlflowClient, by: By, body: Answer) -> Made:
        """The files that the client names; where they cannot be used, the version is kept with why."""
        description = str(body.get("description") or "")
        source, run_id = _text(body, "source"), str(body.get("run_id") or "")
        try:
            place = await sources.of_source(mlflow, source, run_id)
        except Invalid:
            return Made(Source(path=source[:1024]), description=description, problem=FOREIGN)
        try:
            made = await self.models.of_logged(mlflow, by, place)
        except Invalid as error:
            known = Source(run_id=place.run_id or None, path=place.path)
            return Made(known, description=description, problem=error.message)
        return self.models.placed(replace(made, description=description), None)


def _by(connection: Connection, call: RegistryCall) -> By:
    project = projects_service.by_id(connection, call.project_id)
    if project is None:
        raise NotFound("This project is gone.")
    return By(project["id"], project["name"], call.person_id)


def _checked(adapter: TypeAdapter[str], field: str, value: Any) -> str:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise Invalid.field(field, error.errors()[0]["msg"]) from error


def _text(body: Answer, field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value:
        raise Invalid.field(field, f"The call names no {field}.")
    return value


def _number(body: Answer) -> int:
    try:
        return int(str(body.get("version")))
    except ValueError:
        raise Invalid.field("version", "A version is a number.") from None
