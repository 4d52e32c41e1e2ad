"""Where things are on a real cluster: machines by label and taint, accelerators as the kubelet allots them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from worlds import TAG, Place

from himalia.engine.backends.base import Launch, Placed, Started
from himalia.engine.backends.kubernetes.backend import KubernetesBackend
from himalia.engine.resources import Resources
from himalia.profiles.constraints import ANYWHERE, Constraints
from himalia.testing.service_side import Service, World, eventually

GPU, NPU = "nvidia.com/gpu", "huawei.com/Ascend910"
SMALL = Resources.of(0.01, 2**24)


def asking(launch: Launch, **devices: int) -> Launch:
    """The same, asking for GPUs or NPUs."""
    wanted = tuple(({"gpu": GPU, "npu": NPU}[name], count) for name, count in devices.items())
    return replace(launch, limit=replace(launch.limit, devices=wanted))


async def test_a_runner_names_the_accelerators_that_the_kubelet_gave(world: World, place: Place) -> None:
    wait = (
        "echo $NVIDIA_VISIBLE_DEVICES $ASCEND_VISIBLE_DEVICES; while [ ! -e $SHARED/go ]; do sleep 0.1; done"
    )
    async with Service(world) as service:
        service.backend.start(asking(world.shell(wait), gpu=2))
        service.backend.start(asking(world.shell(wait, "b-1"), gpu=1, npu=3))
        told = {}
        for name in ("a-1", "b-1"):
            await service.started(name)
            (started,) = service.of(Started, name)
            told[name] = started.devices
            (placed,) = service.of(Placed, name)
            assert placed.machine == place.cluster.nodes[0].name
        (world.shared / "go").touch()
        for name in ("a-1", "b-1"):
            assert (await service.ended(name)).reason is None
    assert {name: sorted(given) for name, given in told.items()} == {"a-1": [GPU], "b-1": [NPU, GPU]}
    assert (len(told["a-1"][GPU]), len(told["b-1"][GPU]), len(told["b-1"][NPU])) == (2, 1, 3)
    assert not set(told["a-1"][GPU]) & set(told["b-1"][GPU]), "each has its own"
    assert service.log("a-1") == ",".join(told["a-1"][GPU]) + "\n"


async def test_each_rank_names_its_own(world: World) -> None:
    async with Service(world) as service:
        service.backend.start(asking(world.shell("sleep 1", replicas=2), npu=2))
        given = {rank: (await service.started("a-1", rank)).devices[NPU] for rank in (0, 1)}
        assert all(service.of(Placed, "a-1", rank) for rank in (0, 1))
    assert len({*given[0], *given[1]}) == 4


def server_pod(place: Place, release: str) -> dict[str, Any]:
    """A pod as the hub makes it for a notebook server, which only sleeps."""
    labels = {
        "app.kubernetes.io/managed-by": "himalia",
        "app.kubernetes.io/instance": release,
        "himalia/role": "server",
        "himalia/workload": "labofada",
    }
    security = {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "lab", "image": f"localhost/himalia-base:{TAG}", "args": ["sleep", "600"]}
    container |= {"imagePullPolicy": "Never", "securityContext": security}
    container |= {"resources": {"requests": {"memory": "32Mi"}}}
    about = {"name": "server-ada", "labels": labels}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


async def test_a_notebook_servers_pod_is_told_where_it_is(world: World, place: Place) -> None:
    """Now, and to a service that starts later."""
    node = place.cluster.nodes[0].name
    try:
        async with Service(world) as service:
            backend = service.backend
            assert isinstance(backend, KubernetesBackend)
            foreign = backend.machines()[0].foreign
            pod = server_pod(place, backend.settings.kubernetes_release)
            place.cluster.apply(pod, namespace=place.namespace)
            await eventually(lambda: service.of(Placed, "labofada-1"), "the server's place")
            assert [one.machine for one in service.of(Placed, "labofada-1")] == [node]
            assert backend.machines()[0].foreign == foreign, "what is ours is no foreign use"
        async with Service(world) as later:
            await eventually(lambda: later.of(Placed, "labofada-1"), "the server's place, told again")
    finally:
        place.kubectl("delete", "pod", "server-ada", "--ignore-not-found", "--wait=false")


async def test_a_taint_is_seen_on_the_machine(world: World, place: Place) -> None:
    node = place.cluster.nodes[0].name
    tolerant = Constraints.of({}, [{"key": "team", "operator": "Exists"}])
    async with Service(world) as service:
        backend = service.backend

        def takes(constraints: Constraints) -> bool:
            return backend.machines()[0].takes(SMALL, constraints)

        arm = Constraints.of({"kubernetes.io/arch": "arm64"})
        assert (takes(ANYWHERE), takes(arm)) == (True, False)
        place.cluster.kubectl("taint", "node", node, "team=vision:NoSchedule")
        try:
            await eventually(lambda: not takes(ANYWHERE), "the taint to be seen")
            assert takes(tolerant)
        finally:
            place.cluster.kubectl("taint", "node", node, "team-")
        await eventually(lambda: takes(ANYWHERE), "the taint to be gone")
