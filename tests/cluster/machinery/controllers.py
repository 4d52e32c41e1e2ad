"""Controllers that a cluster can have beside its own, each compiled from its Go module and run in a pod."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from .archive import archive
from .binaries import programs, sources
from .cluster import Cluster
from .waiting import until

READY_S = 120.0


class Controller:
    """A controller that its module's own manifests install: ``binaries/<name>`` names module and version."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.namespace = f"{name}-system"
        self._objects: list[dict[str, Any]] = []

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Meanwhile the cluster has it."""
        try:
            self.install()
            yield
        finally:
            self.uninstall()

    def install(self) -> None:
        """Install it; returns when its webhooks answer."""
        folder = sources(self.name, f"sigs.k8s.io/{self.name}") / "config/default"
        rendered = self.cluster.kubectl("kustomize", str(folder))
        image = self._load()
        found = [one for one in YAML(typ="safe").load_all(rendered) if one]
        self._objects = [_settled(one, image) for one in found if _wanted(one)]
        items = {"apiVersion": "v1", "kind": "List", "items": self._objects}
        self.cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(items))
        until(self._has_certificates, f"{self.name} to make its certificates", READY_S)
        # The kubelet would bring them into this pod within two minutes, and into a new one at once.
        self.cluster.kubectl("delete", "pods", "--all", "--namespace", self.namespace, "--grace-period=1")
        until(self._is_ready, f"{self.name} to be ready", READY_S)

    def uninstall(self) -> None:
        """Remove it and what is its own: first of all the webhooks, without which nothing else could be changed."""
        self._delete("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
        # The controller lets go of what it holds by finalizers, so it goes last.
        self._delete("CustomResourceDefinition")
        self._delete(*{one["kind"] for one in self._objects})

    def _delete(self, *kinds: str) -> None:
        chosen = [one for one in self._objects if one["kind"] in kinds]
        if chosen:
            items = {"apiVersion": "v1", "kind": "List", "items": chosen}
            words = ["--ignore-not-found", "--timeout=60s", "-f", "-"]
            self.cluster.kubectl("delete", *words, input=json.dumps(items), timeout_s=70)

    def _load(self) -> str:
        """Bring its program, as an image, into every node."""
        folder = programs(self.name)
        image = f"localhost/himalia-test-{folder.name.replace('-', ':')}"
        for node in self.cluster.nodes:
            if image not in node.runtime.images():
                with tempfile.NamedTemporaryFile(suffix=".tar") as file:
                    file.write(archive(folder / self.name, image))
                    file.flush()
                    node.runtime.load(Path(file.name))
        return image

    def _has_certificates(self) -> bool:
        secrets = [one["metadata"]["name"] for one in self._objects if one["kind"] == "Secret"]
        found = [self.cluster.get("secret", name, self.namespace) for name in secrets]
        return all(one is not None and "tls.crt" in one.get("data", {}) for one in found)

    def _is_ready(self) -> bool:
        name = f"{self.name}-controller-manager"
        found = self.cluster.get("deployment", name, self.namespace)
        return found is not None and found.get("status", {}).get("readyReplicas", 0) > 0


def _wanted(one: dict[str, Any]) -> bool:
    """An API of its own is left out: where its pod is away, the API server cannot say what it has."""
    return one["kind"] != "APIService"


def _settled(one: dict[str, Any], image: str) -> dict[str, Any]:
    """As tests need it: with the image that is there, and soon ready."""
    if one["kind"] == "Deployment":
        (container,) = one["spec"]["template"]["spec"]["containers"]
        container |= {"image": image, "imagePullPolicy": "Never"}
        container.pop("command", None)
        container["resources"]["requests"] = {"cpu": "10m", "memory": "64Mi"}
        container["readinessProbe"] |= {"initialDelaySeconds": 0, "periodSeconds": 1}
    return one
