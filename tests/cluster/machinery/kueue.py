"""Kueue, which admits Jobs by quotas, in a test cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .cluster import Cluster
from .controllers import Controller
from .parts import ClusterError
from .waiting import until

API = "kueue.x-k8s.io/v1beta2"
FLAVOR = "any"


class Kueue(Controller):
    """It installs, too, a flavor of resources that is every node's."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster, "kueue")

    def install(self) -> None:
        super().install()
        flavor = {"apiVersion": API, "kind": "ResourceFlavor", "metadata": {"name": FLAVOR}, "spec": {}}
        # Its certificates are made, and told to the API server, a moment after it is ready.
        until(lambda: self._takes(flavor), "Kueue's webhooks to answer")

    def uninstall(self) -> None:
        for kind in ("workloads", "localqueues", "clusterqueues", "resourceflavors"):
            resource = f"{kind}.kueue.x-k8s.io"
            every = ["--all", "--all-namespaces", "--ignore-not-found", "--timeout=60s"]
            if self.cluster.kubectl("get", "customresourcedefinitions", resource, "--ignore-not-found"):
                self.cluster.kubectl("delete", resource, *every, timeout_s=70)
        super().uninstall()

    def queue(self, name: str, namespace: str, quota: Mapping[str, str], **more: Any) -> None:
        """A queue of a namespace, whose running Jobs have no more than ``quota`` together.

        ``more`` is part of the ClusterQueue's specification, such as ``preemption``.
        """
        resources = [{"name": resource, "nominalQuota": amount} for resource, amount in quota.items()]
        group = {"coveredResources": list(quota), "flavors": [{"name": FLAVOR, "resources": resources}]}
        cluster_queue = {
            "apiVersion": API,
            "kind": "ClusterQueue",
            "metadata": {"name": name},
            "spec": {"namespaceSelector": {}, "resourceGroups": [group], **more},
        }
        queue = {
            "apiVersion": API,
            "kind": "LocalQueue",
            "metadata": {"name": name},
            "spec": {"clusterQueue": name},
        }
        self.cluster.apply(cluster_queue, queue, namespace=namespace)

    def priority(self, name: str, value: int) -> None:
        """A priority that Jobs can name by the label ``kueue.x-k8s.io/priority-class``."""
        kind = "WorkloadPriorityClass"
        self.cluster.apply({"apiVersion": API, "kind": kind, "metadata": {"name": name}, "value": value})

    def _takes(self, item: Mapping[str, Any]) -> bool:
        try:
            self.cluster.apply(item)
        except ClusterError:
            return False
        return True
