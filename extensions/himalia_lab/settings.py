"""What the panels and this extension know about the platform they run in."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import Any

import httpx

from himalia_lab.errors import LabError

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Service:
    """Where the service answers this server: by its URL or, inside a sandbox, by its Unix socket.

    `url` ends with the service's prefix, `/services/himalia`.
    """

    url: str
    socket: str | None = None

    @classmethod
    def from_environment(cls) -> Service | None:
        """None where this server does not run on a Himalia platform."""
        if socket := os.environ.get("HIMALIA_API_SOCKET"):
            return cls("http://localhost/services/himalia", socket)
        if url := os.environ.get("HIMALIA_URL"):
            return cls(url.rstrip("/"))
        return None

    def client(self, token: str) -> httpx.AsyncClient:
        """A client of the API, signed in by `token`; it never follows redirects (a lost route is one)."""
        return httpx.AsyncClient(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            transport=httpx.AsyncHTTPTransport(uds=self.socket, retries=1),
            timeout=httpx.Timeout(60, connect=5),
        )


async def call(client: httpx.AsyncClient, method: str, path: str, **content: Any) -> dict[str, Any]:
    """One call of the service; its refusals become a LabError with the same status, code and words."""
    try:
        response = await client.request(method, path, **content)
    except httpx.HTTPError as error:
        raise LabError(
            503,
            "unavailable",
            "Himalia's service does not answer. Try again in a moment.",
            {"cause": str(error)},
        ) from error
    try:
        body = response.json() if response.content else {}
    except ValueError:
        body = {}
    if response.is_success:
        return dict(body)
    told = body.get("error", {}) if isinstance(body, dict) else {}
    if not told or response.is_server_error:
        raise LabError(
            503, "unavailable", f"Himalia's service answered {response.status_code}. Try again in a moment."
        )
    raise LabError(response.status_code, told["code"], told["message"], told.get("details"))


def page() -> dict[str, str]:
    """The settings that the panels find in the page's config as `himaliaSettings`.

    `url` is the service's path on the hub's origin; `project`, `profile` and `size` are empty when unknown. `ssh` is
    the command that signs in by SSH, where the profile has that.
    """
    hub = os.environ.get("JUPYTERHUB_BASE_URL", "/").rstrip("/")
    return {
        "url": f"{hub}/services/himalia",
        "user": os.environ.get("JUPYTERHUB_USER", ""),
        "project": os.environ.get("HIMALIA_PROJECT", ""),
        "profile": os.environ.get("HIMALIA_PROFILE", ""),
        "size": os.environ.get("HIMALIA_SIZE", ""),
        "ssh": ssh_command(),
    }


def ssh_command() -> str:
    """How to sign in to this server by SSH from elsewhere; empty where the profile does not let people."""
    if os.environ.get("HIMALIA_SSH") != "1":
        return ""
    server = os.environ.get("JUPYTERHUB_SERVER_NAME", "")
    return f"himalia ssh --server {server}" if server else "himalia ssh"


def is_project(name: str) -> bool:
    """Whether a project can have this name: a DNS label (RFC 1123) of at most 40 characters."""
    return _NAME.fullmatch(name) is not None


def publish(web_settings: dict[str, Any]) -> None:
    """Put the page settings where Lab's page handler finds them; called again when they change."""
    web_settings.setdefault("page_config_data", {})["himaliaSettings"] = json.dumps(page())


def choose_project(name: str, web_settings: dict[str, Any]) -> None:
    """Make `name` the project of kernels and terminals started from now on; running ones keep theirs."""
    os.environ["HIMALIA_PROJECT"] = os.environ["MLFLOW_WORKSPACE"] = name
    publish(web_settings)
