"""The backend when its line to the cluster is bad: what it has missed it hears of later, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from api_lines import Line, a_line
from machinery.cluster import Cluster
from worlds import Place, a_world

from himalia.engine.backends.base import Seen
from himalia.engine.backends.kubernetes import client, watch
from himalia.engine.backends.kubernetes.backend import KubernetesBackend
from himalia.testing.service_side import Service, World, eventually

WAITS = "until [ -e $SHARED/on ]; do sleep 0.1; done"


@pytest.fixture
async def line(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Line]:
    async with a_line(cluster, tmp_path / "kubeconfig") as line:
        yield line


@pytest.fixture
def world(place: Place, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose backends take the line, and wait for seconds where they do for minutes."""
    monkeypatch.setattr(watch, "QUIET_S", 2.0)
    monkeypatch.setattr(client, "CALL_S", 2.0)
    with a_world(place) as world:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        yield world


def delete_pod(place: Place, job: str) -> None:
    """As if its node had lost it: nobody waits for its end."""
    label = f"batch.kubernetes.io/job-name={job}"
    place.kubectl("delete", "pod", "-l", label, "--grace-period=0", "--force")


async def test_what_happened_while_watches_were_stalled(world: World, place: Place, line: Line) -> None:
    async with Service(world) as service:
        for name in ("a-1", "b-1", "c-1"):
            service.backend.start(world.shell(WAITS, name))
        for name in ("a-1", "b-1", "c-1"):
            await service.started(name)
        opened = line.opened
        line.stall()
        await asyncio.to_thread(delete_pod, place, "a-1")
        service.backend.start(world.shell("true", "d-1"))
        assert (await service.ended("d-1")).reason is None
        assert (await service.ended("a-1")).reason in ("lost", "platform_stopped")
        assert line.opened > opened
        assert service.backend.observe(["b-1", "c-1"]) == {"b-1": Seen.RUNNING, "c-1": Seen.RUNNING}
        (world.shared / "on").touch()
        for name in ("b-1", "c-1"):
            assert (await service.ended(name)).reason is None


async def test_what_happened_while_the_api_forgot_it(
    cluster: Cluster, world: World, place: Place, line: Line
) -> None:
    """The API server is another one when the line is there again, and its database has been compacted."""
    async with Service(world) as service:
        assert isinstance(service.backend, KubernetesBackend)
        for name in ("a-1", "b-1", "c-1"):
            service.backend.start(world.shell(WAITS if name != "b-1" else "sleep 2", name))
        for name in ("a-1", "b-1", "c-1"):
            await service.started(name)
        lists = service.backend._pods.lists
        line.silence(True)
        line.cut()
        await asyncio.to_thread(delete_pod, place, "a-1")
        assert (await service.ended("b-1")).reason is None
        await asyncio.to_thread(forget, cluster)
        line.silence(False)
        line.cut()
        assert (await service.ended("a-1")).reason in ("lost", "platform_stopped")
        await eventually(lambda: service.backend._pods.lists == lists + 1, "pods to be listed anew")
        assert service.backend.observe(["b-1", "c-1"]) == {"b-1": Seen.GONE, "c-1": Seen.RUNNING}
        (world.shared / "on").touch()
        assert (await service.ended("c-1")).reason is None
        await eventually(lambda: "b-1" not in place.kubectl("get", "jobs", "-o", "name"), "b-1's Job to go")


def forget(cluster: Cluster) -> None:
    """Have the API know nothing of what was: etcd is compacted, and the API server begins anew."""
    etcd = f"http://{cluster.layout.etcd}:2379/v3/kv"
    found = httpx.post(f"{etcd}/range", content=json.dumps({"key": "AA=="})).raise_for_status().json()
    revision = {"revision": found["header"]["revision"], "physical": True}
    httpx.post(f"{etcd}/compaction", content=json.dumps(revision)).raise_for_status()
    cluster.control.apiserver.restart()
    cluster.control.apiserver.wait(cluster.answers)
