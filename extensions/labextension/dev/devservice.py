"""A Jupyter server extension that answers as Himalia's service does, for developing the panels."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any
from urllib.parse import unquote

from blake3 import blake3
from devjobs import ENDED, DevJob, DevJobs, Json
from jupyter_server.serverapp import ServerApp
from tornado.web import HTTPError, RequestHandler
from tornado.websocket import WebSocketHandler

API = "/services/himalia/api/v1"
PERSON = {"id": "person1", "name": "ada"}
PROJECTS: list[Json] = [
    {"id": "project1", "name": "ada", "project": None, "spec": {"title": "", "description": ""}},
    {
        "id": "project2",
        "name": "vision",
        "project": None,
        "spec": {"title": "Computer vision", "description": ""},
    },
]


def size(name: str, cpus: int, gib: int, default: bool = False, free: int = 2) -> Json:
    return {
        "name": name, "title": name.capitalize(), "cpus": cpus, "memory_bytes": gib * 2**30, "accelerators": {},
        "default": default, "free_now": free, "free_for_jobs": free, "reason": None,
    }  # fmt: skip


PROFILES = [
    {"name": "scikit-learn", "title": "scikit-learn", "description": "Classical machine learning on tables.",
     "framework": "scikit-learn", "environment": "scikit-learn", "available": True, "reason": None,
     "sizes": [size("small", 1, 2, True), size("large", 4, 16, free=0)]},
    {"name": "pytorch-gpu", "title": "PyTorch on GPU", "description": "Deep learning.", "framework": "pytorch",
     "environment": "pytorch", "available": False, "reason": "This machine has no GPU.",
     "sizes": [size("one", 4, 16)]},
]  # fmt: skip


class State:
    """All that the service holds."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.down = False
        self.channels: set[Live] = set()
        self.jobs = {project["name"]: DevJobs(project, PERSON, self.publish) for project in PROJECTS}
        self.objects: dict[str, bytes] = {}

    def publish(self, topic: str, message: Json) -> None:
        for channel in self.channels:
            if topic in channel.topics:
                channel.write_message(json.dumps({**message, "topic": topic}))

    def project(self, name: str) -> Json:
        found = next(project for project in PROJECTS if name in (project["name"], project["id"]))
        status = {
            "personal": found["name"] == "ada",
            "role": "owner",
            "running": self.jobs[found["name"]].running(),
        }
        return {**found, "status": status}


class Api(RequestHandler):
    """Every path of the API that the panels and the server extension use."""

    def initialize(self, state: State) -> None:
        self.state = state

    def check_xsrf_cookie(self) -> None:
        """The token in the header is what signs a call in."""

    def prepare(self) -> None:
        if self.state.down:
            self.refuse(503, "unavailable", "Himalia is being restarted. Try again in a moment.")
        elif self.request.headers.get("Authorization") != f"Bearer {self.state.token}":
            self.refuse(401, "unauthenticated", "Sign in again.")

    def refuse(self, status: int, code: str, message: str, **details: Any) -> None:
        self.set_status(status)
        self.finish({"error": {"code": code, "message": message, "details": details}})

    def body(self) -> Json:
        return dict(json.loads(self.request.body or b"{}"))

    async def get(self, path: str) -> None:
        parts = [unquote(part) for part in path.split("/")]
        if parts == ["whoami"]:
            self.finish({"person": PERSON, "personal_project": "ada"})
        elif parts == ["projects"]:
            self.finish(
                {"items": [self.state.project(one["name"]) for one in PROJECTS], "next_page_token": None}
            )
        elif parts == ["profiles"]:
            self.finish({"items": PROFILES, "next_page_token": None})
        elif len(parts) == 2:
            self.finish(self.state.project(parts[1]))
        elif len(parts) == 3 and parts[2] != "jobs":
            self.finish({"items": [], "next_page_token": None})
        elif len(parts) == 3:
            self.finish(self.page(self.state.jobs[parts[1]]))
        elif job := self.job(parts):
            self.part(job, parts[4:])

    def page(self, jobs: DevJobs) -> Json:
        state, text = self.get_query_argument("state", ""), self.get_query_argument("text", "").lower()
        limit, start = (
            int(self.get_query_argument("limit", "50")),
            int(self.get_query_argument("page_token", "0")),
        )
        found = [
            one.shown
            for one in jobs.jobs.values()
            if state in ("", one.status["state"]) and text in one.shown["name"]
        ]
        token = str(start + limit) if len(found) > start + limit else None
        return {"items": found[start : start + limit], "next_page_token": token}

    def job(self, parts: list[str]) -> DevJob | None:
        job = self.state.jobs[parts[1]].named(parts[3])
        if job is None:
            self.refuse(404, "not_found", f"There is no job named {parts[3]}.")
        return job

    def part(self, job: DevJob, rest: list[str]) -> None:
        if not rest:
            self.finish(job.shown)
        elif rest == ["metrics"]:
            items = [{"name": name, "points": points} for name, points in job.series.items()]
            self.finish({"items": items, "next_page_token": None})
        elif rest == ["log"]:
            offset, limit = (
                int(self.get_query_argument("offset", "0")),
                int(self.get_query_argument("limit", "65536")),
            )
            piece = job.log.encode()[offset : offset + limit]
            self.set_header("X-Himalia-Next-Offset", str(offset + len(piece)))
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(piece)
        elif rest == ["outputs"]:
            items = [
                {
                    "path": path,
                    "size": len(content),
                    "digest": blake3(content).hexdigest(),
                    "media_type": media,
                }
                for path, (media, content) in job.files.items()
            ]
            self.finish({"items": items, "next_page_token": None})
        else:
            media, content = job.files["/".join(rest[1:])]
            self.set_header("Content-Type", media)
            self.finish(content)

    async def post(self, path: str) -> None:
        parts = [unquote(part) for part in path.split("/")]
        jobs = self.state.jobs[parts[1]]
        if parts[2] == "snapshots":
            missing = sorted({file["digest"] for file in self.body()["files"]} - set(self.state.objects))
            digest = blake3(self.request.body).hexdigest()
            self.finish({"digest": digest, "missing": missing, "complete": not missing})
        elif len(parts) == 3:
            self.create(jobs)
        elif len(parts) == 5 and (parts[4] == "restore" or self.job(parts)):
            await self.act(jobs, parts[3], parts[4])

    def create(self, jobs: DevJobs) -> None:
        body = self.body()
        if body.get("name") and jobs.named(body["name"]):
            said = f"There is a job named {body['name']} already. Choose another name, or give none."
            self.refuse(409, "name_in_use", said)
        elif body["spec"].get("retries", 0) > 10:
            said = "must be at most 10"
            self.refuse(422, "invalid", said, fields=[{"field": "spec.retries", "message": said}])
        else:
            self.set_status(201)
            self.finish(jobs.submit(body).shown)

    async def act(self, jobs: DevJobs, name: str, verb: str) -> None:
        job = jobs.bring_back(name) if verb == "restore" else jobs.named(name)
        if job is None or (verb == "stop" and job.status["state"] in ENDED):
            self.refuse(409, "wrong_state", "The job has ended already.")
        elif verb == "stop":
            asyncio.ensure_future(jobs.stop(job))  # noqa: RUF006
            await asyncio.sleep(0)
            self.finish(job.shown)
        elif verb == "restore":
            self.finish(job.shown)
        elif verb == "retry":
            jobs.move(job, "QUEUED")
            job.task = asyncio.ensure_future(jobs._live(job))
            self.finish(job.shown)
        else:
            self.set_status(201)
            self.finish(jobs.submit({"spec": job.shown["spec"]}).shown)

    async def put(self, path: str) -> None:
        digest = blake3(self.request.body).hexdigest()
        if not path.endswith(digest):
            raise HTTPError(422)
        self.state.objects[digest] = self.request.body
        self.finish({"digest": digest, "size": len(self.request.body)})

    async def delete(self, path: str) -> None:
        parts = [unquote(part) for part in path.split("/")]
        jobs, job = self.state.jobs[parts[1]], self.job(parts)
        if job is not None:
            jobs.delete(job)
            self.set_status(204)
            self.finish()


class Download(Api):
    """A form of `path` and `token`: the GET of that path, as a file to be saved."""

    def prepare(self) -> None:
        self.request.headers["Authorization"] = f"Bearer {self.get_body_argument('token')}"
        super().prepare()

    async def post(self, path: str = "") -> None:
        wanted = self.get_body_argument("path").lstrip("/")
        name = wanted.rpartition("/")[2]
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{name}")
        await self.get(wanted)


class Live(WebSocketHandler):
    """The live channel: the first message signs in, the others follow topics."""

    def initialize(self, state: State) -> None:
        self.state = state
        self.topics: set[str] = set()

    def on_message(self, text: str | bytes) -> None:
        message = json.loads(text)
        if message["type"] == "auth":
            if message["token"] != self.state.token or self.state.down:
                self.close(4401)
            else:
                self.state.channels.add(self)
                self.write_message(json.dumps({"type": "ready"}))
        elif message["type"] == "unsubscribe":
            self.topics.discard(message["topic"])
        else:
            self.topics.add(message["topic"])
            self.catch_up(message["topic"], message.get("after"))

    def catch_up(self, topic: str, after: int | None) -> None:
        for jobs in self.state.jobs.values():
            if topic == f"project:{jobs.project['id']}" and after is not None:
                for event in jobs.events[after:]:
                    self.write_message(json.dumps({"type": "event", "event": event, "topic": topic}))
            for job in jobs.jobs.values():
                if topic.startswith(f"log:{job.shown['id']}:"):
                    text = job.log.encode()[after or 0 :].decode()
                    self.write_message(
                        json.dumps({"type": "log", "topic": topic, "offset": after or 0, "text": text})
                    )

    def on_close(self) -> None:
        self.state.channels.discard(self)


class Mode(Api):
    """`POST {"mode": "up" | "down"}`; down also drops the live channel."""

    def prepare(self) -> None:
        """A service that is down must still be told to come up again."""

    async def post(self, path: str = "") -> None:
        self.state.down = self.body()["mode"] == "down"
        for channel in list(self.state.channels) if self.state.down else []:
            channel.close()
        self.set_status(204)
        self.finish()


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "devservice"}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    state = State(app.identity_provider.token)
    seed = os.environ.get("HIMALIA_DEV_SEED", "empty")
    if seed != "empty":
        state.jobs["ada"].seed(5000 if seed == "many" else 12)
        newest = next(iter(state.jobs["ada"].jobs.values()))
        newest.log = "".join(
            f"\x1b[36mstep\x1b[0m {step} of a million\n"
            for step in range(1_000_000 if seed == "many" else 200)
        )
    given = {"state": state}
    routes = [
        (API + "/(.*)", Api, given),
        ("/services/himalia/download", Download, given),
        ("/services/himalia/live", Live, given),
        ("/services/himalia/dev/mode", Mode, given),
    ]
    app.web_app.add_handlers(".*$", routes)
