"""`install(c)`: everything a JupyterHub needs to carry Himalia, in one call of its configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from himalia.core.permissions import ADMIN_ROLE
from himalia.hub.service import ServiceClient, service_variables

READ, WRITE, ADMIN = "custom:himalia:read", "custom:himalia:write", "custom:himalia:admin"
ACCESS = "access:services!service=himalia"
Spawner = Literal["local", "kubernetes"]
_SPAWNERS = {
    "local": "himalia.hub.spawner.LocalSpawner",
    "kubernetes": "himalia.hub.kubernetes.spawner.HimaliaKubeSpawner",
}
_TEMPLATES = Path(__file__).with_name("templates")


def install(
    c: Any,
    *,
    service_url: str | None = None,
    service_token_file: str | os.PathLike[str] | None = None,
    gateway_url: str | None = None,
    home: str | os.PathLike[str] | None = None,
    authenticator: bool = False,
    spawner: Spawner | bool = False,
    admin_users: Iterable[str] | None = None,
) -> None:
    """Wire the hub whose traitlets configuration is `c`.

    `service_url` is where the hub and its servers reach the service (`http://127.0.0.1:8003`), which the
    administrator runs with the token in `service_token_file`; `gateway_url` is where it reaches the gateway, for
    calls to endpoints below `/services/himalia-gateway/`. `admin_users` may administer Himalia; so may whoever
    else is given the role `himalia-admin`. What is not said is taken from the environment:
    HIMALIA_SERVICE_URL, HIMALIA_SERVICE_TOKEN_FILE, HIMALIA_GATEWAY_URL, HIMALIA_HOME and
    HIMALIA_ADMIN_USERS, names with commas between them.

    The hub's authenticator and spawner stay as they are, unless `authenticator` asks for the local accounts and
    `spawner` for one of ours: "local" (or True) for sandboxes on this machine, which like the accounts needs
    `home`, or "kubernetes" for pods. Raises ValueError with what is missing.
    """
    url = _given(service_url, "service_url", "HIMALIA_SERVICE_URL")
    token_file = Path(_given(service_token_file, "service_token_file", "HIMALIA_SERVICE_TOKEN_FILE"))
    token = _token(token_file)
    gateway_url = gateway_url or os.environ.get("HIMALIA_GATEWAY_URL")
    home = home or os.environ.get("HIMALIA_HOME")
    if spawner not in ("local", "kubernetes", True, False):
        raise ValueError(f"install(c) knows no spawner {spawner!r}. Say “local” or “kubernetes”.")
    accounts_url = os.environ.get("HIMALIA_ACCOUNTS_URL")
    if home is None and ((authenticator and not accounts_url) or spawner in (True, "local")):
        raise ValueError("The local authenticator and spawner need home, the platform's folder.")
    if admin_users is None:
        admin_users = [name.strip() for name in os.environ.get("HIMALIA_ADMIN_USERS", "").split(",")]
    local = _administrators(home, accounts_url) if authenticator else set()
    _scopes(c, {*filter(None, admin_users), *local})
    _service(c, url, token)
    if gateway_url:
        _gateway(c, gateway_url)
    _servers(c, url)
    _pages(c, ServiceClient(url, token_file))
    c.JupyterHub.template_paths = [str(_TEMPLATES), *_list(c.JupyterHub, "template_paths")]
    if authenticator:
        c.JupyterHub.authenticator_class = "himalia.hub.accounts.authenticator.LocalAuthenticator"
        c.LocalAuthenticator.home = str(home or "")
        c.JupyterHub.template_vars = {**_dict(c.JupyterHub, "template_vars"), "himalia_local_accounts": True}
    if spawner:
        _spawner(c, _SPAWNERS["local" if spawner is True else spawner], url, token_file)
    if spawner in (True, "local"):
        c.LocalSpawner.home = str(home)


def _given(value: str | os.PathLike[str] | None, argument: str, variable: str) -> str:
    found = value or os.environ.get(variable)
    if not found:
        raise ValueError(f"install(c) needs {argument}: give it, or set {variable} in the hub's environment.")
    return str(found)


def _token(file: Path) -> str:
    try:
        token = file.read_text().strip()
    except OSError as error:
        raise ValueError(
            f"The service's token cannot be read from {file}: {error.strerror}. Let the hub's user read that file."
        ) from error
    if not token:
        raise ValueError(f"The service's token file {file} is empty. Write into it what the service has.")
    return token


def _spawner(c: Any, name: str, service_url: str, token_file: Path) -> None:
    c.JupyterHub.spawner_class = name
    section = c[name.rpartition(".")[2]]
    section.service_url = service_url
    section.service_token_file = str(token_file)


def server_scopes(spawner: Any) -> list[str]:
    """What the browser's token may do from within a server, told for its owner alone.

    A visitor's token gets these filters too and so holds nothing: the service counts a filter only when
    it names the token's own owner.
    """
    owner = spawner.user.name
    scopes = [f"{READ}!user={owner}", f"{WRITE}!user={owner}", ACCESS]
    # The hub writes the trait itself, as JSON, into the server's environment: a function cannot stay.
    spawner.oauth_client_allowed_scopes = scopes
    return scopes


def _scopes(c: Any, admin_users: Iterable[str]) -> None:
    c.JupyterHub.custom_scopes = {
        **_dict(c.JupyterHub, "custom_scopes"),
        READ: {"description": "See what one's projects in Himalia hold."},
        WRITE: {"description": "Change one's projects in Himalia and run jobs in them.", "subscopes": [READ]},
        ADMIN: {"description": "Administer Himalia.", "subscopes": [WRITE]},
    }
    admins = sorted(admin_users)
    extra = set(_list(c.JupyterHub, "extra_user_scopes"))
    c.JupyterHub.extra_user_scopes = extra | {f"{READ}!user", f"{WRITE}!user", ACCESS}
    service = ["proxy", "read:users", "read:groups", "read:roles:groups", "read:servers", "delete:servers"]
    c.JupyterHub.load_roles = [
        *_list(c.JupyterHub, "load_roles"),
        {"name": "himalia", "scopes": service, "services": ["himalia"]},
        # When it starts, the hub takes the role from whoever is not in the list.
        {"name": ADMIN_ROLE, "scopes": [ADMIN], **({"users": admins} if admins else {})},
    ]


def _administrators(home: str | os.PathLike[str] | None, url: str | None) -> set[str]:
    """Names of the local accounts that administer; those made later get the role when they first sign in."""
    from himalia.hub.accounts.store import AccountStore

    return {
        one.name
        for one in AccountStore.of_home(Path(home or ""), url).list()
        if one.admin and not one.disabled
    }


def _service(c: Any, url: str, token: str) -> None:
    c.JupyterHub.services = [
        *_list(c.JupyterHub, "services"),
        {
            "name": "himalia",
            "url": url,
            "api_token": token,
            # The hub holds back its own routes until its services answer, or this has passed.
            "timeout": 3,
            "oauth_no_confirm": True,
            "oauth_client_allowed_scopes": [READ, WRITE, ADMIN, ACCESS],
        },
    ]


def _gateway(c: Any, url: str) -> None:
    """Only a route: the gateway never asks the hub anything, and takes none of its tokens."""
    c.JupyterHub.services = [
        *_list(c.JupyterHub, "services"),
        {"name": "himalia-gateway", "url": url, "display": False, "timeout": 3},
    ]


def server_token(spawner: Any) -> str:
    """The token of a server, for MLflow's client too."""
    return str(spawner.api_token)


def _servers(c: Any, service_url: str) -> None:
    c.Spawner.environment = {
        **service_variables(service_url),
        "MLFLOW_TRACKING_TOKEN": server_token,
        **_dict(c.Spawner, "environment"),
    }
    c.Spawner.server_token_scopes = [
        "users:activity!user",
        "access:servers!server",
        f"{READ}!user",
        f"{WRITE}!user",
        ACCESS,
    ]
    c.Spawner.oauth_client_allowed_scopes = server_scopes


def _pages(c: Any, service: ServiceClient) -> None:
    from himalia.hub.pages import handlers  # it needs JupyterHub, which the configuration's reader has

    c.JupyterHub.extra_handlers = [*_list(c.JupyterHub, "extra_handlers"), *handlers(service)]


def _list(section: Any, name: str) -> list[Any]:
    """What the configuration says already; an untouched section would make a lazy value up."""
    return list(section[name]) if name in section else []


def _dict(section: Any, name: str) -> dict[str, Any]:
    return dict(section[name]) if name in section else {}
