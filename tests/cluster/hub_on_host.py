"""Somebody's own hub, a process of the node's, with `install(c, spawner="kubernetes")`: servers are pods."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "hub"))

from hub_platform import free_ports, proxy_command, until
from pod_reservations import PodReservations, Running

CONFIG = """
import os
from himalia.hub import install

c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.allow_named_servers = True
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://0.0.0.0:{hub_port}"
c.JupyterHub.hub_connect_url = "http://{bridge}:{hub_port}"
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = {proxy!r}
scopes = ["admin:users", "admin:servers", "tokens", "access:servers"]
c.JupyterHub.load_roles = [{{"name": "tester", "scopes": scopes, "services": ["tester"]}}]
c.JupyterHub.services = [{{"name": "tester", "api_token": {token!r}}}]
c.KubeSpawner.namespace = {namespace!r}
c.KubeSpawner.extra_labels = {{"example.org/team": "own"}}
{more}
"""
OURS = 'install(c, spawner="kubernetes")\nc.KubeSpawner.environment = {"OWN": "1"}\n'
BARE = """
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.image = {image!r}
c.KubeSpawner.cmd = ["/opt/lab/bin/python", "-m", "jupyterhub.singleuser"]
c.KubeSpawner.uid, c.KubeSpawner.fs_gid = 1000, 100
c.KubeSpawner.container_security_context = {{
    "runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {{"drop": ["ALL"]}},
    "seccompProfile": {{"type": "RuntimeDefault"}}}}
c.KubeSpawner.mem_guarantee = "256M"
"""


class OwnHub:
    """Hub and proxy on the node; pods reach the hub at `host`. `stop` leaves nothing."""

    def __init__(self, kubeconfig: str, namespace: str, host: str, *, more: str = OURS) -> None:
        self.home = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
        self.namespace, self.kubeconfig, self.host = namespace, kubeconfig, host
        self.token = secrets.token_hex(32)
        self.port, self.hub_port, api_port = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        values = {"port": self.port, "hub_port": self.hub_port, "api_port": api_port, "token": self.token}
        values |= {"proxy": proxy_command(), "namespace": namespace, "bridge": host, "more": more}
        (self.home / "config.py").write_text(CONFIG.format(**values))

    def serve(self, service_url: str, service_token: str) -> None:
        """Start the hub, with that service."""
        self.service_url = service_url
        (self.home / "service-token").write_text(service_token)
        self.start_hub()

    def start_hub(self) -> None:
        environment = {
            **os.environ,
            "KUBECONFIG": self.kubeconfig,
            "HIMALIA_SERVICE_URL": self.service_url,
            "HIMALIA_SERVICE_TOKEN_FILE": str(self.home / "service-token"),
            "HIMALIA_ADMIN_USERS": "grace, root-user",
            "PYTHONPATH": "",
        }
        line = [sys.executable, "-m", "jupyterhub", "-f", str(self.home / "config.py")]
        with (self.home / "hub.log").open("ab") as log:
            self.hub = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=self.home
            )
        until(self._answers, "the hub answers")

    def _answers(self) -> bool:
        assert self.hub.poll() is None, self.log()
        try:
            return httpx.get(f"{self.url}/hub/api/").is_success
        except httpx.HTTPError:
            return False

    def log(self) -> str:
        """The end of the hub's log."""
        return (self.home / "hub.log").read_text()[-6000:]

    def api(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}"}
        return httpx.request(method, f"{self.url}/hub/api{path}", headers=headers, timeout=60, **arguments)

    def user(self, name: str) -> None:
        assert self.api("POST", f"/users/{name}").status_code in (201, 409)

    def start(self, name: str, options: dict[str, str] | None = None, server: str = "") -> httpx.Response:
        """Ask for a server, whatever the answer."""
        self.user(name)
        path = f"/users/{name}/servers/{server}" if server else f"/users/{name}/server"
        return self.api("POST", path, json=options or {})

    def begin(self, name: str) -> None:
        """Ask for a server and do not wait for the answer."""
        headers = {"Authorization": f"token {self.token}"}
        with suppress(httpx.TimeoutException):
            httpx.post(f"{self.url}/hub/api/users/{name}/server", headers=headers, json={}, timeout=0.5)

    def told(self, name: str) -> list[dict[str, Any]]:
        """What the page of a starting server shows, to its end."""
        headers = {"Authorization": f"token {self.token}"}
        address = f"{self.url}/hub/api/users/{name}/server/progress"
        with httpx.stream("GET", address, headers=headers, timeout=120) as events:
            return [json.loads(line[5:]) for line in events.iter_lines() if line.startswith("data:")]

    def ready(self, name: str, options: dict[str, str] | None = None, server: str = "") -> float:
        """Start a server; answers the seconds until it is ready."""
        began = time.monotonic()
        answer = self.start(name, options, server)
        assert answer.status_code in (201, 202), (answer.text, self.log())
        until(lambda: self._is_ready(name, server), f"{name}'s server: {self.log()}", 120)
        return time.monotonic() - began

    def _is_ready(self, name: str, server: str) -> bool:
        model = self.api("GET", f"/users/{name}").json()["servers"].get(server)
        return bool(model and model["ready"])

    def end(self, name: str) -> None:
        assert self.api("DELETE", f"/users/{name}/server").status_code in (202, 204)
        until(lambda: "" not in self.api("GET", f"/users/{name}").json()["servers"], f"{name}'s server ends")

    def lab(self, name: str) -> tuple[str, dict[str, str]]:
        """(address, headers) of a person's server, by a token of theirs."""
        made = self.api("POST", f"/users/{name}/tokens", json={}).json()["token"]
        return f"{self.url}/user/{name}", {"Authorization": f"token {made}"}

    def kill(self) -> None:
        """kill -9, with the proxy staying as it would on a cluster."""
        self.hub.send_signal(signal.SIGKILL)
        self.hub.wait()

    def stop(self) -> None:
        """End everything; servers first, through the hub."""
        try:
            self.end_all()
        finally:
            self.hub.terminate()
            self.hub.wait(30)
            shutil.rmtree(self.home)

    def end_all(self) -> None:
        """End everybody's servers."""
        for user in self.api("GET", "/users").json():
            for server in user.get("servers", {}):
                own = f"servers/{server}" if server else "server"
                self.api("DELETE", f"/users/{user['name']}/{own}")
        until(lambda: not any(u.get("servers") for u in self.api("GET", "/users").json()), "servers end")


class HubOnHost(OwnHub):
    """Such a hub beside a service that makes reservations alone."""

    def __init__(self, kubeconfig: str, namespace: str, host: str, image: str, *, more: str = OURS) -> None:
        super().__init__(kubeconfig, namespace, host, more=more)
        service_token = secrets.token_hex(32)
        (self.service_port,) = free_ports(1)
        self.reservations = PodReservations(self.home, service_token, image=image)
        self.service = Running(self.reservations, self.service_port, "0.0.0.0")
        self.serve(f"http://{host}:{self.service_port}", service_token)

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            self.service.stop()
