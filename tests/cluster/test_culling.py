"""What nobody uses ends in a pod as on one machine, and what computes does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hub_on_host import OURS, HubOnHost
from hub_platform import Lab, until
from machinery import images
from machinery.cluster import Cluster

IDLE_S = 5


@pytest.fixture(scope="module")
def hub(cluster: Cluster, namespace: str) -> Iterator[HubOnHost]:
    cluster.load([images.build("base")], tag="test")
    more = f"c.KubeSpawner.idle_timeout_s = {IDLE_S}\n{OURS}"
    place = str(cluster.kubeconfig), namespace, cluster.layout.host, "localhost/himalia-base:test"
    running = HubOnHost(*place, more=more)
    yield running
    running.stop()


def lab_of(hub: HubOnHost, name: str) -> Lab:
    """A person's server, started."""
    hub.ready(name)
    token = hub.lab(name)[1]["Authorization"].split()[1]
    return Lab(hub, name, token)  # type: ignore[arg-type]  (it has the one thing that is asked of it)


def kernels(lab: Lab) -> dict[str, str]:
    """What each kernel does, by its id."""
    found: list[dict[str, Any]] = lab.call("GET", "/api/kernels").json()
    return {one["id"]: one["execution_state"] for one in found}


@pytest.fixture(scope="module")
def busy(hub: HubOnHost) -> Lab:
    """A server of which one kernel computes."""
    lab = lab_of(hub, "bob")
    made = lab.call("POST", "/api/kernels", json={}).json()
    with lab.connected(made["id"]) as kernel:
        kernel.send("import time; time.sleep(3600)")
        until(lambda: kernels(lab) == {kernel.id: "busy"}, "the kernel computes")
    return lab


def test_an_idle_kernel_ends_and_a_busy_one_does_not(busy: Lab) -> None:
    (computes,) = kernels(busy)
    idle = busy.call("POST", "/api/kernels", json={}).json()["id"]
    with busy.connected(idle) as kernel:
        assert kernel.run("print(1)") == "1\n"
    until(lambda: idle not in kernels(busy), "the idle kernel ends", 60)
    assert kernels(busy) == {computes: "busy"}


@pytest.mark.full
def test_an_idle_server_ends_and_gives_back_what_it_held(hub: HubOnHost, busy: Lab) -> None:
    """Lab looks once a minute."""
    lab_of(hub, "ada")
    assert len(hub.reservations.taken) == 2
    until(lambda: not hub.api("GET", "/users/ada").json()["servers"], "the idle server ends", 150)
    until(lambda: len(hub.reservations.taken) == 1, "what it held is given back")
    assert list(kernels(busy).values()) == ["busy"]
