"""What the panels ask of the notebook server: things about files that only it can read."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated

from himalia.client import AsyncClient
from himalia.client.dataset_files import Collected
from himalia_lab import adding, files, parameters, settings, snapshots
from himalia_lab.errors import LabError, in_words
from himalia_lab.ssh import SshHandler

REQUIREMENTS = "requirements.txt"


class Handler(APIHandler):
    """Answers every failure in the service's shape, so that the panels read one kind of error."""

    @property
    def root(self) -> Path:
        return Path(self.contents_manager.root_dir)

    def body(self, *names: str) -> dict[str, str]:
        """The request's JSON object, whose `names` are texts or absent."""
        found = self.get_json_body()
        if not isinstance(found, dict):
            raise LabError(422, "invalid", "The request's body must be a JSON object.")
        for name in names:
            if not isinstance(found.get(name, ""), str):
                raise LabError(422, "invalid", f"“{name}” must be a text.")
        return found

    def texts(self, name: str) -> list[str]:
        """A list of texts in the request's JSON object."""
        found: Any = self.body().get(name)
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise LabError(422, "invalid", f"“{name}” must be a list of texts.")
        return found

    def service(self) -> tuple[settings.Service, str]:
        """Where the service is, and the caller's own token for it. Raises LabError where there is none."""
        found, token = settings.Service.from_environment(), self.identity_provider.get_token(self)
        if found is None or not token:
            raise LabError(503, "unavailable", "This notebook server does not run on a Himalia platform.")
        return found, token

    def write_error(self, status_code: int, **how: Any) -> None:
        error = how.get("exc_info", (None, None, None))[1]
        if not isinstance(error, LabError):
            said = error.log_message if isinstance(error, HTTPError) and error.log_message else None
            error = LabError(status_code, "internal", said or HTTPStatus(status_code).phrase)
        self.set_status(error.status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(error.body()))

    def log_exception(self, *information: Any) -> None:
        # A refusal is an answer, not a fault of this server: it needs no traceback in its log.
        if not isinstance(information[1], LabError):
            super().log_exception(*information)


class SnapshotHandler(Handler):
    """`POST {"notebook" | "folder": path, "project"}` → `{"digest", "files", "size", "sent", "requirements"}`."""

    @authenticated
    async def post(self) -> None:
        body = self.body("notebook", "folder", "project")
        folder, include = self._folder(body)
        service, token = self.service()
        if not settings.is_project(body.get("project", "")):
            raise LabError(422, "invalid", "Choose the project that the job belongs to.")
        snapshot = await snapshots.take(folder, include)
        async with service.client(token) as client:
            sent = await snapshots.send(snapshot, body["project"], client)
        has_requirements = any(file.path == REQUIREMENTS for file in snapshot.files)
        self.finish({**sent, "requirements": REQUIREMENTS if has_requirements else None})

    def _folder(self, body: dict[str, str]) -> tuple[Path, list[str]]:
        """The folder of the code, and the file in it that no ignore rule may leave out."""
        if "notebook" in body:
            path = files.inside(self.root, body["notebook"])
            return path.parent, [path.name]
        if "folder" not in body:
            raise LabError(422, "invalid", "Name a notebook or a folder.")
        path = files.inside(self.root, body["folder"])
        if not path.is_dir():
            raise LabError(422, "invalid", f"“{body['folder']}” is not a folder.")
        return path, []


class NotebookHandler(Handler):
    """`GET ?path=` → `{"path", "kind", "kernel", "parameters", "inputs", "cells", "requirements"}` of a file."""

    @authenticated
    async def get(self) -> None:
        path = self.get_query_argument("path")
        self.finish(await asyncio.to_thread(self._describe, path))

    def _describe(self, path: str) -> dict[str, Any]:
        found = files.inside(self.root, path)
        if found.suffix == ".ipynb":
            about = {"kind": "notebook", **parameters.describe(files.read(found), found.name)}
        elif found.suffix == ".py" and found.is_file():
            found_inputs = parameters.inputs(files.read(found).decode(errors="replace"))
            about = {"kind": "script", "kernel": None, "parameters": parameters.schema(""), "cells": 0}
            about["inputs"] = found_inputs
        else:
            raise LabError(422, "invalid", "Only notebooks (.ipynb) and Python files (.py) can run as a job.")
        return {"path": path, **about, "requirements": self._requirements(found.parent)}

    @staticmethod
    def _requirements(folder: Path) -> dict[str, Any] | None:
        beside = folder / REQUIREMENTS
        if not beside.is_file() or not beside.resolve().is_relative_to(folder):
            return None
        return {"name": beside.name, "size": beside.stat().st_size}


class ProjectHandler(Handler):
    """`PUT {"project": name}`: the project of kernels started from now on. Answers 204."""

    @authenticated
    async def put(self) -> None:
        name = self.body("project").get("project", "")
        if not settings.is_project(name):
            raise LabError(422, "invalid", "A project's name has small letters, digits and “-”.")
        settings.choose_project(name, self.settings)
        self.set_status(HTTPStatus.NO_CONTENT)
        self.finish()


class TensorboardHandler(Handler):
    """`POST {"project": name, "jobs": [name, …]}`: TensorBoard shows these jobs' runs, and no others. Answers 204."""

    @authenticated
    async def post(self) -> None:
        project = self.body("project").get("project", "")
        jobs = self.texts("jobs")
        # A name with a slash would be taken for a folder.
        if any("/" in job for job in jobs):
            raise LabError(422, "invalid", "“jobs” must be names of jobs.")
        _, token = self.service()
        with in_words():
            async with AsyncClient(token=token, project=project) as client:
                await client.tracking.tensorboard(*jobs)
        self.set_status(HTTPStatus.NO_CONTENT)
        self.finish()


class FilesHandler(Handler):
    """`POST {"paths": [path, …]}` → `{"files", "size", "left_out"}`: what a dataset would get of them."""

    @authenticated
    async def post(self) -> None:
        found = await self.found()
        self.finish({"files": len(found.files), "size": found.size, "left_out": len(found.left_out)})

    async def found(self) -> Collected:
        """The files that the request names, and those in its folders."""
        return await asyncio.to_thread(adding.find, self.root, self.texts("paths"))


class DraftHandler(FilesHandler):
    """`POST {"paths": [path, …], "project", "dataset", "draft"}`: the files go into the draft.

    Answers a line of JSON now and then, `{"files", "size", "files_done", "size_done"}`; the last one is
    `{"done": true}`, or an error. Who closes the connection ends it.
    """

    @authenticated
    async def post(self) -> None:
        body = self.body("project", "dataset", "draft")
        where = [body.get(name, "") for name in ("project", "dataset", "draft")]
        _, token = self.service()
        filling = adding.fill(*where, await self.found(), token)
        self.set_header("Content-Type", "application/x-ndjson")
        with suppress(StreamClosedError):
            try:
                async with aclosing(filling) as sent:
                    async for each in sent:
                        await self._line(
                            files=each.files,
                            size=each.size,
                            files_done=each.files_done,
                            size_done=each.size_done,
                        )
                await self._line(done=True)
            except LabError as error:
                await self._line(**error.body())

    async def _line(self, **content: Any) -> None:
        self.write(json.dumps(content) + "\n")
        await self.flush()


def add(app: ServerApp) -> None:
    """Mount the handlers below `<base url>himalia/`."""
    base = app.web_app.settings["base_url"]
    routes = {
        "snapshot": SnapshotHandler,
        "notebook": NotebookHandler,
        "project": ProjectHandler,
        "tensorboard": TensorboardHandler,
        "files": FilesHandler,
        "draft": DraftHandler,
        "ssh": SshHandler,
    }
    app.web_app.add_handlers(  # type: ignore[no-untyped-call]
        ".*$", [(url_path_join(base, "himalia", name), handler) for name, handler in routes.items()]
    )
