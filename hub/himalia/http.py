"""HTTP manners of the service: errors in one shape, request ids, body limits, health."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from himalia import __version__
from himalia.core.access import CurrentAccess, GatedRoute
from himalia.core.clock import monotonic
from himalia.core.errors import (
    BadRequest,
    HimaliaError,
    Invalid,
    NotFound,
    TooLarge,
    TooSlow,
    WrongMethod,
)
from himalia.core.schema import PATTERN_WORDS
from himalia.core.telemetry import Telemetry, request_id
from himalia.pages.routes import error_page

log = logging.getLogger(__name__)

API = "/services/himalia/api/"
_DRAFT = r"projects/[^/]+/datasets/[^/]+/drafts/[^/]+"
_ARTIFACT = r"mlflow/api/2\.0/mlflow-artifacts/artifacts/.+"
_UPLOAD_API = rf"projects/[^/]+/objects/[^/]+|workloads/[^/]+/outputs/.+|{_DRAFT}/(bundle|files/[^/]+)"
UPLOAD = re.compile(rf"/services/himalia/(api/v1/({_UPLOAD_API})|{_ARTIFACT})")
_MANY = rf"projects/[^/]+/snapshots|{_DRAFT}/manifest|workloads/[^/]+/reports"
MANIFEST = re.compile(rf"/services/himalia/api/v1/({_MANY})")
MANIFEST_FACTOR = 20
"""How much larger than other bodies one may be that names many files."""
KIND_WORDS = {
    "missing": "is required",
    "string_unicode": "must be valid Unicode",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    # Of lists and of secret texts alike.
    "too_short": "must not be shorter than {min_length}",
    "too_long": "must not be longer than {max_length}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "dict_type": "must be a JSON object",
}
"""What pydantic says for programmers, by its kinds of error."""
BODY_PAUSE_S = 30.0
"""Longest pause between two pieces of a request's body."""
DRAINED_BYTES = 64 << 20
DRAINED_S = 5.0
"""How much of a refused body is read, and for how long; a stranger's is not."""
JSON_BODY_S = 60.0
"""Longest time that a JSON body may take to come."""
MOST_FIELDS = 50
probes_router = APIRouter(tags=["health"], route_class=GatedRoute)
"""At the root, where no proxy leads."""
health_router = APIRouter(tags=["health"], route_class=GatedRoute)


@health_router.get("/health", operation_id="health")
async def health(access: CurrentAccess) -> dict[str, str]:
    """Whether the service is ready."""
    return {"status": "ok", "version": __version__}


@probes_router.get("/healthz", operation_id="live")
async def live(access: CurrentAccess) -> dict[str, str]:
    """Whether the process answers; without a look at anything else."""
    return {"status": "ok"}


@probes_router.get("/readyz", operation_id="ready")
async def ready(access: CurrentAccess, request: Request) -> dict[str, str]:
    """Whether calls can be answered now: 503 while the database is away."""
    await request.app.state.database.read(lambda connection: connection.exec_driver_sql("SELECT 1"))
    return {"status": "ok"}


@health_router.get("/metrics", operation_id="metrics", response_class=Response)
async def metrics(access: CurrentAccess, request: Request) -> Response:
    """Figures for Prometheus (text exposition format 0.0.4); for administrators."""
    telemetry: Telemetry = request.app.state.telemetry
    return Response(telemetry.exposed(), media_type="text/plain; version=0.0.4; charset=utf-8")


def add_error_pages(app: FastAPI, body_limit_bytes: int, telemetry: Telemetry) -> None:
    """Map every failure to the one shape, and put the outer middleware on."""

    @app.exception_handler(HimaliaError)
    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, HimaliaError)
        return _answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _answer(request, _invalid(error))

    @app.exception_handler(HTTPException)
    async def from_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _answer(request, _translated(error), error.headers)

    app.add_middleware(Outer, body_limit_bytes=body_limit_bytes, telemetry=telemetry)


def _translated(error: HTTPException) -> HimaliaError:
    """The framework's own failures in our words."""
    if isinstance(error, _BodyError):
        return error.error
    if error.status_code == 404:
        return NotFound("There is nothing at this address.")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return WrongMethod(f"This address does not take this method. Use {allowed}.")
    return BadRequest("The body could not be read. Send valid JSON, not nested too deeply, in UTF-8.")


def _answer(request: Request, error: HimaliaError, more: Mapping[str, str] | None = None) -> Response:
    headers = dict(more or {})
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if request.url.path.startswith(API) or request.headers.get("sec-fetch-mode") != "navigate":
        return JSONResponse(error.body(), error.status, headers)
    page = error_page(error)
    page.headers.update(headers)
    return page


def _invalid(error: RequestValidationError) -> Invalid:
    """Each wrong field with a sentence; what was sent is not repeated, it may be a secret."""
    fields = []
    for one in error.errors()[:MOST_FIELDS]:
        place = [str(part) for part in one["loc"] if part != "[key]"]  # the key stands before it
        name = ".".join(place[1:]) if len(place) > 1 else place[0]
        # The name of an unknown field is the caller's text too: any length, and not always valid Unicode.
        name = name[:200].encode(errors="replace").decode()
        fields.append({"field": name, "message": _words(one)})
    first = fields[0] if fields else {"field": "body", "message": "is not valid"}
    return Invalid(f"{first['field']}: {first['message']}", fields=fields)


def _words(error: Mapping[str, Any]) -> str:
    """What is wrong with one field, for people who know neither patterns nor Python."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "string_pattern_mismatch" and context["pattern"] in PATTERN_WORDS:
        return PATTERN_WORDS[context["pattern"]]
    if kind in KIND_WORDS:
        whole = {name: int(limit) for name, limit in context.items() if _is_whole(limit)}
        return KIND_WORDS[kind].format(**{**context, **whole})
    if kind == "extra_forbidden":
        return "is not a field that is known here"
    if kind == "model_attributes_type":
        return "must be a JSON object, sent with Content-Type: application/json"
    return str(error["msg"]).removeprefix("Value error, ")


def _is_whole(limit: Any) -> bool:
    return isinstance(limit, float) and limit.is_integer()


class Outer:
    """Outermost: a request id for each call, limits of bodies, figures, and no traceback to anybody."""

    def __init__(self, app: ASGIApp, body_limit_bytes: int, telemetry: Telemetry) -> None:
        self.app = app
        self.body_limit_bytes = body_limit_bytes
        self.telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identifier = f"{random.getrandbits(64):016x}"
        request_id.set(identifier)
        began, status = monotonic(), 500
        started, body = False, _Body(receive, self._limit(scope), scope)

        async def send_noted(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                if status >= 400 and status != 401:
                    await body.drain()
                message["headers"] = _completed(message["headers"], scope["path"], identifier)
                if not body.is_read:
                    # The proxy reads no further then, so the next request on that connection would never come.
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:
                refusal = Invalid.field("address", "An address must not contain a NUL character.")
                await JSONResponse(refusal.body(), refusal.status)(scope, receive, send_noted)
                return
            await self.app(scope, body, send_noted)
        except ClientDisconnect:
            status = 499
        except Exception:
            log.exception("A request failed: %s %s", scope["method"], scope["path"])
            if started:
                raise
            words = f"Something broke on our side. Tell an administrator the request id {identifier}."
            await JSONResponse(HimaliaError(words).body(), 500)(scope, receive, send_noted)
        finally:
            self.telemetry.request(scope, status, monotonic() - began)

    def _limit(self, scope: Scope) -> int | None:
        """The most bytes of a body; uploads have limits of their own, everything else is JSON and small."""
        method, path = scope["method"], scope["path"]
        if method in ("PUT", "PATCH") and UPLOAD.fullmatch(path):
            return None
        if method == "POST" and MANIFEST.fullmatch(path):
            return self.body_limit_bytes * MANIFEST_FACTOR
        return self.body_limit_bytes


def _completed(headers: list[tuple[bytes, bytes]], path: str, identifier: str) -> list[tuple[bytes, bytes]]:
    """An answer's headers with what every answer has."""
    there = {name for name, _ in headers}
    more = [(b"x-request-id", identifier.encode())]
    if b"x-content-type-options" not in there:
        more.append((b"x-content-type-options", b"nosniff"))
    if b"cache-control" not in there and path.startswith(API):
        more.append((b"cache-control", b"no-store"))
    return [*headers, *more]


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0") != b"")
        for name, value in scope["headers"]
    )


class _Body:
    """`receive` that gives up on a body which is too large or comes too slowly; `limit` None is an upload's."""

    def __init__(self, receive: Receive, limit: int | None, scope: Scope) -> None:
        self._receive = receive
        self._limit = limit
        self._size = 0
        self._ended = False
        self._scope = scope
        self._began = monotonic()

    @property
    def is_read(self) -> bool:
        """Whether nothing more of it is to come."""
        return self._ended or not _has_body(self._scope)

    async def __call__(self) -> Message:
        if self._ended:  # the wait for the end of the connection may last
            return await self._receive()
        try:
            async with asyncio.timeout(BODY_PAUSE_S):
                message = await self._receive()
        except TimeoutError as error:
            raise _BodyError(TooSlow("The body of the request came too slowly.")) from error
        self._size += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._limit is not None and self._size > self._limit:
            raise _BodyError(TooLarge(f"The body of this request may have {self._limit} bytes."))
        if self._limit is not None and not self._ended and monotonic() - self._began > JSON_BODY_S:
            raise _BodyError(TooSlow("The body of the request came too slowly."))
        return message

    async def drain(self) -> None:
        """Read on what is refused, within bounds: who is still sending would not see the answer."""
        left, until = DRAINED_BYTES, monotonic() + DRAINED_S
        with suppress(TimeoutError):
            while not self.is_read and left > 0:
                message = await asyncio.wait_for(self._receive(), until - monotonic())
                left -= len(message.get("body", b""))
                self._ended = not message.get("more_body", False)


class _BodyError(HTTPException):
    """Passes through the framework, which reads bodies, as its own kind of error."""

    def __init__(self, error: HimaliaError) -> None:
        super().__init__(error.status)
        self.error = error
