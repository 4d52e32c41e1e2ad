"""Jobs that pretend to run: they go through their states, print, log metrics and leave files, all in memory."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]
ENDED = {"SUCCEEDED", "FAILED", "STOPPED"}
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M/wHwAEBgIApD5fRAAAAABJRU5ErkJggg=="
)
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# As it ran"},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {},
            "execution_count": 1,
            "source": "print('hello')",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "hello\n"}],
        },
    ],
}


def now() -> str:
    return datetime.now(UTC).isoformat()


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


@dataclass
class DevJob:
    """A job's API shape and what belongs to it."""

    shown: Json
    log: str = ""
    series: dict[str, list[list[float]]] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None

    @property
    def status(self) -> Json:
        status: Json = self.shown["status"]
        return status


class DevJobs:
    """All jobs of one project; `publish(topic, message)` sends to the live channel."""

    def __init__(self, project: Json, person: Json, publish: Callable[[str, Json], None]) -> None:
        self.project, self.person, self.publish = project, person, publish
        self.jobs: dict[str, DevJob] = {}
        self.deleted: dict[str, DevJob] = {}
        self.events: list[Json] = []
        self.pace = 0.4

    def running(self) -> int:
        return sum(job.status["state"] in ("STARTING", "RUNNING", "STOPPING") for job in self.jobs.values())

    def named(self, name: str) -> DevJob | None:
        return next((job for job in self.jobs.values() if name in (job.shown["name"], job.shown["id"])), None)

    def delete(self, job: DevJob) -> None:
        self.deleted[job.shown["id"]] = self.jobs.pop(job.shown["id"])
        self.tell("job.deleted", job, {"state": job.status["state"]})

    def bring_back(self, job_id: str) -> DevJob | None:
        """A deleted job, where it stood before: newest first."""
        job = self.deleted.pop(job_id, None)
        if job is not None:
            found = [job, *self.jobs.values()]
            found.sort(key=lambda each: str(each.shown["created_at"]), reverse=True)
            self.jobs = {each.shown["id"]: each for each in found}
            self.tell("job.restored", job, {"state": job.status["state"]})
        return job

    def make(self, body: Json, age_s: float = 0) -> DevJob:
        created = ago(age_s)
        status = {
            "state": "QUEUED", "reason": None, "message": None, "attempt": 0, "attempts": [],
            "queued_at": created, "started_at": None, "ended_at": None, "progress": None, "queue": None,
            "metrics": {}, "outputs": None, "environment_job": None, "deleted_at": None,
        }  # fmt: skip
        shown = {
            "id": "j" + secrets.token_hex(7), "name": body["name"], "project": self.project["name"], "labels": {},
            "spec": {"parameters": {}, "size": "small", "environment": body["spec"].get("profile"), **body["spec"]},
            "status": status, "created_at": created, "created_by": self.person, "updated_at": created, "etag": "1",
        }  # fmt: skip
        return DevJob(shown)

    def free_name(self, body: Json) -> str:
        base = body.get("name") or body["spec"].get("notebook", "job").split(".")[0].replace("_", "-")
        name, number = base, 1
        while self.named(name):
            number += 1
            name = f"{base}-{number}"
        return str(name)

    def submit(self, body: Json) -> DevJob:
        job = self.make({**body, "name": self.free_name(body)})
        self.jobs = {job.shown["id"]: job, **self.jobs}
        self.tell("job.created", job, {"state": "QUEUED", "attempt": 0})
        job.task = asyncio.ensure_future(self._live(job))
        return job

    def tell(self, kind: str, job: DevJob, data: Json) -> None:
        event = {
            "id": len(self.events) + 1, "kind": kind, "at": now(), "project": self.project["id"],
            "subject": {"kind": "job", "id": job.shown["id"], "name": job.shown["name"]}, "data": data,
        }  # fmt: skip
        self.events.append(event)
        message = {"type": "event", "event": event}
        self.publish(f"project:{self.project['id']}", message)
        if data.get("state") in ENDED and kind == "job.changed":
            self.publish("me", message)

    def move(self, job: DevJob, state: str, reason: str | None = None, message: str | None = None) -> None:
        status = job.status
        at = now()
        if state == "STARTING":
            status["attempt"] += 1
            status["attempts"].append(
                {"attempt": status["attempt"], "state": state, "reason": None, "message": None, "starting_at": at,
                 "started_at": None, "ended_at": None, "exit_code": None, "log_dropped_bytes": 0,
                 "usage": {"cpu_s": None, "wall_s": None, "max_memory_bytes": None}}
            )  # fmt: skip
        status.update(state=state, reason=reason, message=message)
        if state == "RUNNING":
            status["started_at"] = status["attempts"][-1]["started_at"] = at
        if state in ENDED:
            status.update(ended_at=at, progress=None)
            if status["attempts"]:
                usage = {"cpu_s": 3.2, "wall_s": 4.1, "max_memory_bytes": 312 * 2**20}
                status["attempts"][-1].update(ended_at=at, usage=usage, exit_code=int(state != "SUCCEEDED"))
        if status["attempts"]:
            status["attempts"][-1].update(state=state, reason=reason, message=message)
        data = {"state": state, "attempt": status["attempt"], "reason": reason, "message": message}
        self.tell("job.changed", job, {**data, "owner": self.person["id"], "changed_at": at})

    def print(self, job: DevJob, text: str) -> None:
        offset = len(job.log.encode())
        job.log += text
        topic = f"log:{job.shown['id']}:{job.status['attempt']}"
        self.publish(topic, {"type": "log", "offset": offset, "text": text})

    def measure(self, job: DevJob, name: str, step: int, value: float) -> None:
        at = datetime.now(UTC).timestamp()
        job.series.setdefault(name, []).append([step, value, at])
        job.status["metrics"][name] = value
        message = {"type": "metrics", "items": [[name, step, value, at]]}
        self.publish(f"job:{job.shown['id']}", message)

    async def _live(self, job: DevJob) -> None:
        while self.running() >= 2:
            waiting = [one for one in reversed(self.jobs.values()) if one.status["state"] == "QUEUED"]
            place = waiting.index(job) + 1
            message = f"Waiting for 1 core and 2 GiB: {place}. in line."
            job.status["queue"] = {"place": place, "of": len(waiting), "message": message}
            queue = {"type": "queue", "items": {job.shown["id"]: job.status["queue"]}}
            self.publish(f"project:{self.project['id']}", queue)
            await asyncio.sleep(self.pace)
        job.status["queue"] = None
        await asyncio.sleep(self.pace)
        self.move(job, "STARTING")
        await asyncio.sleep(self.pace)
        self.move(job, "RUNNING")
        cells = int(job.shown["spec"]["parameters"].get("cells", 9))
        for cell in range(1, cells + 1):
            progress = {"cell": cell, "cells": cells, "message": None}
            job.status["progress"] = progress
            told = {"type": "progress", "data": {**progress, "id": job.shown["id"]}}
            self.publish(f"job:{job.shown['id']}", told)
            self.print(job, f"\x1b[32mcell {cell}\x1b[0m of {cells}\n")
            for part in range(4):
                step = cell * 4 + part
                self.measure(job, "loss", step, math.exp(-step / 12) + random.random() / 30)  # noqa: S311
                self.print(job, f"step {step:>4}  \x1b[1mloss\x1b[0m {job.status['metrics']['loss']:.4f}\n")
                await asyncio.sleep(self.pace / 4)
            if cell == 5 and job.shown["spec"]["parameters"].get("fail"):
                self.print(job, "\x1b[31mZeroDivisionError\x1b[0m: division by zero\n")
                self.finish(job, "FAILED", "user_error", "Cell 5 raised ZeroDivisionError: division by zero.")
                return
        self.measure(job, "accuracy", 0, 0.9711)
        self.finish(job, "SUCCEEDED")

    def finish(self, job: DevJob, state: str, reason: str | None = None, message: str | None = None) -> None:
        name = job.shown["spec"].get("notebook", "job").split(".")[0]
        html = b"<h1>As it ran</h1><script>document.body.append('scripts run: ' + location.origin)</script>"
        job.files = {
            f"outputs/{name}.ipynb": ("application/x-ipynb+json", json.dumps(NOTEBOOK).encode()),
            f"outputs/{name}.html": ("text/html", html),
            "outputs/confusion.png": ("image/png", PIXEL),
        }
        size = sum(len(content) for _, content in job.files.values())
        job.status["outputs"] = {"count": len(job.files), "size": size}
        self.move(job, state, reason, message)

    async def stop(self, job: DevJob) -> None:
        if job.task:
            job.task.cancel()
        self.move(job, "STOPPING")
        await asyncio.sleep(self.pace)
        self.finish(job, "STOPPED", "stopped_by_user")

    def seed(self, many: int) -> None:
        """Ended jobs of every kind, oldest first; `many` more of the plain kind."""
        ends = [
            ("SUCCEEDED", None, None),
            (
                "FAILED",
                "user_error",
                "Cell 4 raised ValueError: Found input variables with inconsistent numbers.",
            ),
            ("FAILED", "out_of_memory", "It used 2.1 GiB; its size allows 2 GiB."),
            ("STOPPED", "stopped_by_user", None),
            ("SUCCEEDED", None, None),
        ]
        made: list[tuple[str, DevJob]] = []
        for index in range(many + len(ends)):
            state, reason, message = ends[index % len(ends)] if index >= many else ends[0]
            parameters = {
                "max_iter": 100 * (1 + index % 3),
                "C": 0.1 * (1 + index % 4),
                "seed": 1,
                "solver": "lbfgs",
            }
            spec = {
                "kind": "notebook",
                "notebook": "digits.ipynb",
                "profile": "scikit-learn",
                "snapshot": "ab" * 32,
            }
            age = 600.0 * (many + len(ends) - index)
            job = self.make({"name": f"digits-{index + 1}", "spec": {**spec, "parameters": parameters}}, age)
            made.append((job.shown["id"], job))
            self.move(job, "STARTING")
            self.move(job, "RUNNING")
            job.log = "".join(f"line {number} of the log\n" for number in range(200))
            for step in range(30):
                job.series.setdefault("loss", []).append(
                    [step, math.exp(-step / (8 + index % 5)), 1.8e9 + step]
                )
            job.status["metrics"] = {"accuracy": 0.95 + (index % 5) / 100, "loss": 0.04 + (index % 3) / 100}
            self.finish(job, state, reason, message)
            job.status.update(started_at=ago(age - 2), ended_at=ago(age - 9 - index % 7))
        self.jobs = dict(reversed(made))
