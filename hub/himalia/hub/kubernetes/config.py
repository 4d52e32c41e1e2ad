"""The hub of the chart: its jupyterhub_config.py calls `configure(c)`, and adds `hub.extraConfig` after it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from himalia.core.errors import NameInUse
from himalia.hub.accounts.store import AccountStore
from himalia.hub.install import install
from himalia.hub.kubernetes.proxy import FollowedProxy, ReadyHandler

PORT = 8081


def configure(c: Any, environ: Mapping[str, str] = os.environ) -> None:
    """Set what a hub in a pod needs, told by its environment; then what the chart's `hub.config` says."""
    secrets = Path(environ["HIMALIA_SECRETS_DIR"])
    c.JupyterHub.hub_bind_url = f"http://0.0.0.0:{PORT}"
    c.JupyterHub.hub_connect_url = environ["HIMALIA_HUB_URL"]
    c.JupyterHub.cookie_secret = bytes.fromhex(_read(secrets / "cookie-secret"))
    c.JupyterHub.db_url = environ["HUB_DATABASE_URL"]
    c.JupyterHub.upgrade_db = True
    # The proxy has a pod of its own, and servers outlive the hub.
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False
    c.JupyterHub.oauth_require_pkce = True
    c.JupyterHub.concurrent_spawn_limit = 64
    c.JupyterHub.proxy_class = FollowedProxy
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = environ["HIMALIA_PROXY_API_URL"]
    c.ConfigurableHTTPProxy.auth_token = _read(secrets / "proxy-token")
    c.JupyterHub.log_format = "%(asctime)s %(levelname)s %(name)s %(message)s"
    c.JupyterHub.log_datefmt = "%Y-%m-%dT%H:%M:%S%z"
    c.KubeSpawner.namespace = environ["HIMALIA_KUBERNETES_NAMESPACE"]
    c.KubeSpawner.common_labels = {
        "app.kubernetes.io/instance": environ["HIMALIA_KUBERNETES_RELEASE"],
        "app.kubernetes.io/managed-by": "himalia",
    }
    has_accounts = "HIMALIA_ACCOUNTS_URL" in environ
    if has_accounts:
        first_administrator(environ)
    given = json.loads(_read(Path(environ["HIMALIA_HUB_VALUES"])))
    for section, traits in given.items():
        c[section].update(traits)
    c.JupyterHub.extra_handlers = [*c.JupyterHub.get("extra_handlers", []), (r"/ready", ReadyHandler)]
    # It adds to lists and maps; of all else what was given counts.
    install(c, spawner="kubernetes", authenticator=has_accounts)
    for section, traits in given.items():
        c[section].update(
            {name: value for name, value in traits.items() if not isinstance(value, list | dict)}
        )


def first_administrator(environ: Mapping[str, str]) -> None:
    """Make the account that the chart's secret names, unless it is there: with that password it begins."""
    name, password = environ.get("HIMALIA_ADMIN_NAME"), environ.get("HIMALIA_ADMIN_PASSWORD")
    store = AccountStore(environ["HIMALIA_ACCOUNTS_URL"])
    if name and store.get(name) is None:
        with suppress(NameInUse):  # another hub was first
            store.add(name, password, admin=True)


def _read(path: Path) -> str:
    return path.read_text().strip()
