"""Downloads by a browser: a form that names a path of the API is answered as the GET of that path.

A link could carry a token in its address alone, which histories and logs keep, and a cookie would count for any
page of the origin. A form carries it in its body, and the browser saves what comes back as it comes.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from himalia.core.errors import HimaliaError, NotFound, TooLarge

PREFIX = "/services/himalia"
MOST_FORM_BYTES = 16 << 10


class Downloads:
    """Turns `POST /services/himalia/download`, a form of `path` and `token`, into a call that the token signs in."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", f"{PREFIX}/download"):
            try:
                # In place: who counts the calls sees what this one is.
                scope.update(_as_get(scope, await _form(receive)))
            except HimaliaError as error:
                await JSONResponse(error.body(), error.status)(scope, receive, send)
                return
        await self.app(scope, receive, send)


async def _form(receive: Receive) -> dict[str, str]:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_FORM_BYTES:
            raise TooLarge(f"This form may have {MOST_FORM_BYTES} bytes.")
    return dict(parse_qsl(body.decode(errors="replace")))


def _as_get(scope: Scope, form: dict[str, str]) -> dict[str, Any]:
    """What makes the call a GET. The token alone signs it in: no cookie comes along."""
    path = f"{PREFIX}/api/v1{form.get('path', '')}"
    decoded = unquote(path)
    if not decoded.startswith(f"{PREFIX}/api/v1/projects/") or "\0" in decoded:
        raise NotFound("There is nothing to download at this path.")
    left_out = (b"authorization", b"cookie", b"content-length", b"content-type")
    headers = [(name, value) for name, value in scope["headers"] if name not in left_out]
    return {
        "method": "GET",
        "path": decoded,
        "raw_path": path.encode(),
        # As a file to be saved, never as a page.
        "query_string": b"download=true",
        "headers": [*headers, (b"authorization", f"Bearer {form.get('token', '')}".encode())],
    }
