"""Nodes without a machine, whose pods run as soon as they are there, by KWOK: for measuring with many of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .binaries import programs, sources
from .cluster import Cluster
from .parts import Part

FAKE = "kwok.x-k8s.io/node"
"""Annotation, label and taint of these nodes: only pods that tolerate it are put there."""
STAGES = (
    "node/fast/node-initialize",
    "node/heartbeat-with-lease/node-heartbeat-with-lease",
    "pod/fast/pod-ready",
    "pod/fast/pod-delete",
)
"""What nodes and pods go through; that a pod completes is left out."""
PODS: dict[str, Any] = {
    "nodeSelector": {FAKE: "fake"},
    "tolerations": [{"key": FAKE, "operator": "Exists"}],
}
"""What a pod's specification has that is to be there."""
READY_S = 120.0


@contextmanager
def fake_nodes(cluster: Cluster, count: int) -> Iterator[None]:
    """Meanwhile the cluster has so many nodes more, of 32 cores and 256 GiB each."""
    layout = cluster.layout
    folder = sources("kwok", "sigs.k8s.io/kwok") / "kustomize/stage"
    stages = layout.state / "kwok.yaml"
    stages.write_text("\n---\n".join((folder / f"{name}.yaml").read_text() for name in STAGES))
    command = [
        str(programs("kwok") / "kwok"),
        f"--kubeconfig={layout.kubeconfig}",
        f"--config={stages}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={FAKE}=fake",
        "--node-lease-duration-seconds=40",
    ]
    part = Part("kwok", command, layout.log / "kwok.log", layout.mark)
    part.start()
    try:
        items = {"apiVersion": "v1", "kind": "List", "items": [_node(number) for number in range(count)]}
        cluster.kubectl("apply", "-f", "-", input=json.dumps(items), timeout_s=READY_S)
        part.wait(lambda: _ready(cluster) >= count, READY_S)
        yield
    finally:
        cluster.kubectl("delete", "nodes", "-l", FAKE, timeout_s=READY_S)
        part.stop()


def _node(number: int) -> dict[str, Any]:
    name = f"fake-{number}"
    amounts = {"cpu": "32", "memory": "256Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    labels = {FAKE: "fake", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {FAKE: "fake"}, "labels": labels},
        "spec": {"taints": [{"key": FAKE, "value": "fake", "effect": "NoSchedule"}]},
        "status": {"allocatable": amounts, "capacity": amounts},
    }


def _ready(cluster: Cluster) -> int:
    jsonpath = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"
    return cluster.kubectl("get", "nodes", "-l", FAKE, "-o", jsonpath).split().count("True")
