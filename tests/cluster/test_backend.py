"""The Kubernetes backend: what only a cluster can do to a workload, and what it costs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from worlds import Place, a_world

from himalia.engine.backends.base import Backend, Launch, Placed, Progress, Seen
from himalia.engine.backends.kubernetes.backend import KubernetesBackend
from himalia.engine.backends.kubernetes.manifests import CONTAINER
from himalia.engine.resources import Resources
from himalia.profiles.pods import PodParts
from himalia.testing.backends import COUNTED, FOREVER, STOPPED, count
from himalia.testing.service_side import Service, World, eventually


def calls(backend: Backend) -> dict[str, int]:
    """The calls of the API that were made for workloads; watches and their lists are not."""
    assert isinstance(backend, KubernetesBackend)
    return {call: number for call, number in backend.api.calls.items() if not call.startswith("GET")}


async def told(service: Service, words: str, name: str = "a-1") -> None:
    """Wait until people see `words` of a workload."""

    def found() -> bool:
        return any(words in str(one.data.get("message")) for one in service.of(Progress, name))

    await eventually(found, f"{words!r} to be told of {name}")


def asking(launch: Launch, name: str, number: int) -> Launch:
    """The same, asking for devices."""
    limit = replace(launch.limit, devices=((name, number),))
    return replace(launch, limit=limit, reserve=limit)


async def test_a_job_costs_three_calls_and_nothing_is_left_of_it(world: World, place: Place) -> None:
    async with Service(world) as service:
        before = calls(service.backend)
        for number in range(3):
            await service.run(world.shell("true", f"n{number}-1"))
            placed = service.of(Placed, f"n{number}-1")
            assert [one.machine for one in placed] == [service.backend.machines()[0].name]

        def deleted() -> bool:
            return calls(service.backend).get("DELETE jobs") == 3

        await eventually(deleted, "the Jobs to be removed")
        after = calls(service.backend)
        assert {
            call: number - before.get(call, 0) for call, number in after.items() if number != before.get(call)
        } == {
            "PATCH jobs": 3,
            "POST secrets": 3,
            "DELETE jobs": 3,
        }
        mine = ("-l", "himalia/workload", "-o", "name")
        await eventually(lambda: not place.kubectl("get", "jobs,secrets,pods", *mine), "all of it to go")


async def test_what_waits_for_devices_says_so_and_starts_when_it_can(world: World) -> None:
    gpu = "nvidia.com/gpu"
    async with Service(world) as service:
        free = dict(service.backend.machines()[0].allocatable.devices)[gpu]
        service.backend.start(asking(world.shell(FOREVER), gpu, free))
        await service.started("a-1")
        service.backend.start(asking(world.shell("true", "b-1"), gpu, 1))
        await told(service, "nodes have nvidia.com/gpu free", "b-1")
        assert service.backend.observe(["b-1"]) == {"b-1": Seen.STARTING}
        service.backend.stop("a-1", 0, STOPPED)
        assert (await service.ended("b-1")).reason is None


async def test_stop_of_what_waits_ends_it_at_once(world: World) -> None:
    async with Service(world) as service:
        # No name that another test has just used: Job's controller waits before it makes pods for a name that failed.
        service.backend.start(asking(world.shell(FOREVER, "waits-1"), "nvidia.com/gpu", 1000))
        await told(service, "nvidia.com/gpu", "waits-1")
        service.backend.stop("waits-1", 10, STOPPED)
        assert (await service.ended("waits-1")).reason == STOPPED


async def test_quota_that_never_gives_so_much(world: World, place: Place) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}}
    device = "huawei.com/Ascend910"
    place.cluster.apply({**quota, "spec": {"hard": {f"requests.{device}": "1"}}}, namespace=place.namespace)
    try:
        async with Service(world) as service:
            ended = await service.run(asking(world.shell("true"), device, 2))
        assert (ended.reason, ended.final) == ("start_failed", False)
        assert "the quota small of the cluster" in str(ended.message)
    finally:
        place.kubectl("delete", "resourcequota", "small")


async def test_pod_deleted_by_hand_ends_with_grace_and_starts_again(world: World, place: Place) -> None:
    script = "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    async with Service(world) as service:
        service.backend.start(world.shell(script))
        await service.printed("a-1", "ready")
        place.kubectl("delete", "pod", "-l", "batch.kubernetes.io/job-name=a-1", "--wait=false")
        ended = await service.ended("a-1")
    assert (ended.reason, ended.final) == ("platform_stopped", True)
    assert service.log("a-1").endswith("asked\n")


async def test_pod_that_is_gone_without_a_word_is_lost(world: World, place: Place) -> None:
    async with Service(world) as service:
        service.backend.start(world.shell(FOREVER))
        await service.started("a-1")
        place.kubectl(
            "delete", "pod", "-l", "batch.kubernetes.io/job-name=a-1", "--grace-period=0", "--force"
        )
        ended = await service.ended("a-1")
        assert ended.reason in ("lost", "platform_stopped")
        await eventually(lambda: service.backend.observe(["a-1"]) == {"a-1": Seen.GONE}, "a-1 to be gone")


async def test_job_that_nobody_knows_is_removed(world: World, place: Place) -> None:
    async with Service(world, durable=False) as service:
        service.backend.start(world.shell(FOREVER))
        await service.started("a-1")
        found = place.cluster.get("job", "a-1", place.namespace)
        assert found is not None
    async with Service(world):
        await eventually(lambda: "a-1" not in place.kubectl("get", "jobs", "-o", "name"), "the Job to go")
        labels, spec = found["metadata"]["labels"], {"suspend": True, "template": found["spec"]["template"]}
        spec["template"]["metadata"] = {"labels": {}}
        late = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "b-1", "labels": labels},
            "spec": spec,
        }
        place.cluster.apply(late, namespace=place.namespace)
        await eventually(
            lambda: "b-1" not in place.kubectl("get", "jobs", "-o", "name"), "the late one to go"
        )


async def test_start_of_which_only_the_job_was_made_is_completed(world: World, place: Place) -> None:
    launch = world.shell(COUNTED + "true")
    async with Service(world, durable=False) as service:
        service.backend.start(launch)
        await eventually(lambda: "a-1" in place.kubectl("get", "secrets", "-o", "name"), "the Secret")
        place.kubectl("delete", "secret", "a-1")
    async with Service(world, launch) as after:
        after.backend.start(launch)
        assert (await after.ended("a-1")).reason is None
    assert count(world) == 1


async def test_out_of_memory_of_the_whole_pod(world: World) -> None:
    greedy = "import os\nheld = []\nwhile True: held.append(os.urandom(2**20) * 64)"
    async with Service(world) as service:
        ended = await service.run(world.python(greedy, limit=Resources.of(1, 64 * 2**20)))
    assert ended.reason == "out_of_memory"


async def test_pod_that_pod_security_refuses(place: Place) -> None:
    unconfined = {f"container.apparmor.security.beta.kubernetes.io/{CONTAINER}": "unconfined"}
    with a_world(place) as world:
        async with Service(world) as service:
            service.backend.start(world.shell("true", pod=PodParts(annotations=unconfined)))
            await told(service, 'violates PodSecurity "restricted')
            ended = await service.ended("a-1")
    assert (ended.reason, ended.final) == ("start_failed", False)
    assert str(ended.message).startswith("The cluster does not take it: violates PodSecurity")


async def test_pull_secrets_are_taken_though_profile_and_settings_name_them(place: Place) -> None:
    with a_world(place, kubernetes_pull_secrets=["registry"]) as world:
        async with Service(world) as service:
            parts = PodParts({"imagePullSecrets": [{"name": "registry"}]})
            assert (await service.run(world.shell("true", pod=parts))).reason is None


@pytest.mark.parametrize(
    "wrong",
    [{"tolerationz": []}, {"hostAliases": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.1"}]}],
)
async def test_pod_of_which_something_is_written_wrong(place: Place, wrong: dict[str, Any]) -> None:
    with a_world(place) as world:
        async with Service(world) as service:
            ended = await service.run(world.shell("true", pod=PodParts(wrong)))
    assert ended.reason == "start_failed"
    assert str(ended.message).startswith("The cluster does not take it: failed to create typed patch object")


async def test_endpoint_is_reached_at_its_pods_address(world: World) -> None:
    server = """
import http.server, os
host, port = os.environ["HIMALIA_SERVE_ADDRESS"].rsplit(":", 1)
handler = http.server.SimpleHTTPRequestHandler
with http.server.HTTPServer((host, int(port)), handler) as listening:
    print("ready", flush=True)
    listening.serve_forever()
"""
    async with Service(world) as service:
        service.backend.start(world.python(server, kind="endpoint", isolated=True))
        await service.printed("a-1", "ready")
        (address,) = service.backend.addresses("a-1")
        host, port = address.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.close()


async def test_files_of_a_project_may_be_a_claim_of_its_own(place: Place) -> None:
    own = {"size": "1Gi", "access": "ReadWriteMany"}
    with a_world(place, kubernetes_project_storage=own) as world:
        async with Service(world) as service:
            await service.run(world.shell("echo kept > $SHARED/file"))
            await service.run(world.shell("cat $SHARED/file", "b-1"))
        assert service.log("b-1") == "kept\n"
        place.kubectl("delete", "pvc", f"project-{world.project.id}", "--wait=false")
