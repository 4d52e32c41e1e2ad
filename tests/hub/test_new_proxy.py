"""A proxy beside the hub, which does not start it, as on a cluster: another one gets its routes at once."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from hub_platform import free_ports, proxy_command, until

CONFIG = """
from himalia.hub.kubernetes.proxy import FollowedProxy, ReadyHandler
c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.proxy_class = FollowedProxy
c.JupyterHub.extra_handlers = [(r"/ready", ReadyHandler)]
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.services = [{{"name": "himalia", "url": "http://127.0.0.1:{service}", "timeout": 1}}]
"""


def test_another_proxy_gets_its_routes_at_once(tmp_path: Path) -> None:
    port, hub, api, service = free_ports(4)
    token = secrets.token_hex(16)
    environment = os.environ | {"CONFIGPROXY_AUTH_TOKEN": token}
    (tmp_path / "config.py").write_text(CONFIG.format(hub=hub, api=api, service=service))
    seen: set[int] = set()

    @contextmanager
    def running(*command: str) -> Iterator[None]:
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=tmp_path, env=environment
            )
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def is_ready() -> bool:
        try:
            seen.add(httpx.get(f"http://127.0.0.1:{hub}/hub/ready").status_code)
        except httpx.HTTPError:
            return False
        return 200 in seen

    def has_routes() -> bool:
        try:
            routes = httpx.get(
                f"http://127.0.0.1:{api}/api/routes", headers={"Authorization": f"token {token}"}
            )
        except httpx.HTTPError:
            return False
        return all("jupyterhub" in routes.json().get(path, {}) for path in ("/", "/services/himalia"))

    line = [*proxy_command(), "--port", str(port), "--api-port", str(api), "--ip", "127.0.0.1"]
    line += ["--default-target", f"http://127.0.0.1:{hub}"]
    with running(sys.executable, "-m", "jupyterhub", "-f", "config.py"):
        with running(*line):
            until(is_ready, "the hub is ready")
            assert seen == {503, 200}, "ready only when the proxy had its routes"
            assert has_routes()
        with running(*line):
            until(has_routes, "another proxy has its routes", timeout_s=10)
