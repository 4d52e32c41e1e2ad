"""A real hub behind a real proxy, in a home folder of its own, for tests."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from hub_reservations import Reservations, Running
from websockets.sync.client import ClientConnection, connect

import himalia.hub
from himalia.hub.accounts.store import AccountStore

CONFIG = Path(himalia.hub.__file__).with_name("config.py")
PASSWORDS = {"admin": "admin-password", "ada": "ada-password", "bob": "bob-password"}


def until(check: Callable[[], Any], what: str, timeout_s: float = 90.0) -> Any:
    """The first true answer of `check`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s} s: {what}")


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def proxy_command() -> list[str]:
    given = os.environ.get("HIMALIA_PROXY_COMMAND")
    if given:
        return shlex.split(given)
    from himalia.supervisor import proxy

    return proxy.proxy_command()


class Platform:
    """Proxy, hub and the reservations service; `stop` leaves nothing."""

    def __init__(self, **settings: Any) -> None:
        self.home = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
        self.home.chmod(0o711)
        for name in ("secrets", "hub", "logs"):
            (self.home / name).mkdir(mode=0o700)
        (self.home / "s" / "service").mkdir(mode=0o711, parents=True)  # the service's sockets
        (self.home / "s").chmod(0o711)
        self.token = secrets.token_hex(32)
        self._secret("service-token", self.token)
        self._secret("cookie-secret", secrets.token_hex(32))
        self.proxy_token = secrets.token_hex(32)
        self._secret("proxy-token", self.proxy_token)
        self.accounts = AccountStore.of_home(self.home)
        for name, password in PASSWORDS.items():
            self.accounts.add(name, password, admin=name == "admin")
        if settings:
            lines = [f"c.{name} = {value!r}\n" for name, value in settings.items()]
            (self.home / "jupyterhub_config.py").write_text("".join(lines))
        self.port, self.hub_port, self.proxy_api_port, self.service_port = free_ports(4)
        self.url = f"http://127.0.0.1:{self.port}"
        self.reservations = Reservations(self.home, self.token)
        self.start_service()
        self.proxy = self._start_proxy()
        self.hub = self.start_hub()

    def start_service(self) -> None:
        self.service = Running(self.reservations, self.service_port)

    def _secret(self, name: str, value: str) -> None:
        path = self.home / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(value)

    def _start_proxy(self) -> subprocess.Popen[bytes]:
        hub = f"http://127.0.0.1:{self.hub_port}"
        line = [*proxy_command(), "--ip", "127.0.0.1", "--port", str(self.port)]
        line += ["--api-ip", "127.0.0.1", "--api-port", str(self.proxy_api_port)]
        line += ["--default-target", hub, "--error-target", f"{hub}/hub/error"]
        environment = {**os.environ, "CONFIGPROXY_AUTH_TOKEN": self.proxy_token}
        return self._start(line, "proxy.log", environment)

    def start_hub(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "HIMALIA_HOME": str(self.home),
            "HIMALIA_ADDRESS": self.url,
            "HIMALIA_HUB_PORT": str(self.hub_port),
            "HIMALIA_PROXY_API_PORT": str(self.proxy_api_port),
            "HIMALIA_SERVICE_PORT": str(self.service_port),
        }
        line = [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)]
        self.hub = self._start(line, "hub.log", environment)
        until(self.hub_answers, f"the hub answers; its log: {self.log('hub.log')}")
        return self.hub

    def _start(self, line: list[str], log: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.home / "logs" / log).open("ab") as file:
            return subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment, cwd=self.home
            )

    def hub_answers(self) -> bool:
        if self.hub.poll() is not None:
            raise AssertionError(f"the hub ended: {self.log('hub.log')}")
        try:
            return httpx.get(f"{self.url}/hub/api/").is_success
        except httpx.HTTPError:
            return False

    def log(self, name: str) -> str:
        """The end of a log."""
        return (self.home / "logs" / name).read_text()[-4000:]

    def api(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """The hub's API with the service's token."""
        headers = {"Authorization": f"token {self.token}"}
        return httpx.request(method, f"{self.url}/hub/api{path}", headers=headers, timeout=30, **arguments)

    def server(self, user: str) -> dict[str, Any] | None:
        """The hub's record of a person's server; None when there is none."""
        servers: dict[str, Any] = self.api("GET", f"/users/{user}").json().get("servers", {})
        return servers.get("")

    def state(self, user: str) -> dict[str, Any]:
        """What the hub has written down of a running server, from its database."""
        with sqlite3.connect(self.home / "hub" / "hub.sqlite") as connection:
            row = connection.execute(
                "SELECT spawners.state FROM spawners JOIN users ON users.id = user_id WHERE users.name = ?",
                (user,),
            ).fetchone()
        found: dict[str, Any] = json.loads(row[0])
        return found

    def kill_hub(self) -> None:
        self.hub.send_signal(signal.SIGKILL)
        self.hub.wait()

    def stop(self) -> None:
        """End everything; servers first, through the hub."""
        try:
            for name in [account.name for account in self.accounts.list()]:
                if self.server(name):
                    self.api("DELETE", f"/users/{name}/server")
                    until(lambda name=name: not self.server(name), f"{name}'s server ends")
        finally:
            for process in (self.hub, self.proxy):
                process.terminate()
                process.wait(20)
            self.service.stop()
            shutil.rmtree(self.home)


class Browser(httpx.Client):
    """One person's browser: cookies, and the XSRF token sent along as the pages do."""

    def __init__(self, platform: Platform, name: str) -> None:
        super().__init__(base_url=platform.url, follow_redirects=True, timeout=60)
        self.platform = platform
        self.name = name

    def xsrf(self) -> str:
        """The token of the hub's pages."""
        return next((c.value or "" for c in self.cookies.jar if c.name == "_xsrf" and c.path == "/hub/"), "")

    def sign_in(self, password: str | None = None) -> httpx.Response:
        self.get("/hub/login")
        data = {"username": self.name, "password": password or PASSWORDS[self.name], "_xsrf": self.xsrf()}
        return self.post("/hub/login", data=data)

    def hub_api(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return self.request(method, f"/hub/api{path}", headers={"X-XSRFToken": self.xsrf()}, **arguments)

    def spawn(self, choice: str = "base/small") -> httpx.Response:
        self.get("/hub/spawn")
        return self.post("/hub/spawn", params={"_xsrf": self.xsrf()}, data={"choice": choice})

    def start_server(self, choice: str = "base/small") -> None:
        """Spawn, and wait for the hub's own word that it is ready."""
        answer = self.spawn(choice)
        assert answer.status_code == 200, answer.text
        path = f"/hub/api/users/{self.name}/server/progress"
        with self.stream("GET", path, headers={"X-XSRFToken": self.xsrf()}) as events:
            lines = [json.loads(line[5:]) for line in events.iter_lines() if line.startswith("data:")]
        assert lines[-1].get("ready"), (lines, self.platform.log("hub.log"))

    def hub_token(self) -> str:
        """A token of this person's, for the hub and the own server."""
        answer = self.hub_api("POST", f"/users/{self.name}/tokens", json={})
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        return token


class Lab:
    """A running server, called through the proxy with its owner's token."""

    def __init__(self, platform: Platform, name: str, token: str) -> None:
        self.platform, self.token = platform, token
        self.base = f"{platform.url}/user/{name}"

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}"}
        arguments = {"timeout": 30, **arguments}
        return httpx.request(method, f"{self.base}{path}", headers=headers, **arguments)

    @contextmanager
    def kernel(self, **wanted: str) -> Iterator[Kernel]:
        """A kernel; `wanted` are its `name` and the `path` of its notebook. Packages may be installed first."""
        made = self.call("POST", "/api/kernels", json=wanted, timeout=120)
        assert made.status_code == 201, made.text
        with self.connected(made.json()["id"]) as kernel:
            yield kernel
        self.call("DELETE", f"/api/kernels/{kernel.id}")

    @contextmanager
    def events(self) -> Iterator[ClientConnection]:
        """What the server tells its pages from now on, a JSON text each."""
        address = f"{self.base.replace('http', 'ws', 1)}/api/events/subscribe"
        headers = {"Authorization": f"token {self.token}"}
        with connect(address, additional_headers=headers, open_timeout=20) as socket:
            yield socket

    @contextmanager
    def connected(self, kernel_id: str) -> Iterator[Kernel]:
        address = f"{self.base.replace('http', 'ws', 1)}/api/kernels/{kernel_id}/channels"
        headers = {"Authorization": f"token {self.token}"}
        with connect(address, additional_headers=headers, open_timeout=20) as socket:
            yield Kernel(kernel_id, socket)


class Kernel:
    """A kernel's websocket (Jupyter messaging protocol 5.3)."""

    def __init__(self, kernel_id: str, channel: ClientConnection) -> None:
        self.id = kernel_id
        self.channel = channel

    def send(self, code: str) -> str:
        """Ask for an execution; answers the message's id."""
        message = uuid.uuid4().hex
        header = {"msg_id": message, "msg_type": "execute_request", "username": "", "session": message}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        parts = {"header": {**header, "version": "5.3"}, "parent_header": {}, "metadata": {}}
        self.channel.send(json.dumps({**parts, "content": content, "channel": "shell", "buffers": []}))
        return message

    def run(self, code: str, quiet_s: float = 40) -> str:
        """What the code printed, or its error; it may say nothing for `quiet_s`."""
        message = self.send(code)
        text = ""
        while True:
            answer = json.loads(self.channel.recv(timeout=quiet_s))
            if answer["parent_header"].get("msg_id") != message:
                continue
            content = answer["content"]
            if answer["msg_type"] == "stream":
                text += content["text"]
            elif answer["msg_type"] == "error":
                text += f"{content['ename']}: {content['evalue']}"
            elif answer["msg_type"] == "status" and content["execution_state"] == "idle":
                return text
