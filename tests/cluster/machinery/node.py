"""A node: one process tree with network, mounts and process IDs of its own, so that its power can be cut."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from himalia.runner.processes import children

from .archive import archive
from .layout import Layout, hardware
from .parts import ClusterError, Part, run
from .pki import Authority
from .runtime import Runtime
from .sweeping import hierarchies

PAUSE_IMAGE = "localhost/himalia-test-pause:1"
OWN_FOLDERS = ("/var/lib/kubelet", "/var/lib/cni", "/var/log", "/run")
"""Where daemons write without asking: each node sees a folder of its own there."""


class Node:
    """One node of the cluster, with ``devices`` that its kubelet allots: resource names and how many."""

    def __init__(
        self,
        layout: Layout,
        programs: Path,
        authority: Authority,
        number: int,
        devices: Mapping[str, int],
        labels: Mapping[str, str],
    ) -> None:
        self.layout = layout
        self.number = number
        self.name = f"node-{number}"
        self.address = layout.address(number)
        self.folder = layout.state / str(number)
        self.runtime = Runtime(self.folder)
        self.storage = layout.folder / "images" / str(number)
        self._programs = programs
        self._authority = authority
        self._devices = dict(devices)
        self._labels = dict(labels)
        self._power: subprocess.Popen[bytes] | None = None
        self._init = 0

    def start(self) -> None:
        """Switch it on: its daemons come up, and it joins the cluster."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for place in OWN_FOLDERS:
            Path(place).mkdir(parents=True, exist_ok=True)
            self.own(place).mkdir(parents=True)
        self.storage.mkdir(parents=True, exist_ok=True)
        self._switch_on()
        self._plug_in()
        self._make_cgroups()
        self._configure()
        self._define_parts()
        self.containerd.start()
        self.containerd.wait(self.runtime.answers)
        if PAUSE_IMAGE not in self.runtime.images():
            image = self.folder / "pause.tar"
            image.write_bytes(archive(self._programs / "pause", PAUSE_IMAGE))
            self.runtime.load(image)
        for part in (self.kubelet, self.proxy):
            part.start()
        if self._devices:
            self.plugin.start()

    def power_cut(self) -> None:
        """Everything on it is gone at once, and nobody is told."""
        if self._power is not None:
            self._power.send_signal(signal.SIGKILL)
            self._power.wait()
        deadline = time.monotonic() + 10
        while Path(f"/proc/{self._init}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.plugin.kill()
        subprocess.run(["ip", "link", "delete", self.link], stderr=subprocess.DEVNULL, check=False)

    def unplug(self) -> None:
        """Pull its network cable: it runs on, and nobody reaches it."""
        run("ip", "link", "set", self.link, "down")

    def plug(self) -> None:
        """Put the cable back."""
        run("ip", "link", "set", self.link, "up")

    def inside(self, *command: str) -> str:
        """What a command says that runs on the node."""
        return run(*self._within, *command)

    @property
    def link(self) -> str:
        """This machine's end of its network cable."""
        return self.layout.link(self.number)

    def own(self, place: str) -> Path:
        """The folder that the node sees at ``place``."""
        return self.folder / place.strip("/").replace("/", "-")

    @property
    def _within(self) -> list[str]:
        return ["nsenter", "--target", str(self._init), "--net", "--mount", "--pid"]

    def _switch_on(self) -> None:
        names = [
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--mount",
            "--propagation",
            "slave",
        ]
        self._power = subprocess.Popen(
            ["unshare", *names, str(self._programs / "pause")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | self.layout.mark,
            start_new_session=True,
        )
        deadline = time.monotonic() + 10
        # The new process has its namespaces when it has become the program.
        while not (self._init and b"pause" in _read(f"/proc/{self._init}/cmdline")):
            if self._power.poll() is not None or time.monotonic() > deadline:
                raise ClusterError(
                    "unshare(1) cannot make namespaces: a cluster needs root on a machine of its own."
                )
            self._init = next(iter(children(self._power.pid)), 0)
            time.sleep(0.005)
        binds = [f"mount --bind {self.own(place)} {place}" for place in OWN_FOLDERS]
        self.inside("sh", "-ec", "\n".join([*binds, "mkdir -p /run/netns"]))

    def _plug_in(self) -> None:
        layout, number = self.layout, self.number
        subprocess.run(["ip", "link", "delete", self.link], stderr=subprocess.DEVNULL, check=False)
        inner = f"{self.link}n"
        run("ip", "link", "add", self.link, "type", "veth", "peer", "name", inner)
        run("ip", "link", "set", inner, "netns", str(self._init))
        run("ip", "link", "set", self.link, "master", layout.bridge, "up")
        others = [other for other in range(1, 10) if other != number]
        commands = [
            "ip link set lo up",
            f"ip link set {inner} name eth0",
            f"ip address add {self.address}/24 dev eth0",
            "ip link set eth0 up",
            f"ip route add default via {layout.host}",
            f"ip link add cni0 address {hardware(layout.gateway(number))} type bridge",
            f"ip address add {layout.gateway(number)}/24 dev cni0",
            "ip link set cni0 up",
            # A service that kube-proxy does not know ends here: no such packet leaves the node.
            f"ip route add {layout.services} dev cni0",
            "echo 1 > /proc/sys/net/ipv4/ip_forward",
            *(f"ip route add {layout.pods(other)} via {layout.address(other)}" for other in others),
        ]
        self.inside("sh", "-ec", "\n".join(commands))
        run("ip", "route", "replace", layout.pods(number), "via", self.address)
        if number == 1:
            run("ip", "route", "replace", layout.services, "via", self.address)

    def _make_cgroups(self) -> None:
        for hierarchy in hierarchies():
            for group in (hierarchy / self.layout.cgroup, hierarchy / self.layout.cgroup / self.name):
                group.mkdir(exist_ok=True)
                # A new cpuset of version 1 has no processor and no memory, and takes no process.
                for file in ("cpuset.cpus", "cpuset.mems"):
                    if (group / file).exists() and not (group / file).read_text().strip():
                        (group / file).write_text((group.parent / file).read_text())

    def _configure(self) -> None:
        self._authority.certificate(
            self.name, f"system:node:{self.name}", ["system:nodes"], [self.name, self.address]
        )
        self._authority.kubeconfig(self.folder / "kubelet.kubeconfig", self.name, self.layout.server)
        self._authority.kubeconfig(self.folder / "proxy.kubeconfig", "kube-proxy", self.layout.server)
        (self.folder / "kubelet.json").write_text(json.dumps(self._kubelet_configuration()))
        (self.folder / "containerd.toml").write_text(self._containerd_configuration())
        (self.folder / "net.d").mkdir()
        (self.folder / "net.d" / "pods.conflist").write_text(json.dumps(self._network_configuration()))

    def _define_parts(self) -> None:
        folder, programs = self.folder, self._programs
        self.containerd = self._part("containerd", "containerd", "--config", str(folder / "containerd.toml"))
        self.kubelet = self._part(
            "kubelet",
            str(programs / "kubelet"),
            f"--config={folder}/kubelet.json",
            f"--kubeconfig={folder}/kubelet.kubeconfig",
            f"--hostname-override={self.name}",
            f"--node-ip={self.address}",
            f"--node-labels={','.join(f'{key}={value}' for key, value in self._labels.items())}",
        )
        self.proxy = self._part(
            "kube-proxy",
            str(programs / "kube-proxy"),
            f"--kubeconfig={folder}/proxy.kubeconfig",
            f"--hostname-override={self.name}",
            "--proxy-mode=nftables",
            f"--cluster-cidr={self.layout.pods()}",
            "--conntrack-max-per-core=0",
        )
        devices = [f"{name}={count}" for name, count in self._devices.items()]
        plugins = self.own("/var/lib/kubelet") / "device-plugins"
        command = [sys.executable, str(Path(__file__).parent), "devices", str(plugins), *devices]
        self.plugin = Part("devices", command, self._log("devices"), self.layout.mark)

    def _part(self, name: str, *command: str) -> Part:
        return Part(f"{name} of {self.name}", command, self._log(name), self.layout.mark, self._within)

    def _log(self, name: str) -> Path:
        return self.layout.log / f"{self.name}-{name}.log"

    def _kubelet_configuration(self) -> dict[str, Any]:
        pki = self._authority.folder
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pki / f"{self.name}.crt"),
            "tlsPrivateKeyFile": str(pki / f"{self.name}.key"),
            "containerRuntimeEndpoint": f"unix://{self.runtime.socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.layout.cgroup}/{self.name}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": [self.layout.host],
            "clusterDomain": "cluster.local",
            "volumePluginDir": str(self.folder / "volume-plugins"),
            "maxPods": 250,
            "serializeImagePulls": False,
            # Nothing could be pulled again, and the machine's disk is not the node's.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "nodeStatusUpdateFrequency": "2s",
            # Renewed every two seconds, so that tests can have a node counted as lost after ten.
            "nodeLeaseDurationSeconds": 8,
        }

    def _containerd_configuration(self) -> str:
        # A negative oom_score_adj needs a capability that many virtual machines do not have.
        return f"""
version = 2
root = "{self.storage}"
state = "{self.folder}/containerd"
[grpc]
  address = "{self.runtime.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{self.folder}/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
"""

    def _network_configuration(self) -> dict[str, Any]:
        ipam = {
            "type": "host-local",
            "ranges": [
                [{"subnet": self.layout.pods(self.number), "gateway": self.layout.gateway(self.number)}]
            ],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(self.folder / "addresses"),
        }
        bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": ipam}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}


def _read(path: str) -> bytes:
    with suppress(OSError):
        return Path(path).read_bytes()
    return b""
