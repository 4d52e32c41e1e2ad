"""Signing in to the service's pages through the hub: OAuth 2 with PKCE (RFC 6749, RFC 7636).

Any page of the same origin, a notebook's too, could make the browser send the session's cookie. So the cookie
counts only for a person's own navigation to one of our pages, or together with a value that such pages cannot
read: it stands in our pages' forms and in a cookie that scripts do not see. (A cookie's path is no protection:
a page that calls `history.pushState` with our path could read what is not HttpOnly.) The API takes the cookie
only with that value: what an API answers to a navigation could be read by the page that opened it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

import httpx
from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from himalia.core import clock
from himalia.core.errors import Unauthenticated, Unavailable
from himalia.core.identity import Credentials, Identity

PREFIX = "/services/himalia"
COOKIE = "himalia-session"
XSRF_COOKIE = "himalia-xsrf"
STATE_COOKIE = "himalia-oauth"
CALLBACK = f"{PREFIX}/oauth_callback"
CLIENT = "service-himalia"
LIFETIME_S = 12 * 3600
SIGN_IN_S = 600
MOST_PENDING = 5000
SCOPES = "custom:himalia:admin custom:himalia:write custom:himalia:read access:services!service=himalia"


@dataclass
class _Pending:
    verifier: str
    after: str
    started: float


@dataclass
class _Session:
    token: str
    started: float


@dataclass
class Sessions:
    """Sessions in memory: after a restart of the service the hub signs people in again by itself."""

    credentials: Credentials
    service_token: str
    key: bytes
    _pending: dict[str, _Pending] = field(default_factory=dict)
    _sessions: dict[str, _Session] = field(default_factory=dict)

    async def identify(self, request: Request, navigation: bool = False) -> Identity | None:
        """The person behind the session's cookie, where the cookie counts. Pages take navigations too."""
        identifier = request.cookies.get(COOKIE)
        session = self._live(identifier)
        if identifier is None or session is None:
            return None
        if not (self._has_xsrf(request, identifier) or (navigation and _is_navigation(request))):
            return None
        try:
            identity = await self.credentials.identify(session.token)
        except Unauthenticated:
            self._sessions.pop(identifier, None)
            return None
        return replace(identity, kind="session") if identity.person else None

    def _live(self, identifier: str | None) -> _Session | None:
        session = self._sessions.get(identifier or "")
        if session is not None and clock.monotonic() - session.started > LIFETIME_S:
            del self._sessions[identifier or ""]
            return None
        return session

    def _has_xsrf(self, request: Request, identifier: str) -> bool:
        sent = request.headers.get("x-himalia-xsrf") or str(getattr(request.state, "form_xsrf", ""))
        return bool(sent) and hmac.compare_digest(sent.encode(), self.xsrf(identifier).encode())

    def xsrf(self, identifier: str) -> str:
        """What a form of this session sends along."""
        return hmac.new(self.key, b"xsrf:" + identifier.encode(), hashlib.sha256).hexdigest()

    def begin(self, after: str) -> Response:
        """Send the browser to the hub to sign in; `after` is the path to come back to."""
        self._drop_old()
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        self._pending[state] = _Pending(verifier, after, clock.monotonic())
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = urlencode(
            {
                "client_id": CLIENT,
                "redirect_uri": CALLBACK,
                "response_type": "code",
                "state": state,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
                "scope": SCOPES,
            }
        )
        answer = RedirectResponse(f"/hub/api/oauth2/authorize?{query}", status_code=302)
        answer.set_cookie(
            STATE_COOKIE, state, max_age=SIGN_IN_S, path=CALLBACK, httponly=True, samesite="lax"
        )
        return answer

    async def complete(self, request: Request, code: str, state: str) -> Response:
        """Take the hub's answer and open the session. Raises Unauthenticated."""
        pending = self._pending.pop(state, None)
        cookie = request.cookies.get(STATE_COOKIE, "")
        if pending is None or not hmac.compare_digest(cookie.encode(), state.encode()):
            raise Unauthenticated("This sign-in is over. Open the page again.")
        token = await self._exchange(code, pending.verifier)
        identifier = secrets.token_urlsafe(32)
        self._sessions[identifier] = _Session(token, clock.monotonic())
        secure = request.headers.get("x-forwarded-proto", "").split(",")[-1].strip() == "https"
        answer = RedirectResponse(pending.after, status_code=302)
        answer.delete_cookie(STATE_COOKIE, path=CALLBACK)
        answer.set_cookie(
            COOKIE,
            identifier,
            max_age=LIFETIME_S,
            path=f"{PREFIX}/",
            httponly=True,
            samesite="lax",
            secure=secure,
        )
        answer.set_cookie(
            XSRF_COOKIE,
            self.xsrf(identifier),
            max_age=LIFETIME_S,
            path=f"{PREFIX}/",
            httponly=True,
            samesite="strict",
            secure=secure,
        )
        return answer

    async def _exchange(self, code: str, verifier: str) -> str:
        form = {
            "client_id": CLIENT,
            "client_secret": self.service_token,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": verifier,
        }
        try:
            answer = await self.credentials.hub.http.post("/oauth2/token", data=form)
        except httpx.HTTPError as error:
            raise Unavailable("The hub is not answering. Try again in a moment.") from error
        if answer.status_code != 200:
            raise Unauthenticated("The hub refused the sign-in. Open the page again.")
        return str(answer.json()["access_token"])

    def _drop_old(self) -> None:
        now = clock.monotonic()
        self._pending = {s: p for s, p in self._pending.items() if now - p.started < SIGN_IN_S}
        while len(self._pending) >= MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        self._sessions = {s: p for s, p in self._sessions.items() if now - p.started < LIFETIME_S}


def _is_navigation(request: Request) -> bool:
    """Whether the person went to this page themselves; scripts cannot set these headers (W3C Fetch Metadata)."""
    return (
        request.method == "GET"
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
    )
