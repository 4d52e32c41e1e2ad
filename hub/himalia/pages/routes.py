"""The pages themselves."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader

from himalia.core.database import Database
from himalia.core.errors import Forbidden, HimaliaError, Unauthenticated
from himalia.core.identity import Identity
from himalia.core.permissions import OPERATIONS, covers
from himalia.pages.sessions import COOKIE, PREFIX, Sessions
from himalia.tokens.logins import Logins
from himalia.tokens.schema import NewToken, TokenCreate
from himalia.tokens.service import Tokens

router = APIRouter(include_in_schema=False)
_templates = Environment(loader=PackageLoader("himalia.pages"), autoescape=True)

SCOPE_WORDS = (
    ("read", "Look at your projects: jobs, logs, outputs, metrics"),
    ("write", "Also submit, change and delete things for you"),
    ("admin", "Also everything that an administrator may do"),
)
MOST_FORM_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages need."""

    sessions: Sessions
    database: Database
    tokens: Tokens
    logins: Logins


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def _render(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    html = _templates.get_template(name).render(nonce=nonce, prefix=PREFIX, **values)
    headers = {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'"
        ),
        "Cross-Origin-Opener-Policy": "noopener-allow-popups",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(html, status, headers)


def error_page(error: HimaliaError) -> HTMLResponse:
    """A failure as a page."""
    return _render("error.html", error.status, title="That did not work", message=error.message)


async def _signed_in(request: Request) -> Identity | Response:
    """The signed-in person, else where to sign in (navigations only)."""
    identity = await _pages(request).sessions.identify(request, navigation=True)
    if identity is not None:
        return identity
    if request.method == "GET" and request.headers.get("sec-fetch-mode", "navigate") == "navigate":
        return _pages(request).sessions.begin(request.url.path)
    raise Unauthenticated("Open this page in your browser and sign in.")


@router.get(PREFIX)
async def without_slash() -> Response:
    return RedirectResponse(f"{PREFIX}/", status_code=302)


@router.get(PREFIX + "/")
async def home(request: Request) -> Response:
    identity = await _signed_in(request)
    if isinstance(identity, Response):
        return identity
    return _render("home.html", person=identity.person.name if identity.person else "")


@router.get(PREFIX + "/oauth_callback")
async def oauth_callback(request: Request, code: str = "", state: str = "") -> Response:
    return await _pages(request).sessions.complete(request, code, state)


@router.get(PREFIX + "/login")
async def login_page(request: Request) -> Response:
    identity = await _signed_in(request)
    if isinstance(identity, Response):
        return identity
    return _login(request, identity)


@router.post(PREFIX + "/login")
async def login_form(request: Request) -> Response:
    form = await _form(request)
    identity = await _signed_in(request)
    if isinstance(identity, Response) or identity.person is None:
        raise Unauthenticated("Sign in first.")
    pages, person = _pages(request), identity.person
    try:
        login = pages.logins.entered(person, form.get("code", "")[:40])
        if form.get("decision") == "deny":
            pages.logins.deny(login)
            return _login(request, identity, done="Refused. The command gets nothing.")
        if form.get("decision") != "approve":
            return _login(request, identity, login=login)
        body = TokenCreate.model_validate(
            {
                "note": f"himalia login {login.client}".strip()[:200],
                "scopes": [form.get("scope", "write")],
                "days": form.get("days", "30"),
            }
        )

        def make() -> Awaitable[NewToken]:
            return pages.database.write(lambda tx: pages.tokens.create(tx, identity, person, body))

        await pages.logins.approve(login, person, make)
    except HimaliaError as error:
        return _login(request, identity, error=error.message, status=error.status)
    except ValueError as error:
        raise Forbidden("This form was changed on its way. Start again.") from error
    return _login(request, identity, done="Done. The command is logged in; you can close this page.")


def _login(request: Request, identity: Identity, status: int = 200, **values: Any) -> HTMLResponse:
    pages = _pages(request)
    return _render(
        "login.html",
        status,
        person=identity.person.name if identity.person else "",
        xsrf=pages.sessions.xsrf(request.cookies.get(COOKIE, "")),
        scopes=[(scope, words) for scope, words in SCOPE_WORDS if covers(identity.scopes, scope)],  # type: ignore[arg-type]
        longest=pages.tokens.longest_days,
        **values,
    )


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form; its `_xsrf` is what lets the session's cookie count."""
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > MOST_FORM_BYTES:
            raise Forbidden("This form is too large.")
    form = dict(parse_qsl(data.decode(errors="replace")))
    request.state.form_xsrf = form.get("_xsrf", "")
    return form


@router.get(PREFIX + "/docs")
async def docs(request: Request) -> Response:
    identity = await _signed_in(request)
    if isinstance(identity, Response):
        return identity
    document = request.app.openapi()
    return _render("docs.html", document=document, tags=_by_tag(document))


def _by_tag(document: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    tags: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            shown = {
                "id": operation["operationId"],
                "method": method.upper(),
                "path": urlsplit(path).path,
                "summary": operation.get("summary", ""),
                "description": operation.get("description", ""),
                "parameters": operation.get("parameters", []),
                "body": _body(operation),
                "needs": needs(operation["operationId"]),
            }
            tags.setdefault(operation.get("tags", ["other"])[0], []).append(shown)
    return sorted(tags.items())


def _body(operation: dict[str, Any]) -> str | None:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    reference: str = schema.get("$ref", "")
    return reference.rpartition("/")[2] or None


def needs(operation: str) -> str:
    """What an operation needs, in words."""
    rule = OPERATIONS[operation]
    parts = []
    if rule.scope is not None:
        parts.append(f"the scope {rule.scope}")
    if rule.role.value:
        parts.append(f"the role {rule.role.name} in the project")
    if rule.own:
        parts.append("the token of the workload itself")
    if rule.by == frozenset({"service"}):
        parts.append("the service's token")
    return " and ".join(parts) or "nothing"
