"""The hub of `himalia up`: `jupyterhub -f <this file>`.

Reads HIMALIA_HOME, HIMALIA_ADDRESS, HIMALIA_HUB_PORT, HIMALIA_PROXY_API_PORT, HIMALIA_SERVICE_PORT and
HIMALIA_GATEWAY_URL; secrets come from files below `<home>/secrets`. An administrator's own settings
are `<home>/jupyterhub_config.py`, read last.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from traitlets.config import get_config

from himalia.hub import install

c = get_config()
home = Path(os.environ["HIMALIA_HOME"])
secrets = home / "secrets"
address = os.environ["HIMALIA_ADDRESS"]

c.JupyterHub.bind_url = address if "://" in address else f"http://{address}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{os.environ['HIMALIA_HUB_PORT']}"
c.JupyterHub.cookie_secret_file = str(secrets / "cookie-secret")
c.JupyterHub.db_url = f"sqlite:///{home / 'hub' / 'hub.sqlite'}"
c.JupyterHub.upgrade_db = True
# The supervisor runs the proxy, and servers outlive the hub.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.oauth_require_pkce = True
c.JupyterHub.concurrent_spawn_limit = 20
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ['HIMALIA_PROXY_API_PORT']}"
c.ConfigurableHTTPProxy.auth_token = (secrets / "proxy-token").read_text().strip()
c.JupyterHub.log_format = "%(asctime)s %(levelname)s %(name)s %(message)s"
c.JupyterHub.log_datefmt = "%Y-%m-%dT%H:%M:%S%z"

install(
    c,
    service_url=f"http://127.0.0.1:{os.environ['HIMALIA_SERVICE_PORT']}",
    service_token_file=secrets / "service-token",
    gateway_url=os.environ.get("HIMALIA_GATEWAY_URL"),
    home=home,
    authenticator=True,
    spawner=True,
)

own = home / "jupyterhub_config.py"
if own.exists():
    found = own.stat()
    if found.st_uid not in (0, os.geteuid()) or stat.S_IMODE(found.st_mode) & 0o022:
        raise PermissionError(f"{own} runs with the hub's rights: only its owner may be able to write it.")
    exec(compile(own.read_text(), str(own), "exec"), {"c": c, "get_config": get_config})  # noqa: S102
