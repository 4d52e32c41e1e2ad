"""What the panels ask of the notebook server: things about files that only it can read."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated

from himalia.client import AsyncClient, HimaliaError
from himalia.client.errors import Invalid
from himalia_lab import files, parameters, settings, snapshots
from himalia_lab.errors import LabError

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
        service = settings.Service.from_environment()
        token = self.identity_provider.get_token(self)
        if service is None or not token:
            raise LabError(503, "unavailable", "This notebook server does not run on a Himalia platform.")
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
        jobs = (self.get_json_body() or {}).get("jobs")
        # A name with a slash would be taken for a folder.
        if not isinstance(jobs, list) or not all(isinstance(job, str) and "/" not in job for job in jobs):
            raise LabError(422, "invalid", "“jobs” must be a list of names of jobs.")
        token = self.identity_provider.get_token(self)
        if settings.Service.from_environment() is None or not token:
            raise LabError(503, "unavailable", "This notebook server does not run on a Himalia platform.")
        try:
            async with AsyncClient(token=token, project=project) as client:
                await client.tracking.tensorboard(*jobs)
        except HimaliaError as error:
            status = 422 if isinstance(error, Invalid) else error.status or 503
            raise LabError(status, error.code, error.message, dict(error.details)) from error
        self.set_status(HTTPStatus.NO_CONTENT)
        self.finish()


def add(app: ServerApp) -> None:
    """Mount the handlers below `<base url>himalia/`."""
    base = app.web_app.settings["base_url"]
    routes = {
        "snapshot": SnapshotHandler,
        "notebook": NotebookHandler,
        "project": ProjectHandler,
        "tensorboard": TensorboardHandler,
    }
    app.web_app.add_handlers(  # type: ignore[no-untyped-call]
        ".*$", [(url_path_join(base, "himalia", name), handler) for name, handler in routes.items()]
    )
