"""A small service that hands out reservations, for the hub's tests: the three routes the hub calls."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

MEMORY = 8 * 2**30


def size(name: str, memory_bytes: int, *, default: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "title": name.title(),
        "cpus": 1,
        "memory_bytes": memory_bytes,
        "accelerators": {},
        "default": default,
    }


PROFILES = [
    {
        "name": "base",
        "title": "Python",
        "description": "Plain Python.",
        "framework": "Python",
        "environment": "base",
        "available": True,
        "reason": None,
        "sizes": [size("small", 2**30, default=True), size("large", 6 * 2**30)],
    },
    {
        "name": "missing",
        "title": "Missing <b>one</b>",
        "description": "Its environment is not made.",
        "framework": "",
        "environment": "missing",
        "available": False,
        "reason": "Its environment is missing. Make it with `himalia environments create missing`.",
        "sizes": [size("small", 2**30)],
    },
]


@dataclass
class Reservations:
    """What is reserved; people get a UID each, and homes below `home`."""

    home: Path
    token: str
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    uids: itertools.count[int] = field(default_factory=lambda: itertools.count(220_001))

    def free(self) -> int:
        return MEMORY - sum(item["memory"] for item in self.taken.values())

    def person(self, name: str) -> dict[str, Any]:
        if name not in self.people:
            # Without root there are no UIDs to give.
            uid = next(self.uids) if os.geteuid() == 0 else None
            person = {"id": f"p{secrets.token_hex(6)}", "uid": uid, "gid": uid, "groups": []}
            home = self.home_of(person)
            home.mkdir(mode=0o700, parents=True)
            if uid is not None:
                os.chown(home, uid, uid)
            self.people[name] = person
        return self.people[name]

    def home_of(self, person: dict[str, Any]) -> Path:
        return self.home / "people" / person["id"] / "home"

    def overlays_of(self, person: dict[str, Any]) -> Path:
        folder = self.home_of(person).with_name("overlays")
        folder.mkdir(mode=0o700, exist_ok=True)
        if person["uid"] is not None:
            os.chown(folder, person["uid"], person["gid"])
        return folder

    def profiles(self) -> dict[str, Any]:
        items = []
        for profile in PROFILES:
            sizes = [
                {**item, "free_now": self.free() // item["memory_bytes"], "reason": None}
                for item in profile["sizes"]
            ]
            items.append({**profile, "sizes": sizes})
        machine = {"cpus": 2, "memory_bytes": MEMORY, "free_memory_bytes": self.free()}
        return {"items": items, "machine": machine}

    def reserve(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        profile = next((item for item in PROFILES if item["name"] == asked["profile"]), None)
        sizes = {item["name"]: item for item in profile["sizes"]} if profile else {}
        if profile is None or asked["size"] not in sizes:
            return 422, error("invalid", "There is no such profile or size.")
        memory = sizes[asked["size"]]["memory_bytes"]
        if memory > self.free():
            return 409, error("no_capacity", f"{asked['size']} needs {memory} bytes and less is free.")
        person = self.person(asked["user"])
        made = secrets.token_hex(8)
        self.taken[made] = {"memory": memory, **asked}
        environment = {"name": "base", "title": "Python (base)", "prefix": sys.prefix, "binds": []}
        return 201, {
            "id": made,
            "person": person,
            "home": str(self.home_of(person)),
            "overlays": str(self.overlays_of(person)),
            "projects": [],
            "environment": environment,
            "environments": [environment],
            "limit": {"memory_bytes": memory, "cpus": 1},
            "devices": self.devices,
            "env": {"HIMALIA_PROJECT": asked["user"]},
        }


def error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": {}}}


def application(state: Reservations) -> FastAPI:
    app = FastAPI()
    base = "/services/himalia/api/v1"

    @app.middleware("http")
    async def check_token(request: Request, proceed: Any) -> Any:
        if request.headers.get("authorization") != f"Bearer {state.token}":
            return JSONResponse(error("unauthenticated", "A token is needed."), 401)
        return await proceed(request)

    @app.get(f"{base}/profiles")
    async def profiles() -> dict[str, Any]:
        return state.profiles()

    @app.post(f"{base}/reservations")
    async def reserve(asked: dict[str, Any]) -> JSONResponse:
        status, body = state.reserve(asked)
        return JSONResponse(body, status)

    @app.delete(f"{base}/reservations/{{made}}")
    async def release(made: str) -> Response:
        return Response(status_code=204 if state.taken.pop(made, None) else 404, content=None)

    return app


class Running:
    """The service on a free port, by default of loopback, in a thread."""

    def __init__(self, state: Reservations, port: int, host: str = "127.0.0.1") -> None:
        self.listener = socket.create_server((host, port))
        config = uvicorn.Config(application(state), log_level="warning", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})
        self.thread.start()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.listener.close()
