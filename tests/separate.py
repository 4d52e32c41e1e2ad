"""A platform as on a cluster, of plain processes: each part started by itself, as an ordinary user, with PostgreSQL.

The hub is somebody's own, with `install(c)`; workloads are the pods of `pods_as_processes`.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self

import httpx
from platforms import PASSWORD, Running, free_port
from postgres import PostgresServer
from processes import opened

from himalia.hub.accounts.store import AccountStore
from himalia.supervisor.proxy import proxy_command

TESTS = Path(__file__).parent
HUB = """
import os
from himalia.hub import install
c.JupyterHub.bind_url = os.environ["HIMALIA_ADDRESS"]
c.JupyterHub.hub_bind_url = os.environ["HIMALIA_HUB_URL"]
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.cookie_secret = os.urandom(32)
c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.auth_token = "of-the-proxy"
install(c, authenticator=True)
"""


class Separate(Running):
    """`processes` by name, those of `COMMANDS`. Each may be ended and started by itself."""

    user = group = 65534

    def __init__(self, **variables: str) -> None:
        super().__init__(("base",))
        self.postgres = PostgresServer().start()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        ports = {name: free_port() for name in ("service", "hub", "gateway", "control", "content", "api")}
        self.service_url = f"http://127.0.0.1:{ports['service']}"
        self.gateway_url = f"http://127.0.0.1:{ports['gateway']}"
        self.accounts_url = self.postgres.create("himalia")
        self.secrets = self.folder / "secrets"
        self.variables = {
            "HOME": str(self.folder),
            "PYTHONPATH": str(TESTS),
            "HIMALIA_HOME": str(self.home),
            "HIMALIA_ADDRESS": self.url,
            "HIMALIA_BACKEND": "pods_as_processes:ProcessPods",
            "HIMALIA_LISTEN": "127.0.0.1",
            "HIMALIA_SERVICE_PORT": str(ports["service"]),
            "HIMALIA_SERVICE_URL": self.service_url,
            "HIMALIA_SERVICE_TOKEN_FILE": str(self.secrets / "service-token"),
            "HIMALIA_HUB_URL": f"http://127.0.0.1:{ports['hub']}",
            "HIMALIA_SECRETS_DIR": str(self.secrets),
            "HIMALIA_DATABASE_URL": self.accounts_url,
            "HIMALIA_ACCOUNTS_URL": self.accounts_url,
            "HIMALIA_MLFLOW_MODE": "sidecar",
            "HIMALIA_MLFLOW_DATABASE_URL": self.postgres.create("mlflow"),
            "HIMALIA_GATEWAY_ADDRESS": f"127.0.0.1:{ports['gateway']}",
            "HIMALIA_GATEWAY_URL": self.gateway_url,
            "HIMALIA_GATEWAY_CONTROL": f"http://127.0.0.1:{ports['control']}",
            "HIMALIA_CONTENT_ADDRESS": f"127.0.0.1:{ports['content']}",
            "HIMALIA_STOP_GRACE_S": "2",
            **variables,
        }
        self._write(HUB.format(proxy=proxy_command(), api=ports["api"]))

    def _write(self, config: str) -> None:
        self.secrets.mkdir(mode=0o755)
        for name in ("service-token", "service-key", "gateway-token"):
            (self.secrets / name).write_text(secrets.token_hex(32))
        (self.folder / "hub").mkdir()
        (self.folder / "hub/config.py").write_text(config)
        if os.geteuid() == 0:
            for path in (self.home, self.home / "environments", self.folder / "hub"):
                os.chown(path, self.user, self.group)

    COMMANDS: ClassVar[dict[str, tuple[str, ...]]] = {
        "hub": ("jupyterhub", "-f", "config.py"),
        "service": ("himalia.app",),
        "mlflow": ("himalia.tracking.sidecar",),
        "gateway": ("himalia.gateway",),
    }

    def begin(self, name: str) -> subprocess.Popen[bytes]:
        """Start one part, without waiting."""
        command = [
            *self._become(),
            "setpriv",
            "--pdeathsig",
            "TERM",
            sys.executable,
            "-m",
            *self.COMMANDS[name],
        ]
        with (self.folder / f"{name}.log").open("ab") as log:
            made = self.processes[name] = subprocess.Popen(
                command,
                env={**os.environ, **self.variables},
                cwd=self.folder / "hub",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return made

    def _become(self) -> list[str]:
        """Runs a command as the ordinary user, with the mounts of `_mounts`, which nobody else sees."""
        if os.geteuid():
            return []
        drop = f"setpriv --reuid {self.user} --regid {self.group} --clear-groups"
        return [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-ec",
            f'{self._mounts()} exec {drop} "$@"',
            "sh",
        ]

    def _mounts(self) -> str:
        return opened(Path(sys.base_prefix))

    def end(self, name: str, number: int = signal.SIGTERM) -> int:
        """End one part: its exit code."""
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(30)

    def up(self, timeout_s: float = 150) -> Self:
        for name in self.COMMANDS:
            self.begin(name)
        self.answers(f"{self.service_url}/readyz", timeout_s)
        if "gateway" in self.COMMANDS:
            self.answers(f"{self.gateway_url}/readyz", timeout_s)
        self.answers(f"{self.url}/services/himalia/health", timeout_s)
        return self

    def answers(self, url: str, timeout_s: float = 60) -> None:
        """Wait until there is an answer with status 200."""
        deadline = time.monotonic() + timeout_s
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(url, timeout=5).status_code == 200:
                    return
            ended = [name for name, process in self.processes.items() if process.poll() is not None]
            assert not ended, "\n".join(self.log(name)[-2000:] for name in ended)
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.1)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def add_user(self, name: str) -> None:
        AccountStore(self.accounts_url).add(name, PASSWORD)

    def down(self) -> None:
        for name in list(self.processes):
            # An interrupt ends what runs, too.
            with suppress(subprocess.TimeoutExpired):
                self.end(name, signal.SIGINT if name == "service" else signal.SIGTERM)

    def remove(self) -> None:
        try:
            super().remove()
        finally:
            self.postgres.remove()
