"""Real S3 servers for tests, and a wire to them that can be disturbed."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ACCESS, SECRET = "himalia-tests", "himalia-tests-secret"
START_S = 30.0
ANSWER_503 = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: 66\r\n\r\n"
    b"<Error><Code>SlowDown</Code><Message>Too many</Message></Error>    "
)


def credentials(folder: Path, access: str = ACCESS, secret: str = SECRET) -> Path:
    """A file of credentials as Amazon's tools keep them."""
    path = folder / f"credentials-{access}"
    path.write_text(f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n")
    return path


class S3Server:
    """A process that serves S3 on `host`:`port`."""

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        environment: dict[str, str] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.command = command
        self.port = port
        self.environment = environment
        self.host = host
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + START_S
        while True:
            assert self.process.poll() is None, f"{self.command[0]} ended."
            try:
                urllib.request.urlopen(self.address, timeout=1).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                assert time.monotonic() < until, f"{self.command[0]} does not answer."
                time.sleep(0.05)

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def moto(port: int) -> S3Server:
    """Moto's server, which keeps everything in memory and takes any credentials."""
    return S3Server([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port)


def versitygw(program: Path, port: int, folder: Path, host: str = "127.0.0.1") -> S3Server:
    """The Versity gateway on a folder; it checks signatures."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    environment = {"ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET}
    command = [str(program), "--port", f"{host}:{port}", "posix", str(folder / "data")]
    return S3Server(command, port, environment, host)


class Wire:
    """Passes TCP connections on to a server, as slowly or badly as a test wants. One request a connection."""

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.refusals = 0
        """So many of the next connections get an answer 503."""
        self.cut_after: int | None = None
        """So many bytes of the next connection's answer arrive, then it breaks; once."""
        self.delay_s = 0.0
        """Before each connection is passed on."""
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self.connections += 1
        time.sleep(self.delay_s)
        with client, suppress(OSError):
            if self.refusals > 0:
                self.refusals -= 1
                client.recv(1 << 16)
                client.sendall(ANSWER_503)
                return
            cut, self.cut_after = self.cut_after, None
            with socket.create_connection(("127.0.0.1", self.server_port)) as server:
                up = threading.Thread(target=_pump, args=(client, server, None), daemon=True)
                up.start()
                _pump(server, client, cut)


def _pump(source: socket.socket, target: socket.socket, limit: int | None) -> None:
    """Pass bytes on until one side ends, or `limit` of them have been passed."""
    with suppress(OSError):
        while (limit is None or limit > 0) and (data := source.recv(1 << 16)):
            data = data[:limit]
            target.sendall(data)
            if limit is not None:
                limit -= len(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
