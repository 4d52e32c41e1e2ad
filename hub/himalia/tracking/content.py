"""MLflow's own pages, from an origin of their own: what they show was made by people, and may run scripts.

They need storage and cookies, so they get an origin on which there is nothing else: a port of its own by default.
A member who is signed in on the platform gets a one-use code there and posts it here, for a cookie that counts
for the pages of one project. Nothing of the hub's is read here or passed on, and what is shown can only read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.applications import Starlette
from starlette.routing import Route

from himalia.core import clock
from himalia.core.access import Access, Gate
from himalia.core.errors import Forbidden, HimaliaError, NotFound, TooLarge, Unauthenticated
from himalia.core.identity import Credentials, Identity
from himalia.core.settings import Settings
from himalia.core.tokens import hashed
from himalia.tracking.allowed import find_for_pages
from himalia.tracking.client import MlflowRefused
from himalia.tracking.passing import SAFE, forward
from himalia.tracking.service import SERVER_INFO, Tracking

log = logging.getLogger(__name__)

COOKIE = "himalia-content"
CODE_S = 60
SESSION_S = 12 * 3600
MOST_FORM_BYTES = 2000
MOST_CODES = 10_000
_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d+)?")
_FILES = ("get-artifact", "model-versions/get-artifact")
STARTING = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>MLflow</title>'
    '<meta http-equiv="refresh" content="1"><body style="font-family: sans-serif; padding: 2em">'
    '<p role="status">MLflow is starting. This takes about 6 seconds.</p></body></html>'
)


@dataclass(frozen=True, slots=True)
class Session:
    """Who may see which project's pages, and until when (monotonic seconds)."""

    person_id: str
    person_name: str
    administers: bool
    project_id: str
    project: str
    page: str
    until: float


@dataclass
class Sessions:
    """One-use codes and the sessions that they were changed for; gone with the service."""

    _codes: dict[str, Session] = field(default_factory=dict)
    _open: dict[str, Session] = field(default_factory=dict)

    def code(self, access: Access, page: str) -> str:
        """A code for the caller's pages of a project."""
        self._tidy(self._codes)
        person, project = access.person, access.in_project
        made = Session(
            person.id,
            person.name,
            "admin" in access.identity.scopes,
            project["id"],
            project["name"],
            page,
            clock.monotonic() + CODE_S,
        )
        code = secrets.token_urlsafe(32)
        self._codes[hashed(code)] = made
        return code

    def open(self, code: str, project: str) -> tuple[str, Session]:
        """(the cookie's value, the session) for a code, once. Raises Unauthenticated."""
        found = self._codes.pop(hashed(code), None)
        if found is None or found.until < clock.monotonic() or found.project != project:
            raise Unauthenticated("This link has been used or is too old. Open MLflow again from Lab.")
        self._tidy(self._open)
        value = secrets.token_urlsafe(32)
        session = replace(found, until=clock.monotonic() + SESSION_S)
        self._open[hashed(value)] = session
        return value, session

    def find(self, value: str | None, project: str) -> Session:
        """The session of a cookie. Raises Unauthenticated."""
        found = self._open.get(hashed(value)) if value else None
        if found is None or found.until < clock.monotonic() or found.project != project:
            raise Unauthenticated("You are not signed in here. Open MLflow from Lab.")
        return found

    @staticmethod
    def _tidy(kept: dict[str, Session]) -> None:
        now = clock.monotonic()
        for key in [key for key, one in kept.items() if one.until < now]:
            del kept[key]
        while len(kept) >= MOST_CODES:
            del kept[next(iter(kept))]


@dataclass(frozen=True, slots=True)
class Origins:
    """Addresses as browsers see them. Without settings, people come by the same name to both ports."""

    address: str
    content_url: str | None
    content_port: int

    @classmethod
    def of(cls, settings: Settings) -> Origins:
        """From the settings."""
        port = int(settings.content_address.rpartition(":")[2])
        return cls(settings.address, settings.content_url, port)

    def content(self, host: str | None) -> str:
        """Where somebody who reached the platform as `host` (the header) finds the pages."""
        if self.content_url:
            return self.content_url.rstrip("/")
        name = _name(host) or urlsplit(self.address).hostname or "127.0.0.1"
        return f"http://{name}:{self.content_port}"

    def platform(self, host: str | None) -> list[str]:
        """The platform's own origins, for somebody who reached the pages as `host`."""
        own = urlsplit(self.address)
        found = [f"{own.scheme}://{own.netloc}"]
        name = _name(host)
        if name and not self.content_url and own.port:
            found.append(f"{own.scheme}://{name}:{own.port}")
        return found


def _name(host: str | None) -> str | None:
    """The name in a Host header, if it is one that can stand in a policy."""
    matched = _HOST.fullmatch(host or "")
    return matched[1] if matched else None


@dataclass
class Content:
    """The pages' application; `app` is what is served."""

    tracking: Tracking
    gate: Gate
    credentials: Credentials
    origins: Origins
    sessions: Sessions = field(default_factory=Sessions)
    _starting: asyncio.Task[None] | None = None

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/{project}/open", self.open, methods=["POST"]),
            Route("/{project}/{path:path}", self.page, methods=["GET", "POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={HimaliaError: _told})

    async def open(self, request: Request) -> Response:
        """Change a one-use code for the cookie, and go to the pages."""
        origin = request.headers.get("origin")
        if origin is not None and origin not in self.origins.platform(request.headers.get("host")):
            raise Forbidden("MLflow's pages are opened from Lab.")
        form = dict(parse_qsl((await _small_body(request)).decode(errors="replace")))
        project = request.path_params["project"]
        value, session = self.sessions.open(form.get("code", ""), project)
        self.start()
        answer = _entry(f"/{quote(project)}/{session.page}")
        secure = self.origins.content(request.headers.get("host")).startswith("https:")
        answer.set_cookie(
            COOKIE,
            value,
            SESSION_S,
            path=f"/{quote(project)}/",
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def page(self, request: Request) -> Response:
        """A page, a file of one, or what a page asks."""
        project, path = request.path_params["project"], request.path_params["path"]
        access = await self._access(request, project)
        if request.method == "POST" and request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise Forbidden("Only a page of MLflow's itself may ask this.")
        headers = self._headers(request, path)
        if path == "":
            if self.tracking.process.state != "ready":
                self.start()
                return HTMLResponse(STARTING, headers=headers)
        else:
            call = find_for_pages(request.method, path)
            if call is None:
                raise Forbidden("MLflow's pages can only read. Change runs with MLflow's client.")
            if call.kind == "info":
                return JSONResponse({**SERVER_INFO, "workspaces_enabled": False}, headers=headers)
            if call.kind == "workspaces":
                raise NotFound("MLflow's pages show one project at a time.")
        async with self.tracking.client(access.in_project["id"]) as client:
            try:
                return await forward(request, self.tracking, client, path, headers)
            except MlflowRefused as error:
                raise error.error from error

    def start(self) -> None:
        """Have MLflow start, without waiting; why it does not is said to whoever asks for a page."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())

    async def _start(self) -> None:
        try:
            async with self.tracking.process.use():
                pass
        except HimaliaError as error:
            log.warning("MLflow's pages cannot be shown: %s", error)

    async def _access(self, request: Request, project: str) -> Access:
        """What the cookie's person may see now. Raises Unauthenticated, NotFound."""
        session = self.sessions.find(request.cookies.get(COOKIE), project)
        account = await self.credentials.hub.account(session.person_name)
        person = await self.credentials.person(account) if account is not None else None
        if account is None or person is None or person.id != session.person_id:
            raise Unauthenticated("Your account has changed. Sign in again, and open MLflow from Lab.")
        scopes = {"read"}
        if session.administers and await self.credentials.hub.is_administrator(account):
            scopes.add("admin")
        identity = Identity("session", person, frozenset(scopes))
        found, role = await self.gate.project(project, identity)
        if found["id"] != session.project_id:
            raise Unauthenticated("You are not signed in here. Open MLflow from Lab.")
        return Access(identity, found, role)

    def _headers(self, request: Request, path: str) -> dict[str, str]:
        if path in _FILES or "/artifacts" in path:
            return SAFE
        framed_by = " ".join(self.origins.platform(request.headers.get("host")))
        policy = {
            "default-src": "'self'",
            "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
            "style-src": "'self' 'unsafe-inline'",
            "img-src": "'self' data: blob:",
            "font-src": "'self' data:",
            # Frames of artifacts inherit it: their scripts reach nothing but this origin, and that as nobody.
            "connect-src": "'self' data: blob:",
            "frame-src": "'self' data: blob:",
            "worker-src": "'self' blob:",
            "object-src": "'none'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": framed_by,
        }
        cached = "private, max-age=86400" if path.startswith("static-files/") else "no-store"
        return {
            "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": cached,
        }


def _entry(page: str) -> Response:
    """Leads to a page; to the parts of MLflow that are for training models, where nobody has chosen others."""
    nonce = secrets.token_urlsafe(16)
    chosen = {
        "mlflow.workflowType_v1": "machine_learning",
        "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
    }
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>MLflow</title><script nonce="{nonce}">'
        f"for (const [name, value] of Object.entries({json.dumps(chosen)}))"
        " if (localStorage.getItem(name) === null) localStorage.setItem(name, JSON.stringify(value));"
        f"location.replace({json.dumps(page)});</script></html>"
    )
    policy = f"default-src 'none'; script-src 'nonce-{nonce}'"
    return HTMLResponse(html, headers={**SAFE, "Content-Security-Policy": policy})


async def _small_body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_FORM_BYTES:
            raise TooLarge("This form is too large.")
    return body


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, HimaliaError)
    if request.headers.get("sec-fetch-mode") == "navigate":
        words = error.message.replace("&", "&amp;").replace("<", "&lt;")
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>MLflow</title>'
            f'<body style="font-family: sans-serif; padding: 2em"><p role="alert">{words}</p></body></html>'
        )
        headers = {
            **SAFE,
            "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
        }
        return HTMLResponse(page, error.status, headers)
    body: dict[str, Any] = {**error.body(), "error_code": error.code.upper(), "message": error.message}
    return JSONResponse(body, error.status, SAFE)
