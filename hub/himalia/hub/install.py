"""`install(c)`: everything a JupyterHub needs to carry Himalia, in one call of its configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from himalia.core.permissions import ADMIN_ROLE
from himalia.hub.service import ServiceClient

READ, WRITE, ADMIN = "custom:himalia:read", "custom:himalia:write", "custom:himalia:admin"
ACCESS = "access:services!service=himalia"
BASE_PATH = "/services/himalia"
_TEMPLATES = Path(__file__).with_name("templates")


def install(
    c: Any,
    *,
    service_url: str,
    service_token_file: str | os.PathLike[str],
    gateway_url: str | None = None,
    home: str | os.PathLike[str] | None = None,
    authenticator: bool = False,
    spawner: bool = False,
    admin_users: Iterable[str] = (),
) -> None:
    """Wire the hub whose traitlets configuration is `c`.

    `service_url` is where the hub reaches the service (`http://127.0.0.1:8003`), which the
    administrator runs with the token in `service_token_file`; `gateway_url` is where it reaches the gateway, for
    calls to endpoints below `/services/himalia-gateway/`. The hub's authenticator and spawner stay
    as they are, unless `authenticator` and `spawner` ask for the local ones, which need `home`.
    `admin_users` may administer Himalia; so may whoever else is given the role `himalia-admin`.
    """
    token = Path(service_token_file).read_text().strip()
    local = _administrators(Path(home)) if authenticator and home is not None else set()
    _scopes(c, {*admin_users, *local})
    _service(c, service_url, token)
    if gateway_url:
        _gateway(c, gateway_url)
    _servers(c, service_url)
    _pages(c, ServiceClient(service_url, Path(service_token_file)))
    c.JupyterHub.template_paths = [str(_TEMPLATES), *_list(c.JupyterHub, "template_paths")]
    if (authenticator or spawner) and home is None:
        raise ValueError("The local authenticator and spawner need home, the platform's folder.")
    if authenticator:
        c.JupyterHub.authenticator_class = "himalia.hub.accounts.authenticator.LocalAuthenticator"
        c.LocalAuthenticator.home = str(home)
        c.JupyterHub.template_vars = {**_dict(c.JupyterHub, "template_vars"), "himalia_local_accounts": True}
    if spawner:
        c.JupyterHub.spawner_class = "himalia.hub.spawner.LocalSpawner"
        c.LocalSpawner.home = str(home)
        c.LocalSpawner.service_url = service_url
        c.LocalSpawner.service_token_file = str(service_token_file)


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


def _administrators(home: Path) -> set[str]:
    """Names of the local accounts that administer; those made later get the role when they first sign in."""
    from himalia.hub.accounts.store import AccountStore

    return {one.name for one in AccountStore.of_home(home).list() if one.admin and not one.disabled}


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
        "HIMALIA_URL": service_url.rstrip("/") + BASE_PATH,
        "MLFLOW_TRACKING_URI": f"{service_url.rstrip('/')}{BASE_PATH}/mlflow",
        "MLFLOW_TRACKING_TOKEN": server_token,
        "MLFLOW_EXPERIMENT_NAME": "Default",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # no pages are there
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
