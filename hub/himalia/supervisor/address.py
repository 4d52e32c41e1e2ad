"""Where the platform listens: the public address, and loopback ports that the home keeps."""

from __future__ import annotations

import errno
import json
import random
import socket
from dataclasses import dataclass

from himalia.supervisor.errors import SupervisorError
from himalia.supervisor.home import Home, read_json, write_private

LOOPBACK = "127.0.0.1"
KEPT_PORTS = range(20_000, 32_000)
"""Below the range from which Linux takes ports for outgoing connections (ip(7)), so they stay free."""


@dataclass(frozen=True)
class Address:
    """A host and port to listen on."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """From `HOST:PORT`, `[IPv6]:PORT`, `:PORT` or `PORT`; `SupervisorError` for anything else."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]") or LOOPBACK
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536) or any(c in host for c in "/ @"):
            raise SupervisorError(f"{text!r} is not an address. Give HOST:PORT, for example 127.0.0.1:8000.")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local(self) -> Address:
        """Where this machine itself reaches it: loopback when it listens everywhere."""
        anywhere = {"0.0.0.0": LOOPBACK, "::": "::1", "*": LOOPBACK}  # noqa: S104  (compared, not bound)
        return Address(anywhere.get(self.host, self.host), self.port)

    @property
    def url(self) -> str:
        """What to type into a browser: the machine's name when it listens everywhere."""
        host = self if self.local == self else Address(socket.gethostname(), self.port)
        return f"http://{host}"

    def check(self) -> None:
        """`SupervisorError` when it cannot be listened on, with what to do."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except socket.gaierror as error:
            raise SupervisorError(
                f"This machine knows no host {self.host!r}. Choose another one with --address HOST:PORT."
            ) from error
        family, kind, protocol, _, where = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(where)
                probe.listen()
            except OSError as error:
                raise SupervisorError(self._refusal(error)) from error

    def _refusal(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            reason = f"Port {self.port} of {self.host} is in use by another program. End that one"
        elif error.errno == errno.EACCES:
            reason = f"Port {self.port} is kept for root. Run this as root"
        else:
            reason = f"{self} cannot be listened on: {error.strerror}. Mend that"
        return f"{reason}, or choose another address, for example: himalia up --address {self._another()}"

    def _another(self) -> Address:
        for port in (*range(8010, 8100, 10), *KEPT_PORTS):
            if _free(port):
                return Address(self.host, port)
        raise SupervisorError("No port of this machine is free.")


@dataclass(frozen=True)
class Ports:
    """The ports that one home keeps; `gateway` and `content` are for the platform's host, the others for loopback."""

    hub: int
    proxy_api: int
    service: int
    gateway: int
    content: int

    @classmethod
    def of(cls, home: Home) -> Ports:
        """The ports that the home kept, where they are free; others are chosen and kept from now on.

        Running notebook servers know the hub by its port, so that a kept port is better than a new one.
        """
        file = home.run / "ports.json"
        kept = read_json(file) or {}
        chosen: dict[str, int] = {}
        for name in ("hub", "proxy_api", "service", "gateway", "content"):
            port = kept.get(name)
            if not (
                isinstance(port, int) and port in KEPT_PORTS and port not in chosen.values() and _free(port)
            ):
                port = _choose(set(chosen.values()))
            chosen[name] = port
        if chosen != kept:
            write_private(file, json.dumps(chosen))
        return cls(**chosen)


def _choose(taken: set[int]) -> int:
    for port in random.sample(KEPT_PORTS, 500):
        if port not in taken and _free(port):
            return port
    raise SupervisorError("No loopback port is free. End some programs, then start again.")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError:
            return False
        return True
