"""Getting an access token for a person: by a code that they approve in a browser, or with a local account's password.

The first is the device authorization grant of RFC 8628, with a long poll in place of a short one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from himalia.client import config
from himalia.client.api import Api
from himalia.client.bridge import run
from himalia.client.config import PREFIX
from himalia.client.errors import (
    HimaliaError,
    Unauthenticated,
    Unreachable,
    WaitTimeout,
    WrongAddress,
    from_answer,
)
from himalia.client.transport import BlockingTransport, Request, in_words

LONG_POLL_S = 40.0
MOST_REDIRECTS = 10
_SESSION = "himalia-xsrf"
"""The cookie with which the service opens a session; calls repeat its value in a header."""
_XSRF_FIELD = re.compile(r"""name=["']_xsrf["'][^>]*\bvalue=["']([^"']+)["']""")


@dataclass(frozen=True)
class Code:
    """What to tell the person: enter `user_code` at `verification_url` within `expires_in` seconds."""

    user_code: str
    verification_url: str
    expires_in: int
    device_code: str


class Login:
    """A login at one platform. `url` is its address; `base` the service's, under which the login is stored."""

    def __init__(self, url: str) -> None:
        self.place = config.anonymous(url)
        self.base = self.place.url
        self._transport = BlockingTransport(self.place)
        self._api = Api(self.place, self._transport)

    def check(self) -> None:
        """Raises WrongAddress or Unreachable unless a platform answers."""
        answer = run(self._api.send(Request("GET", f"{self.place.path}/health"))).json()
        if not isinstance(answer, dict) or answer.get("status") != "ok":
            raise WrongAddress(f"What answers at {self.place.shown} is not Himalia. Is the address right?")

    def start(self, client: str) -> Code:
        """Ask for a code; `client` tells the person which machine asks."""
        answer = run(self._api.call("POST", "/login/codes", body={"client": client[:200]}))
        return Code(
            answer["user_code"], answer["verification_url"], answer["expires_in"], answer["device_code"]
        )

    def finish(self, code: Code) -> dict[str, Any]:
        """Wait for the approval: `{"token", "person", "scopes", "expires_at"}`. Raises Unauthenticated when it was
        refused or took too long."""
        body = {"device_code": code.device_code}
        polls = int(code.expires_in / 20) + 2  # each waits 25 s on the other side
        for _ in range(polls):
            answer = run(self._api.call("POST", "/login/token", body=body, timeout_s=LONG_POLL_S))
            if answer["status"] == "approved":
                return _kept(answer)
        raise WaitTimeout("Nobody entered the code in time. Start again with himalia login.")

    def with_password(
        self, username: str, password: str, client: str, days: int, scope: str = "write"
    ) -> dict[str, Any]:
        """Sign in as a local account and make a token. Raises Unauthenticated for a wrong password."""
        with _Browser(self.place.origin, self.place.shown) as browser:
            browser.sign_in(self.place.path[: -len(PREFIX)] + "/hub/login", username, password)
            browser.get(f"{self.place.path}/", until=_SESSION)
            body = {"note": f"himalia login {client}"[:200], "scopes": [scope], "days": days}
            made = browser.post_json(f"{self.place.path}/api/v1/tokens", body)
            browser.get(self.place.path[: -len(PREFIX)] + "/hub/logout")
        return {**_kept(made), "person": {"name": username}}

    def close(self) -> None:
        """Close the connections."""
        run(self._transport.close())


def _kept(answer: dict[str, Any]) -> dict[str, Any]:
    return {field: answer.get(field) for field in ("token", "person", "scopes", "expires_at")}


class _Browser:
    """As much of a browser as signing in takes: cookies, a form, and redirects within one origin."""

    def __init__(self, origin: str, shown: str) -> None:
        self.origin, self.shown = origin, shown
        self.http = httpx.Client(base_url=origin, timeout=30, trust_env=origin.startswith("https:"))

    def __enter__(self) -> _Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, until: str | None = None) -> httpx.Response:
        """A page, and where it leads within this origin; no further than where the cookie `until` is given."""
        for _ in range(MOST_REDIRECTS):
            with in_words(self.shown, 30):
                answer = self.http.get(path)
            if not answer.is_redirect or (until is not None and until in answer.cookies):
                return answer
            path = urljoin(str(answer.url), answer.headers["Location"])
            if not path.startswith(self.origin + "/"):
                raise HimaliaError(f"{self.shown} signs people in elsewhere. Log in without --username.")
        raise WrongAddress(f"{self.shown} leads in a circle. Is the address right?")

    def sign_in(self, page: str, username: str, password: str) -> None:
        """Fill the hub's sign-in form."""
        form = self.get(page)
        found = _XSRF_FIELD.search(form.text)
        if form.status_code != 200 or 'name="password"' not in form.text:
            raise HimaliaError(f"{self.shown} has no sign-in with a password. Log in without --username.")
        fields = {"username": username, "password": password, "_xsrf": found.group(1) if found else ""}
        with in_words(self.shown, 30):
            answer = self.http.post(urlsplit(str(form.url)).path, data=fields)
        if not answer.is_redirect:
            raise Unauthenticated(_refusal(answer))

    def post_json(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a call with the service's session."""
        xsrf = self.http.cookies.get(_SESSION)
        if xsrf is None:
            raise Unreachable(f"The service at {self.shown} did not open a session. Try again.", True)
        with in_words(self.shown, 30):
            answer = self.http.post(path, json=body, headers={"X-Himalia-XSRF": xsrf})
        made: dict[str, Any] = answer.json()
        if answer.status_code != 201:
            raise from_answer(answer.status_code, made) or HimaliaError("No token was made.")
        return made


def _refusal(answer: httpx.Response) -> str:
    if answer.status_code == 429:
        return "Too many sign-ins failed. Wait a little, then try again."
    disabled = "This account is disabled. Ask an administrator."  # said to who knows the password
    return disabled if disabled in answer.text else "The user name or the password is wrong."
