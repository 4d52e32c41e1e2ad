"""The chart, installed into a namespace of a test cluster."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from platforms import PASSWORD

from .cluster import Cluster
from .parts import ClusterError
from .waiting import until

CHART = Path(__file__).parents[3] / "helm" / "himalia"
NAME = "himalia"
PORT = 30480
Values = Mapping[str, Any]


class Release:
    """One release; `values` are those that every installation on a test cluster needs."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, values: Values) -> None:
        self.cluster, self.namespace, self.name, self.values = cluster, namespace, name, values

    @classmethod
    def on(cls, cluster: Cluster, tag: str, namespace: str = NAME, port: int = PORT) -> Self:
        """A small platform of these images, which this machine's browser reaches at ``port`` and the next."""
        address = cluster.nodes[0].address
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
        )
        values = {
            "images": {"registry": "localhost/", "tag": tag},
            "url": f"http://{address}:{port}",
            "proxy": {"service": {"type": "NodePort", "nodePort": port}},
            "content": {
                "url": f"http://{address}:{port + 1}",
                "service": {"type": "NodePort", "nodePort": port + 1},
            },
            "storage": {"data": {"size": "1Gi"}, "homes": {"size": "1Gi"}},
            "postgresql": {"storage": {"size": "1Gi"}},
            "gateway": {"replicas": 1},
            "networkPolicy": {"apiServer": [f"{address}/32"]},
        }
        return cls(cluster, namespace, NAME, values)

    @property
    def url(self) -> str:
        """Where people find it."""
        url: str = self.values["url"]
        return url

    def add_user(self, name: str) -> None:
        """A new local account with the tests' common password."""
        line = ["exec", "-i", f"deploy/{self.name}-hub", "-c", "hub", "--", "himalia", "users", "add", name]
        self.kubectl(*line, "--password-stdin", input=PASSWORD + "\n")

    def install(self, more: Values | None = None, *, wait: bool = True, chart: Path = CHART) -> None:
        """Install or upgrade, and wait until every pod is ready."""
        waiting = ["--wait", "--timeout=180s"] if wait else []
        try:
            self._with_values(more, "upgrade", "--install", self.name, str(chart), *waiting)
        except ClusterError as error:
            raise ClusterError(f"{error}\n{self._unready()}") from None

    def template(self, more: Values | None = None, *, over: bool = False) -> str:
        """What would be installed: anew, or `over` what there is."""
        version = json.loads(self.cluster.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
        line = ["template", self.name, str(CHART), "--kube-version", version]
        return self._with_values(more, *line, *(["--dry-run=server"] if over else []))

    def uninstall(self) -> None:
        """Remove the release, and wait until its pods are gone."""
        self.cluster.run("helm", "uninstall", self.name, "--namespace", self.namespace)
        until(lambda: not self.pods(), "the pods of a release that was uninstalled are gone")

    def kubectl(self, *words: str, timeout_s: float = 60, input: str | None = None) -> str:
        """kubectl in the release's namespace."""
        return self.cluster.kubectl("--namespace", self.namespace, *words, timeout_s=timeout_s, input=input)

    def items(self, kind: str, *options: str) -> list[dict[str, Any]]:
        """All objects of a kind that are the release's."""
        own = f"app.kubernetes.io/instance={self.name}"
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, "-l", own, "-o", "json", *options))
        items: list[dict[str, Any]] = found["items"]
        return items

    def pods(self) -> dict[str, dict[str, Any]]:
        """The platform's pods that are not ending, by component."""
        label = "app.kubernetes.io/component"
        return {
            one["metadata"]["labels"][label]: one
            for one in self.items("pods")
            if label in one["metadata"]["labels"] and "deletionTimestamp" not in one["metadata"]
        }

    def wait_for(self, component: str) -> None:
        """Wait until a component's pod is ready."""
        until(lambda: _is_ready(self.pods().get(component)), f"the pod of {component} is ready")

    def _unready(self) -> str:
        """What pods that are not ready say."""
        said = [self.kubectl("get", "pods")]
        for component, pod in self.pods().items():
            if not _is_ready(pod):
                said.append(f"{component}: {json.dumps(pod['status'], indent=1)}")
                with suppress(ClusterError):  # one that has not started has none
                    said.append(
                        self.kubectl("logs", pod["metadata"]["name"], "--all-containers", "--tail=30")
                    )
        return "\n".join(said)

    def _with_values(self, more: Values | None, *words: str) -> str:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(_merged(self.values, more or {}), file)
            file.flush()
            line = ["helm", *words, "--namespace", self.namespace, "--values", file.name]
            return self.cluster.run(*line, timeout_s=200)


def _is_ready(pod: Mapping[str, Any] | None) -> bool:
    conditions = pod["status"].get("conditions", ()) if pod else ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _merged(first: Values, second: Values) -> dict[str, Any]:
    made = copy.deepcopy(dict(first))
    for name, value in second.items():
        inner = made.get(name)
        made[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return made
