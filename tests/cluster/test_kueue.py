"""Jobs in Kueue's queue: the order is Kueue's, and the platform shows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from engine_on_cluster import SIZE, EngineOnCluster, engine_in
from machinery.cluster import Cluster
from machinery.controllers import Controller
from machinery.kueue import Kueue
from worlds import Place, a_place, a_world

from himalia.engine.backends.base import Admitted, Batch, Launch, Waits
from himalia.engine.backends.kubernetes.backend import KubernetesBackend
from himalia.engine.states import State
from himalia.profiles.pods import PodParts
from himalia.testing.backends import FOREVER, BackendSuite
from himalia.testing.groups import GroupSuite
from himalia.testing.service_side import Service, World, eventually

pytestmark = pytest.mark.full
ONE, MANY = "one", "many"
"""Queues: with room for one job at a time, and for whatever the node holds."""
GPU = "nvidia.com/gpu"


@pytest.fixture(scope="module")
def kueue(cluster: Cluster) -> Iterator[Kueue]:
    kueue = Kueue(cluster)
    with kueue.installed():
        yield kueue


@pytest.fixture(scope="module")
def place(cluster: Cluster, namespace: str, kueue: Kueue) -> Iterator[Place]:
    every = {"cpu": "100", "memory": "100Gi", GPU: "100", "huawei.com/Ascend910": "100"}
    kueue.queue(MANY, namespace, every)
    preemption = {"preemption": {"withinClusterQueue": "LowerPriority"}}
    kueue.queue(ONE, namespace, every | {"cpu": f"{SIZE.cpus_m}m"}, **preemption)
    with a_place(cluster, namespace) as place:
        yield place


class ThroughQueue(KubernetesBackend):
    """Has what is started wait in the queue first, as the reconciler does."""

    _waiting: dict[str, Launch]

    def start(self, launch: Launch) -> None:
        self._waiting = getattr(self, "_waiting", {})
        if launch.kind not in self.queued_kinds or self._has_begun(launch.name):
            super().start(launch)
        else:
            self._waiting[launch.name] = launch
            self.offer(launch)

    def _has_begun(self, name: str) -> bool:
        attempt = self._attempts.get(name)
        return attempt is not None and not attempt.offered

    async def changes(self) -> AsyncIterator[Batch]:
        async for batch in super().changes():
            for report in batch.reports:
                if isinstance(report, Admitted) and report.name in self._waiting:
                    super().start(self._waiting.pop(report.name))
            told = [report for report in batch.reports if not isinstance(report, Admitted | Waits)]
            yield Batch(told, batch.durable)


class TestBackendThroughKueue(BackendSuite):
    @pytest.fixture
    def world(self, place: Place) -> Iterator[World]:
        with a_world(place, ThroughQueue, kubernetes_queue=MANY) as world:
            yield world


class TestGroupsThroughKueue(GroupSuite):
    @pytest.fixture
    def world(self, place: Place) -> Iterator[World]:
        with a_world(place, ThroughQueue, kubernetes_queue=MANY) as world:
            yield world


@pytest.fixture
def world(place: Place) -> Iterator[World]:
    """Jobs of this one wait for a queue that lets one of them go at a time."""
    with a_world(place, kubernetes_queue=ONE) as world:
        yield world


@pytest.fixture
async def engine(world: World, tmp_path: Path) -> AsyncIterator[EngineOnCluster]:
    async with engine_in(tmp_path, world) as engine:
        yield engine


async def test_a_quota_of_one_job_runs_two_one_after_the_other(engine: EngineOnCluster) -> None:
    first = await engine.submit("sleep 2", "first")
    await engine.becomes(first, State.RUNNING)
    second = await engine.submit("true", "second")
    words = await engine.waits(second, lambda words: "insufficient unused quota" in words)
    assert "cpu" in words
    row = await engine.row(second)
    assert (row.state, row.attempt) == (State.QUEUED, 0)
    await engine.becomes(first, State.SUCCEEDED)
    row = await engine.becomes(second, State.SUCCEEDED)
    assert (row.attempt, row.machine) == (1, engine.backend.machines()[0].name)
    assert row.started_at > (await engine.row(first)).ended_at


async def test_what_holds_nothing_yet_is_counted_nowhere(engine: EngineOnCluster) -> None:
    first, second = await one_runs_and_one_waits(engine)
    assert [holding.id for holding in engine.board.held] == [first]
    await engine.stop(first)
    await engine.becomes(second, State.RUNNING)
    await engine.stop(second)
    await engine.becomes(second, State.STOPPED)


async def test_the_order_is_kueues(engine: EngineOnCluster, place: Place) -> None:
    with_priorities(place)
    engine.pods = {"late": PodParts({"priorityClassName": "high"})}
    first = await engine.submit(f"touch /shared/{engine.world.project.name}/runs; sleep 3", "early")
    await eventually((engine.world.shared / "runs").exists, "the first to run")
    waits = [await engine.submit(name=name) for name in ("middle", "late")]
    for workload in waits:
        await engine.becomes(workload, State.SUCCEEDED)
    middle, late = [await engine.row(workload) for workload in waits]
    assert late.started_at < middle.started_at
    assert [one.reason for one in await engine.tries(first)] in ([None], ["preempted", None])


async def test_preempted_by_kueue_it_waits_again_and_ends_well(engine: EngineOnCluster, place: Place) -> None:
    with_priorities(place)
    engine.pods = {"urgent": PodParts({"priorityClassName": "high"})}
    shared = f"/shared/{engine.world.project.name}"
    low = await engine.submit(f"touch {shared}/begun; until [ -e {shared}/go ]; do sleep 0.1; done", "low")
    await eventually((engine.world.shared / "begun").exists, "the first to run")
    urgent = await engine.submit(f"touch {shared}/urgent; sleep 1", "urgent")
    row = await engine.becomes(low, State.QUEUED)
    assert (row.reason, row.restarts) == ("preempted", 1)
    assert "reempted" in row.message
    (engine.world.shared / "go").touch()
    await engine.becomes(urgent, State.SUCCEEDED)
    assert (await engine.becomes(low, State.SUCCEEDED)).attempt == 2


async def test_stopped_while_it_waits_nothing_is_left_of_it(engine: EngineOnCluster, place: Place) -> None:
    first, second = await one_runs_and_one_waits(engine)
    await engine.stop(second)
    assert (await engine.becomes(second, State.STOPPED)).attempt == 0
    await eventually(lambda: f"{second}-1" not in place.kubectl("get", "jobs", "-o", "name"), "its Job to go")
    await engine.stop(first)
    await engine.becomes(first, State.STOPPED)


async def test_a_service_that_comes_back_finds_those_that_wait(
    world: World, place: Place, tmp_path: Path
) -> None:
    async with engine_in(tmp_path, world) as before:
        first, second = await one_runs_and_one_waits(before, "sleep 5")
        job = place.cluster.get("job", f"{second}-1", place.namespace)
    await asyncio.sleep(6)  # the first ends, and its end is told to nobody yet
    async with engine_in(tmp_path, world) as after:
        now = place.cluster.get("job", f"{second}-1", place.namespace)
        assert job is not None
        assert now is not None
        assert now["metadata"]["uid"] == job["metadata"]["uid"]
        for workload in (first, second):
            assert (await after.becomes(workload, State.SUCCEEDED)).attempt == 1


async def test_a_job_that_was_deleted_while_it_waited_waits_again(
    engine: EngineOnCluster, place: Place
) -> None:
    first, second = await one_runs_and_one_waits(engine)
    place.kubectl("delete", "job", f"{second}-1")
    await engine.stop(first)
    assert (await engine.becomes(second, State.RUNNING)).attempt == 1
    await engine.stop(second)
    await engine.becomes(second, State.STOPPED)


async def test_a_queue_that_is_not_there_is_named(place: Place, tmp_path: Path) -> None:
    with a_world(place, kubernetes_queue="nowhere") as world:
        async with engine_in(tmp_path, world) as engine:
            workload = await engine.submit()
            await engine.waits(workload, lambda words: "nowhere doesn't exist" in words)


async def test_a_group_is_let_go_as_a_whole_or_waits(
    engine: EngineOnCluster, place: Place, tmp_path: Path
) -> None:
    group = await engine.submit(name="group", replicas=2)
    words = await engine.waits(group, lambda words: "quota" in words)
    assert "cpu" in words
    await engine.stop(group)
    (tmp_path / "wide").mkdir()
    with a_world(place, kubernetes_queue=MANY) as world:
        async with engine_in(tmp_path / "wide", world) as wide:
            workload = await wide.submit("test -n $RANK && test -n $MASTER_ADDR", replicas=2)
            await wide.becomes(workload, State.SUCCEEDED)


async def test_what_serves_does_not_wait_in_it(engine: EngineOnCluster, place: Place) -> None:
    job = await engine.submit("sleep 60")
    await engine.becomes(job, State.RUNNING)
    endpoint = await engine.submit(FOREVER, "endpoint", kind="endpoint")
    await engine.becomes(endpoint, State.RUNNING)
    labels = place.kubectl("get", "job", f"{endpoint}-1", "-o", "jsonpath={.metadata.labels}")
    assert "kueue" not in labels
    for workload in (job, endpoint):
        await engine.stop(workload)
        await engine.becomes(workload, State.STOPPED)


async def test_jobsets_of_others_are_counted_and_disturb_nobody(cluster: Cluster, place: Place) -> None:
    with Controller(cluster, "jobset").installed(), a_world(place) as world:
        async with Service(world) as service:
            before = dict(service.backend.machines()[0].foreign.devices).get(GPU, 0)
            place.cluster.apply(a_jobset(2), namespace=place.namespace)

            def counted() -> bool:
                return dict(service.backend.machines()[0].foreign.devices).get(GPU, 0) == before + 2

            await eventually(counted, "the pods of a JobSet to be counted")
            ended = await service.run(world.shell("test $WORLD_SIZE = 2", replicas=2))
            assert ended.reason is None
        place.kubectl("delete", "jobset", "others")


async def one_runs_and_one_waits(engine: EngineOnCluster, script: str = "sleep 60") -> tuple[str, str]:
    """Two jobs in the queue for one: submitted together, it would be Kueue's affair which is first."""
    first = await engine.submit(script, "first")
    await engine.becomes(first, State.RUNNING)
    second = await engine.submit(script, "second")
    await engine.waits(second, lambda words: "quota" in words)
    return first, second


def with_priorities(place: Place) -> None:
    """Have a class of pods that are more urgent than all others."""
    kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
    place.cluster.apply({**kind, "metadata": {"name": "high"}, "value": 1000})


def a_jobset(gpus: int) -> dict[str, object]:
    """Somebody else's JobSet, of two pods that hold one GPU each."""
    limits = {"limits": {GPU: "1"}}
    secure = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    secure["seccompProfile"] = {"type": "RuntimeDefault"}
    container = {
        "name": "main",
        "image": "localhost/himalia-base:test",
        "command": ["sleep", "600"],
        "resources": limits,
        "securityContext": secure,
    }
    pod = {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}}
    job = {"parallelism": gpus, "completions": gpus, "template": pod}
    spec = {"replicatedJobs": [{"name": "workers", "replicas": 1, "template": {"spec": job}}]}
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "others"},
        "spec": spec,
    }
