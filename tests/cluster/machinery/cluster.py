"""The cluster as tests use it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .binaries import programs
from .control import STORAGE_CLASS, ControlPlane
from .layout import Layout, hardware
from .loading import load, unload
from .node import Node
from .parts import ClusterError, run
from .pki import Authority
from .sweeping import sweep

DEVICES = {"nvidia.com/gpu": 4, "huawei.com/Ascend910": 8}
"""What the first node has."""
READY_S = 60.0
NEEDED = ("etcd", "containerd", "runc", "/usr/lib/cni/bridge", "nft", "ip", "conntrack", "nsenter", "unshare")


class Cluster:
    """A real cluster of one node or more. It ends with the process that started it, however that ends."""

    def __init__(self, layout: Layout | None = None) -> None:
        self.layout = layout or Layout.chosen("test", 77)
        self.nodes: list[Node] = []
        self.programs = programs()
        """Where kubectl and helm are, too."""
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self, devices: Mapping[str, int] | None = None) -> None:
        """Start the control plane and the first node; returns when pods can run."""
        if missing := [program for program in NEEDED if not shutil.which(program)]:
            raise ClusterError(f"Missing: {', '.join(missing)}. `make test-cluster` installs them.")
        layout = self.layout
        layout.folder.mkdir(parents=True, exist_ok=True)
        self._lock()
        sweep(layout)
        shutil.rmtree(layout.log, ignore_errors=True)
        for folder in (layout.state, layout.log, layout.state / "volumes"):
            folder.mkdir()
        try:
            self._start(DEVICES if devices is None else devices)
        except BaseException:
            self.stop()
            raise

    def _start(self, devices: Mapping[str, int]) -> None:
        layout = self.layout
        run("ip", "link", "add", layout.bridge, "address", hardware(layout.host), "type", "bridge")
        run("ip", "address", "add", f"{layout.host}/24", "dev", layout.bridge)
        run("ip", "link", "set", layout.bridge, "up")
        self._authority = Authority(layout.state / "pki")
        self.control = control = ControlPlane(layout, self.programs, self._authority)
        control.etcd.start()
        control.apiserver.start()
        control.apiserver.wait(self.answers)
        for part in (control.controllers, control.scheduler, control.dns):
            part.start()
        self.apply(_storage_class())
        control.volumes.start()
        self.add_node(devices)

    def stop(self) -> None:
        """Remove all of it from the machine."""
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            if self._guard.wait(60):
                raise ClusterError(f"The cluster {self.layout.name} could not be removed.")
            self._guard = None
        self.nodes.clear()

    def add_node(
        self, devices: Mapping[str, int] | None = None, labels: Mapping[str, str] | None = None
    ) -> Node:
        """Another node; returns when it is ready."""
        number = len(self.nodes) + 1
        node = Node(self.layout, self.programs, self._authority, number, devices or {}, labels or {})
        self.nodes.append(node)
        self.switch_on(node)
        return node

    def switch_on(self, node: Node) -> None:
        """Start a node, the first time or after a power cut; returns when it is ready."""
        node.start()
        node.kubelet.wait(lambda: self.is_ready(node), READY_S)

    def remove_node(self, node: Node) -> None:
        """Switch the newest node off and strike it from the cluster."""
        if node is not self.nodes[-1]:
            raise ClusterError(f"{node.name} is not the newest node.")
        node.power_cut()
        # Its pods would be listed for another minute.
        on_it = ["--all-namespaces", "--field-selector", f"spec.nodeName={node.name}"]
        self.kubectl("delete", "pods", *on_it, "--force", "--grace-period=0", "--wait=false")
        self.kubectl("delete", "node", node.name, "--ignore-not-found")
        self.nodes.remove(node)

    def load(self, built: Iterable[str], tag: str = "test") -> None:
        """Bring images that were built into every node, under their names with ``tag`` too."""
        load([node.runtime for node in self.nodes], built, tag)

    def unload(self, built: str) -> None:
        """Remove an image from every node; for large ones, when they are not needed any more."""
        unload([node.runtime for node in self.nodes], built)

    @contextmanager
    def nodes_lost_after(self, seconds: int) -> Iterator[None]:
        """Meanwhile a node that is not heard of for so long counts as lost; usually it takes 50 s."""
        controllers = self.control.controllers
        controllers.restart("--node-monitor-period=1s", f"--node-monitor-grace-period={seconds}s")
        try:
            yield
        finally:
            controllers.restart()

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.layout.kubeconfig

    @property
    def environment(self) -> dict[str, str]:
        """What makes kubectl and helm speak to this cluster."""
        return {"KUBECONFIG": str(self.kubeconfig), "PATH": f"{self.programs}:{os.environ['PATH']}"}

    def kubectl(self, *words: str, input: str | None = None, timeout_s: float = 60) -> str:
        """What kubectl says; an error with its own words where it fails."""
        return self.run("kubectl", *words, input=input, timeout_s=timeout_s)

    def run(self, *command: str, input: str | None = None, timeout_s: float = 60) -> str:
        """What a command says that speaks to this cluster, such as helm."""
        done = subprocess.run(
            command,
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=os.environ | self.environment,
        )
        if done.returncode:
            raise ClusterError(f"`{' '.join(command)}`: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def apply(self, *objects: Mapping[str, Any], namespace: str = "default") -> None:
        """Create or change objects."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--namespace", namespace, "-f", "-", input=json.dumps(items))

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any] | None:
        """One object; none where there is no such."""
        words = ["get", kind, name, "--namespace", namespace, "--ignore-not-found", "-o", "json"]
        found = self.kubectl(*words)
        return json.loads(found) if found.strip() else None

    def answers(self) -> bool:
        """Whether the API server is ready."""
        try:
            return self.kubectl("get", "--raw", "/readyz", "--request-timeout=2s").strip() == "ok"
        except ClusterError:
            return False

    def is_ready(self, node: Node) -> bool:
        """Whether pods can be put on the node, and its devices are counted."""
        found = self.get("node", node.name)
        conditions = found["status"].get("conditions", []) if found else []
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def _lock(self) -> None:
        """One cluster of a name at a time: the lock is held until it is removed, by the guard too."""
        path = self.layout.folder / "lock"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(file, 1000).decode(errors="replace").strip()
            os.close(file)
            raise ClusterError(f"A cluster named {self.layout.name} is there already: {holder}.") from None
        os.ftruncate(file, 0)
        holder = f"process {os.getpid()} since {time.strftime('%H:%M:%S')} ({' '.join(sys.argv)[:200]})"
        os.write(file, holder.encode())
        self._guard = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent), "guard", self.layout.name, str(self.layout.network)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[file],
            start_new_session=True,
        )
        os.close(file)


def _storage_class() -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "himalia.test/local",
    }
