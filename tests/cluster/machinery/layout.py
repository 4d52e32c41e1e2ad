"""Where one cluster lives: its folders, addresses, and the names of what it makes on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .cache import CACHE

CHOICE = "HIMALIA_CLUSTER"
"""NAME:NETWORK of another cluster than the usual one, so that several people of one machine do not meet."""

MARK = "HIMALIA_TEST_CLUSTER"
"""Every process of a cluster carries this variable with the cluster's folder, so that it can be found."""

API_PORT = 16443
"""Not the usual one, which another cluster of this machine may have taken on all addresses."""


@dataclass(frozen=True)
class Layout:
    """One cluster's names.

    It has the addresses 10.<network>.0.0/16 to itself, so that several can be side by side: 0.1 is this machine,
    0.<10+N> node N, 64+N.0/24 its pods, 128.0/17 the services.
    """

    name: str
    network: int

    @classmethod
    def chosen(cls, name: str, network: int) -> Self:
        """This one, or what the environment says."""
        said = os.environ.get(CHOICE)
        if said:
            name, _, number = said.partition(":")
            network = int(number)
        return cls(name, network)

    @property
    def folder(self) -> Path:
        """All that it keeps: a ``log`` folder, ``images`` for the next start, and ``state`` until it is removed."""
        return CACHE / "clusters" / self.name

    @property
    def state(self) -> Path:
        """What ends with the cluster."""
        return self.folder / "state"

    @property
    def log(self) -> Path:
        """One file a part; of the newest start."""
        return self.folder / "log"

    @property
    def bridge(self) -> str:
        """The network device that nodes are plugged into."""
        return f"hi-{self.name}"

    def link(self, node: int) -> str:
        """This machine's end of a node's network cable."""
        return f"hi-{self.name}-{node}"

    @property
    def cgroup(self) -> str:
        """Below it are the nodes' control groups."""
        return f"himalia-test-{self.name}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.state / "admin.kubeconfig"

    @property
    def mark(self) -> dict[str, str]:
        """What its processes have in their environment."""
        return {MARK: str(self.folder)}

    @property
    def host(self) -> str:
        """This machine as nodes and pods reach it: API server, DNS, and whatever a test serves to pods."""
        return f"10.{self.network}.0.1"

    def address(self, node: int) -> str:
        """A node's; its NodePorts are there."""
        return f"10.{self.network}.0.{10 + node}"

    def pods(self, node: int | None = None) -> str:
        """The addresses of a node's pods, or of all."""
        return f"10.{self.network}.64.0/18" if node is None else f"10.{self.network}.{64 + node}.0/24"

    def gateway(self, node: int) -> str:
        """A node as its own pods see it."""
        return f"10.{self.network}.{64 + node}.1"

    @property
    def services(self) -> str:
        """Where ClusterIPs are taken from."""
        return f"10.{self.network}.128.0/17"

    @property
    def api_service(self) -> str:
        """The ClusterIP of ``kubernetes.default``."""
        return f"10.{self.network}.128.1"

    @property
    def etcd(self) -> str:
        """Etcd is this machine's alone: no pod can reach the loopback device."""
        return f"127.{self.network}.0.1"

    @property
    def server(self) -> str:
        """The API server's address, the same for everybody."""
        return f"https://{self.host}:{API_PORT}"


def hardware(address: str) -> str:
    """A bridge's own hardware address, made of its IPv4 address.

    One that is not given any takes that of one of its ports, and another one when that port goes: as often as a pod
    ends, all others would send into the void until they ask again who their gateway is.
    """
    return "0a:58:" + ":".join(f"{int(part):02x}" for part in address.split("."))
