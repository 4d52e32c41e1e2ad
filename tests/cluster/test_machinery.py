"""The test cluster itself does what a cluster does: names, services, volumes, devices, a second node, a lost node."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from machinery import images
from machinery.cluster import Cluster
from machinery.layout import Layout
from machinery.node import Node
from machinery.sweeping import cgroups, devices, processes, sweep
from machinery.waiting import until

from himalia.runner.processes import children

RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 100,
    "fsGroup": 100,
    "seccompProfile": {"type": "RuntimeDefault"},
}
UNPRIVILEGED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@pytest.fixture(scope="module")
def debian(cluster: Cluster) -> str:
    """A small image with Python, on the first node."""
    image = images.build("debian")
    cluster.load([image])
    return image


@pytest.fixture
def second(cluster: Cluster, debian: str) -> Iterator[Node]:
    """A second node with two GPUs."""
    node = cluster.add_node({"nvidia.com/gpu": 2})
    try:
        cluster.load([debian])
        yield node
    finally:
        cluster.remove_node(node)


@pytest.fixture
def run(cluster: Cluster, namespace: str, debian: str) -> Callable[..., dict[str, Any]]:
    """Make a pod that runs Python code, wait until it is in the phase, and give its object."""

    def run(name: str, code: str, phase: str = "Succeeded", **more: Any) -> dict[str, Any]:
        cluster.apply(pod(name, debian, code, **more), namespace=namespace)
        words = f"pod {name} {phase}"
        return until(lambda: in_phase(cluster.get("pod", name, namespace), phase), words)

    return run


def pod(name: str, image: str, code: str, **more: Any) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": image,
        "command": ["tini", "--", "python3", "-c", code],
        "securityContext": UNPRIVILEGED,
        "resources": more.pop("resources", {}),
        "volumeMounts": more.pop("mounts", []),
    }
    spec = {"restartPolicy": "Never", "securityContext": RESTRICTED, "containers": [container]}
    spec |= {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1} | more
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    }


def in_phase(found: dict[str, Any] | None, phase: str) -> dict[str, Any] | None:
    now = found["status"]["phase"] if found else None
    assert now != "Failed" or phase == now, found
    return found if now == phase else None


SERVE = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8080)"
READ_AT_LAST = """
import time, urllib.request as u
for _ in range(50):
    try:
        print(u.urlopen('http://%s', timeout=5).status)
        break
    except OSError:
        time.sleep(0.2)
"""
READ = "import urllib.request as u; print(u.urlopen('http://%s', timeout=20).status)"


def test_a_service_is_found_by_name_and_on_the_nodes_port(
    cluster: Cluster, namespace: str, run: Callable[..., dict[str, Any]]
) -> None:
    run("web", SERVE, "Running")
    service = {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": service},
        namespace=namespace,
    )
    found = until(lambda: cluster.get("service", "web", namespace), "the service")
    run("reader", READ_AT_LAST % "web")
    assert cluster.kubectl("logs", "reader", "-n", namespace).strip() == "200"
    url = f"http://{cluster.nodes[0].address}:{found['spec']['ports'][0]['nodePort']}"
    assert subprocess.run([sys.executable, "-c", READ % url.removeprefix("http://")]).returncode == 0
    cluster.kubectl("exec", "web", "-n", namespace, "--", "true")


def test_a_claim_gets_a_volume_that_belongs_to_the_pods_group_and_goes_with_it(
    cluster: Cluster, namespace: str, run: Callable[..., dict[str, Any]]
) -> None:
    claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    cluster.apply(
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claim},
        namespace=namespace,
    )
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    mounts = [{"name": "data", "mountPath": "/data", "subPath": "own"}]
    run("writer", "open('/data/file', 'w').write('kept')", volumes=volumes, mounts=mounts)
    run("later", "print(open('/data/file').read())", volumes=volumes, mounts=mounts)
    assert cluster.kubectl("logs", "later", "-n", namespace).strip() == "kept"

    found = cluster.get("pvc", "data", namespace)
    assert found
    folder = cluster.layout.state / "volumes" / found["spec"]["volumeName"]
    assert (folder / "own/file").read_text() == "kept"
    cluster.kubectl("delete", "pod", "writer", "later", "-n", namespace)
    cluster.kubectl("delete", "pvc", "data", "-n", namespace)
    until(lambda: not folder.exists(), "the volume's folder is removed")


def test_the_kubelet_allots_devices_and_again_after_it_restarted(
    cluster: Cluster, namespace: str, run: Callable[..., dict[str, Any]]
) -> None:
    show = (
        "import os; print(os.environ.get('NVIDIA_VISIBLE_DEVICES'), os.environ.get('ASCEND_VISIBLE_DEVICES'))"
    )
    limits = {"limits": {"nvidia.com/gpu": "2", "huawei.com/Ascend910": "1"}}
    run("devices", show, resources=limits)
    gpus, npus = cluster.kubectl("logs", "devices", "-n", namespace).split()
    assert set(gpus.split(",")) < set("0123")
    assert len(gpus) == 3
    assert npus in set("01234567")

    cluster.nodes[0].kubelet.restart()
    until(lambda: allocatable(cluster, "node-1") == (4, 8), "the devices are offered again")
    run("again", show, resources=limits)


def allocatable(cluster: Cluster, node: str) -> tuple[int, int]:
    found = cluster.get("node", node)
    assert found
    amounts = found["status"]["allocatable"]
    return int(amounts.get("nvidia.com/gpu", 0)), int(amounts.get("huawei.com/Ascend910", 0))


def test_pods_reach_each_other_across_nodes(
    cluster: Cluster, second: Node, run: Callable[..., dict[str, Any]]
) -> None:
    at = run("far", SERVE, "Running", nodeName=second.name)["status"]["podIP"]
    run("near", READ % f"{at}:8080", nodeName="node-1")
    until(lambda: allocatable(cluster, second.name) == (2, 0), "the second node's devices are counted")


def test_what_ran_on_a_lost_node_goes_on_elsewhere_and_the_node_comes_back(
    cluster: Cluster, namespace: str, second: Node, debian: str
) -> None:
    spec = pod("lost", debian, SERVE, restartPolicy="Always")["spec"]
    # It prefers the node that will be lost.
    wish = {
        "matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [second.name]}]
    }
    spec["affinity"] = {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": wish}]
        }
    }
    template = {"metadata": {"labels": {"app": "lost"}}, "spec": spec}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "lost"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "lost"}, "spec": spec}
    cluster.apply(deployment, namespace=namespace)

    def runs_on(node: str) -> bool:
        words = [
            "get",
            "pods",
            "-n",
            namespace,
            "-l",
            "app=lost",
            "--field-selector",
            f"spec.nodeName={node}",
        ]
        return "Running" in cluster.kubectl(*words, "-o", "jsonpath={.items[*].status.phase}")

    until(lambda: runs_on(second.name), "the pod runs on the second node")
    with cluster.nodes_lost_after(10):
        second.power_cut()
        until(lambda: not cluster.is_ready(second), "the node counts as lost")
        until(lambda: runs_on("node-1"), "a new pod runs on the first node")
    cluster.switch_on(second)
    until(lambda: cluster.is_ready(second), "the node is back")


def test_the_api_server_and_etcd_come_back_with_what_they_knew(cluster: Cluster, namespace: str) -> None:
    cluster.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "known"}}, namespace=namespace
    )
    cluster.control.etcd.kill()
    cluster.control.etcd.start()
    cluster.control.apiserver.kill()
    cluster.control.apiserver.start()
    cluster.control.apiserver.wait(cluster.answers)
    assert cluster.get("configmap", "known", namespace)


def test_a_frozen_part_answers_nobody_until_it_is_thawed(cluster: Cluster) -> None:
    cluster.control.apiserver.freeze()
    try:
        assert not cluster.answers()
    finally:
        cluster.control.apiserver.thaw()
    until(cluster.answers, "the API server answers again")


OWNER = """
import sys
sys.path.insert(0, sys.argv[1])
from machinery.cluster import Cluster
from machinery.layout import Layout
Cluster(Layout("short", 79)).start()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("guard", ["stays", "killed too"])
def test_nothing_is_left_of_a_cluster_whose_owner_was_killed(guard: str) -> None:
    short = Layout("short", 79)
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(Path(__file__).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout
    assert owner.stdout.readline() == "started\n"
    assert len(processes(short)) > 8
    assert len(devices(short)) == 2
    if guard == "killed too":
        for pid in children(owner.pid):
            if b"guard" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                os.kill(pid, signal.SIGKILL)
    owner.kill()
    owner.communicate()
    if guard == "killed too":
        assert processes(short)
        sweep(short)
    until(lambda: not short.state.exists(), "the cluster is removed", 30)
    assert not [*processes(short), *devices(short), *cgroups(short)]
    assert str(short.folder) not in Path("/proc/self/mounts").read_text()
