"""Where the platform is, who calls, and which project is meant, when the caller does not say."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from himalia.client.credentials import Credentials
from himalia.client.errors import NotConfigured

PREFIX = "/services/himalia"
PROJECT_FILE = "himalia.toml"
_PROJECT_LINE = re.compile(r"""^project\s*=\s*(["'])(?P<name>[a-z0-9-]+)\1\s*(#.*)?$""", re.MULTILINE)
_FIRST_TABLE = re.compile(r"^\s*\[", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """Where calls go. `origin` is scheme, host and port; `path` leads to the service; `socket` is a Unix socket's
    path, or None, and `files` that of the one where open files can be handed over. The token is not shown by `repr`.
    """

    origin: str
    path: str
    token: str | None = field(default=None, repr=False)
    socket: str | None = None
    version: str = "0"
    files: str | None = None

    @property
    def url(self) -> str:
        """The service's address."""
        return self.origin + self.path

    @property
    def shown(self) -> str:
        """The address as people know it."""
        return self.socket or self.origin + self.path[: -len(PREFIX)]


def service_url(address: str) -> str:
    """The service's address, from itself or from the platform's: `http://host:8000` is enough."""
    text = address.strip()
    parts = urlsplit(text if "://" in text else "http://" + text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotConfigured(f"{text!r} is not an address. It looks like http://host:8000.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise NotConfigured("The address must not hold a name, a password, a query or a fragment.")
    path = parts.path.rstrip("/")
    if PREFIX in path:
        path = path[: path.index(PREFIX)]
    elif path.endswith("/hub"):
        path = path[: -len("/hub")]
    return f"{parts.scheme}://{parts.netloc}{path}{PREFIX}"


def find_place(
    url: str | None = None,
    token: str | None = None,
    environment: Mapping[str, str] | None = None,
    credentials: Credentials | None = None,
) -> Place:
    """Where to call, and with which token.

    The address is `url`, else HIMALIA_URL, else the Unix socket HIMALIA_API_SOCKET of a workload, else the last
    login. The token is `token`, else HIMALIA_TOKEN, else JUPYTERHUB_API_TOKEN, else the login stored for the
    address. What the environment holds is never used for an address that it does not name: a token is not sent to
    a place that it was not given for. Raises NotConfigured.
    """
    env = os.environ if environment is None else environment
    store = credentials or Credentials()
    named = env.get("HIMALIA_URL")
    socket = env.get("HIMALIA_API_SOCKET") if not (url or named) else None
    address = url or named or ("http://himalia" if socket else store.current)
    if not address:
        raise NotConfigured("No platform is known. Run: himalia login http://host:8000, or set HIMALIA_URL.")
    base = service_url(address)
    ours = socket is not None or (named is not None and service_url(named) == base)
    if token is None:
        token = _token_of_environment(env, ours, named is None) or _stored(store, base)
    if not token:
        raise NotConfigured(f"You are not logged in to {base[: -len(PREFIX)]}. Run: himalia login {address}")
    parts = urlsplit(base)
    files = env.get("HIMALIA_FILES_SOCKET") if ours else None
    return Place(f"{parts.scheme}://{parts.netloc}", parts.path, token, socket, _version(), files)


def anonymous(url: str) -> Place:
    """A place to call without a token, to log in there."""
    parts = urlsplit(service_url(url))
    return Place(f"{parts.scheme}://{parts.netloc}", parts.path, version=_version())


def _token_of_environment(env: Mapping[str, str], ours: bool, no_address: bool) -> str | None:
    if ours:
        return env.get("HIMALIA_TOKEN") or env.get("JUPYTERHUB_API_TOKEN")
    return env.get("HIMALIA_TOKEN") if no_address and not env.get("HIMALIA_API_SOCKET") else None


def _stored(store: Credentials, base: str) -> str | None:
    login = store.get(base)
    return str(login["token"]) if login else None


def find_project(
    project: str | None = None, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> str | None:
    """The current project: `project`, else the nearest himalia.toml's from `folder` upwards, else HIMALIA_PROJECT.

    None means the personal project. Raises NotConfigured for a himalia.toml that cannot be understood.
    """
    if project:
        return project
    env = os.environ if environment is None else environment
    try:
        start = (folder or Path.cwd()).resolve()
    except FileNotFoundError:  # the current folder was deleted
        return env.get("HIMALIA_PROJECT") or None
    for place in (start, *start.parents):
        found = _project_of(place / PROJECT_FILE)
        if found:
            return found
    return env.get("HIMALIA_PROJECT") or None


def _project_of(file: Path) -> str | None:
    """The project a file names; files without one, as an administrator's settings, are passed over."""
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError, IsADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise NotConfigured(f"{file} is not UTF-8 text.") from error
    table = _FIRST_TABLE.search(text)
    top = text[: table.start()] if table else text
    found = _PROJECT_LINE.search(top)
    if found is None and re.search(r"^project\b", top, re.MULTILINE):
        raise NotConfigured(f'The project in {file} cannot be read. It looks like: project = "my-project"')
    return found.group("name") if found else None


def use_project(project: str, folder: Path | None = None) -> Path:
    """Make `project` the current one below `folder`: written to its himalia.toml, where other lines stay."""
    file = (folder or Path.cwd()) / PROJECT_FILE
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    line = f'project = "{project}"'
    table = _FIRST_TABLE.search(text)
    cut = table.start() if table else len(text)
    top, rest = text[:cut], text[cut:]
    if re.search(r"^project\b", top, re.MULTILINE):
        top = re.sub(r"^project\b.*$", line, top, count=1, flags=re.MULTILINE)
    else:
        top = f"{line}\n{top}"
    file.write_text(top + rest, encoding="utf-8")
    return file


def _version() -> str:
    from himalia import __version__

    return __version__
