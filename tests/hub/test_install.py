"""`install(c)` on a hub of somebody else's, with its own authenticator and spawner."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from hub_platform import free_ports, proxy_command, runs, until

CONFIG = """
import sys
from himalia.hub import install
c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r} + "/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.SimpleLocalProcessSpawner.interrupt_timeout = 1
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = {proxy!r}
scopes = ["admin:users", "admin:servers", "tokens"]
c.JupyterHub.load_roles = [{{"name": "tester", "scopes": scopes, "services": ["tester"]}}]
c.JupyterHub.services = [{{"name": "tester", "api_token": {token!r}}}]
install(c)
"""


def test_an_existing_hub_is_wired_in_one_call() -> None:
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
    token = secrets.token_hex(32)
    port, hub_port, api_port, service_port = free_ports(4)
    token_file = home / "token"
    token_file.write_text(secrets.token_hex(32))
    values = {"home": str(home), "port": port, "hub_port": hub_port, "api_port": api_port, "token": token}
    values |= {"proxy": proxy_command()}
    ours = {
        "HIMALIA_SERVICE_URL": f"http://127.0.0.1:{service_port}",
        "HIMALIA_SERVICE_TOKEN_FILE": str(token_file),
        "HIMALIA_ADMIN_USERS": "somebody, root-user",
    }
    (home / "config.py").write_text(CONFIG.format(**values))
    url = f"http://127.0.0.1:{port}/hub/api"

    def api(method: str, path: str, **arguments: object) -> httpx.Response:
        headers = {"Authorization": f"token {token}"}
        return httpx.request(method, url + path, headers=headers, timeout=60, **arguments)  # type: ignore[arg-type]

    def answers() -> bool:
        assert hub.poll() is None, (home / "log").read_text()[-3000:]
        try:
            return httpx.get(url + "/").is_success
        except httpx.HTTPError:
            return False

    with (home / "log").open("wb") as log:
        line = [sys.executable, "-m", "jupyterhub", "-f", str(home / "config.py")]
        hub = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home, env={**os.environ, **ours}
        )
    try:
        until(answers, "the hub answers")
        assert api("POST", "/users/ada").status_code == 201
        assert "himalia-admin" in api("GET", "/users/root-user").json()["roles"]
        assert api("POST", "/users/ada/server").status_code in (201, 202)
        until(lambda: api("GET", "/users/ada").json()["servers"].get("", {}).get("ready"), "ada's server")
        pid = api("GET", "/users/ada?include_stopped_servers").json()["servers"][""]["state"]["pid"]
        text = Path(f"/proc/{pid}/environ").read_text()
        environment = dict(item.split("=", 1) for item in text.split("\0") if "=" in item)
        assert environment["HIMALIA_URL"] == f"http://127.0.0.1:{service_port}/services/himalia"
        allowed = json.loads(environment["JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES"])
        assert "custom:himalia:write!user=ada" in allowed
        assert not [scope for scope in allowed if scope.startswith("custom:") and "!user=ada" not in scope]
        headers = {"Authorization": f"token {environment['JUPYTERHUB_API_TOKEN']}"}
        scopes = httpx.get(f"{url}/user", headers=headers).json()["scopes"]
        assert {"custom:himalia:read!user=ada", "custom:himalia:write!user=ada"} <= set(scopes)
        assert api("DELETE", "/users/ada/server").status_code in (202, 204)
        until(lambda: not runs(pid), "ada's server ends")
    finally:
        hub.send_signal(signal.SIGTERM)
        hub.wait(30)
        shutil.rmtree(home)
