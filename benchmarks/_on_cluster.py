"""Hub and service as processes of this machine, whose jobs are pods of a test cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from _platform import ENVIRONMENTS, ROOT

sys.path.insert(0, str(ROOT / "tests/cluster"))

from machinery.cluster import Cluster
from separate import Separate

from himalia.environments.local import create

NAMESPACE = "bench"
ACCOUNT = "service"
CLAIM = "data"
WHO = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"


class OnCluster(Separate):
    """A platform without model servers, and without anybody who tracks runs."""

    COMMANDS = {name: Separate.COMMANDS[name] for name in ("hub", "service")}  # noqa: RUF012  (a constant)

    def __init__(self, cluster: Cluster, pods: Mapping[str, Any]) -> None:
        create("base", ENVIRONMENTS.parent)
        super().__init__()
        self.variables |= {
            "HIMALIA_BACKEND": "kubernetes",
            "HIMALIA_KUBERNETES_NAMESPACE": NAMESPACE,
            "HIMALIA_KUBERNETES_RELEASE": "himalia",
            "HIMALIA_KUBERNETES_DATA_CLAIM": CLAIM,
            "HIMALIA_KUBERNETES_POD_DEFAULTS": json.dumps(pods),
            "KUBECONFIG": str(_prepare(cluster, self.secrets)),
        }

    @property
    def service(self) -> subprocess.Popen[bytes]:
        """The service's process."""
        return self.processes["service"]

    def up(self, timeout_s: float = 120) -> Self:
        for name in self.COMMANDS:
            self.begin(name)
        try:
            self.answers(f"{self.service_url}/readyz", timeout_s)
            self.answers(f"{self.url}/services/himalia/health", timeout_s)
        except AssertionError as error:
            raise RuntimeError("\n".join(self.log(name)[-3000:] for name in self.COMMANDS)) from error
        return self


def _prepare(cluster: Cluster, folder: Path) -> Path:
    """Make a namespace with an account that may do everything: its kubeconfig."""
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": NAMESPACE}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAMESPACE},
            "roleRef": role,
            "subjects": [account],
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": NAMESPACE},
            "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
        },
        namespace=NAMESPACE,
    )
    token = cluster.kubectl("create", "token", ACCOUNT, "-n", NAMESPACE, "--duration=6h").strip()
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--flatten", "-o", "json"))
    config["users"] = [{"name": ACCOUNT, "user": {"token": token}}]
    for context in config["contexts"]:
        context["context"]["user"] = ACCOUNT
    file = folder / "kubeconfig"
    file.write_text(json.dumps(config))
    file.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(file, Separate.user, Separate.group)
    return file


class Audit:
    """What the API server notes of the service's calls."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def calls(self) -> Counter[str]:
        """How often it has made each kind of call, watches and their lists excepted."""
        found: Counter[str] = Counter()
        for line in self._file.read_text().splitlines():
            with suppress(ValueError):  # the last line may not be whole
                call = json.loads(line)
                if call["verb"] not in ("watch", "list"):
                    found[f"{call['verb']} {call['objectRef']['resource']}"] += 1
        return found


@contextmanager
def audited(cluster: Cluster) -> Iterator[Audit]:
    """Meanwhile the API server notes what the service asks of it."""
    state = cluster.layout.state
    policy, file = state / "audit.yaml", state / "audit.log"
    rules = [{"level": "Metadata", "users": [WHO], "omitStages": ["RequestReceived"]}, {"level": "None"}]
    policy.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}))
    file.touch()
    server = cluster.control.apiserver
    server.restart(f"--audit-policy-file={policy}", f"--audit-log-path={file}")
    server.wait(cluster.answers)
    try:
        yield Audit(file)
    finally:
        server.restart()
        server.wait(cluster.answers)
