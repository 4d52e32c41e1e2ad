"""Worlds for backends on the cluster: a namespace, the service's home in a volume, and what pods call."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from machinery import images
from machinery.cluster import Cluster
from machinery.waiting import until

from himalia.core.settings import Settings
from himalia.engine.backends.base import Account
from himalia.engine.backends.base import Place as Project
from himalia.engine.backends.kubernetes.backend import KubernetesBackend
from himalia.engine.folders import Folders
from himalia.engine.resources import Resources
from himalia.testing.service_side import World
from himalia.testing.workload_api import WorkloadApi

DATA = "data"
TAG = "test"
UID, GID = 1000, 100


@dataclass(frozen=True)
class Place:
    """Where a test's pods run: `files` is the data claim's folder as it is seen here."""

    cluster: Cluster
    namespace: str
    files: Path

    def kubectl(self, *words: str) -> str:
        """What kubectl says of the namespace."""
        return self.cluster.kubectl("--namespace", self.namespace, *words)


@contextmanager
def a_place(cluster: Cluster, namespace: str) -> Iterator[Place]:
    """A place in a namespace; meanwhile, the cluster is the one that backends of this process reach."""
    cluster.load([images.build("base")], tag=TAG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        yield Place(cluster, namespace, data_claim(cluster, namespace))


def data_claim(cluster: Cluster, namespace: str) -> Path:
    """The folder of a claim that is made for the service's home."""
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": DATA}, "spec": spec}
    cluster.apply(claim, namespace=namespace)
    volume = until(lambda: _volume(cluster, namespace), "the claim to get a volume")
    found = cluster.get("persistentvolume", volume)
    assert found is not None
    return Path((found["spec"].get("hostPath") or found["spec"]["local"])["path"])


def _volume(cluster: Cluster, namespace: str) -> str:
    claim = cluster.get("persistentvolumeclaim", DATA, namespace)
    return str(claim["spec"].get("volumeName", "")) if claim else ""


def short_link(files: Path) -> Path:
    """A home's path has few bytes, and that of a volume many."""
    link = Path(tempfile.mkdtemp(prefix="h", dir="/tmp")) / "home"
    link.symlink_to(files)
    return link


def settings_of(home: Path, place: Place, api: WorkloadApi, release: str, **changes: Any) -> Settings:
    """Settings of a service in the cluster, with the namespace's claim as its home."""
    return Settings(
        home=home,
        backend="kubernetes",
        service_url=api.url,
        log_limit_bytes=2**21,
        stop_grace_s=5,
        kubernetes_namespace=place.namespace,
        kubernetes_release=release,
        kubernetes_data_claim=DATA,
        kubernetes_patience_s=5,
        **changes,
    )


@contextmanager
def a_world(
    place: Place, kind: type[KubernetesBackend] = KubernetesBackend, **changes: Any
) -> Iterator[World]:
    """A world with a project of its own; nothing that was made in it is left afterwards."""
    release = f"suite-{secrets.token_hex(4)}"
    api = WorkloadApi(place.cluster.layout.host)
    home = short_link(place.files)
    settings = settings_of(home, place, api, release, **changes)
    person, project = (
        Account(f"p{release[6:]}", "ada", None, None),
        Project(f"j{release[6:]}", "digits", None),
    )
    shared = Folders(place.files).shared(project)
    os.chown(shared, UID, GID)
    try:
        yield World(
            backend=lambda: kind(settings),
            person=person,
            project=project,
            shared=shared,
            environment="base",
            log_limit_bytes=settings.log_limit_bytes,
            api=api,
            image=lambda environment: f"localhost/himalia-{environment}:{TAG}",
            reserve=Resources.of(0.01, 2**24),
            many=12,
        )
    finally:
        clear(place, f"app.kubernetes.io/instance={release}")
        api.down()
        shutil.rmtree(home.parent)


def clear(place: Place, mine: str) -> None:
    """Remove what a backend has left; what belongs to a Job goes with it, before the next test uses its name."""
    place.kubectl("delete", "jobs,configmaps", "-l", mine, "--wait=false")
    # Runners whose service is gone would wait for it to the end of their grace.
    place.kubectl("delete", "pods", "-l", mine, "--grace-period=1", "--wait=false")
    kinds = "jobs,pods,secrets,services,networkpolicies"
    until(lambda: not place.kubectl("get", kinds, "-l", mine, "-o", "name"), "all that belongs to Jobs to go")
