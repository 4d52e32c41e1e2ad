"""Bad days of a cluster, seen by somebody who runs jobs: each has a plain reason, and no accepted job is lost."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from machinery import images
from machinery.cluster import Cluster
from machinery.node import Node
from machinery.parts import ClusterError
from machinery.waiting import until
from platform_on_host import PlatformOnHost
from platforms import Person
from worlds import GID, TAG, UID, Place

from himalia.engine.backends.kubernetes import manifests, reasons

PATIENCE_S = 8.0
WAITS = "until [ -e /shared/ada/{name} ]; do sleep 0.1; done"
"""Until the test says `go(name)`."""
ONCE_MORE = f'[ "$HIMALIA_ATTEMPT" != 1 ] || {WAITS.format(name="never")}'
"""The first attempt runs until it is ended, the next one does well."""


@pytest.fixture(scope="module")
def platform(place: Place) -> Iterator[PlatformOnHost]:
    made = PlatformOnHost(place, HIMALIA_KUBERNETES_PATIENCE_S=str(PATIENCE_S))
    try:
        yield made.up(300)
    finally:
        made.remove()


@pytest.fixture(scope="module")
def ada(platform: PlatformOnHost) -> Iterator[Person]:
    platform.add_user("ada")
    person = Person(platform, "ada")
    yield person
    person.close()


@pytest.fixture
def go(place: Place, ada: Person) -> Iterator[Callable[[str], None]]:
    """Lets the jobs go on that wait for a file of the project's shared folder."""
    made: list[Path] = []

    def go(name: str) -> None:
        (folder,) = place.files.glob("projects/*/shared")
        made.append(folder / name)
        made[-1].touch()
        os.chown(made[-1], UID, GID)

    yield go
    for path in made:
        path.unlink()


def shell(ada: Person, script: str, **spec: Any) -> str:
    """Submit a job; its name."""
    name: str = ada.submit("sh", "-c", script, **spec)["name"]
    return name


def status(ada: Person, name: str) -> dict[str, Any]:
    found: dict[str, Any] = ada.job(name)["status"]
    return found


def until_state(ada: Person, state: str, *names: str) -> None:
    """Wait until the jobs are in a state before their end."""

    def is_there(name: str) -> bool:
        now = status(ada, name)
        assert now["state"] in (state, "QUEUED", "STARTING"), now
        return bool(now["state"] == state)

    for name in names:
        until(lambda name=name: is_there(name), f"{name} is {state}")


def until_told(ada: Person, name: str, words: str, within_s: float = 60) -> None:
    """Wait until the job, which has not begun, says what it waits for."""

    def told() -> bool:
        now = status(ada, name)
        assert now["state"] in ("QUEUED", "STARTING"), now
        return words in str((now["progress"] or {}).get("message"))

    until(told, f"{name} to say: {words}", within_s)


def ended(ada: Person, name: str, state: str = "SUCCEEDED") -> dict[str, Any]:
    """How the job ended, which must be in this state."""
    found: dict[str, Any] = ada.ended(name, timeout_s=120)["status"]
    assert found["state"] == state, (found, ada.text(name))
    return found


def pod_of(place: Place, ada: Person, name: str) -> str:
    """The pod of a job, as kubectl names it."""
    label = f"himalia/workload={ada.job(name)['id']}"
    return until(lambda: place.kubectl("get", "pods", "-l", label, "-o", "name"), f"a pod of {name}").strip()


# What the cluster does not give


def test_image_that_is_not_there(ada: Person) -> None:
    job = shell(ada, "true", profile="nowhere")
    until_told(ada, job, "The image localhost/himalia-nowhere:test cannot be fetched")
    found = ended(ada, job, "FAILED")
    assert found["reason"] == "environment_missing"
    assert "The image localhost/himalia-nowhere:test cannot be fetched" in found["message"]


@pytest.mark.parametrize("counted", ["pods", "count/jobs.batch"])
def test_quota_used_up_and_freed(place: Place, ada: Person, go: Callable[[str], None], counted: str) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"}}
    until(lambda: not place.kubectl("get", "jobs,pods", "-o", "name"), "nothing else to run")
    place.cluster.apply({**quota, "spec": {"hard": {counted: "1"}}}, namespace=place.namespace)
    try:
        until(lambda: is_counted(place, "tight"), "the quota to count")
        first, second = (shell(ada, WAITS.format(name="on")) for _ in range(2))
        until(
            lambda: {status(ada, one)["state"] for one in (first, second)} == {"RUNNING", "STARTING"}, "one"
        )
        waits = next(one for one in (first, second) if status(ada, one)["state"] == "STARTING")
        until_told(ada, waits, "The quota tight of the cluster is used up")
        time.sleep(PATIENCE_S + 1)  # nothing is wrong with it: it may wait for its turn for longer than that
        until_told(ada, waits, "The quota tight of the cluster is used up")
        go("on")
        for job in (first, second):
            assert ended(ada, job)["attempt"] == 1
    finally:
        place.kubectl("delete", "resourcequota", "tight")


def is_counted(place: Place, quota: str) -> bool:
    found = place.cluster.get("resourcequota", quota, place.namespace)
    return bool(found and found.get("status", {}).get("used"))


@contextmanager
def refusing(place: Place, group: str, resource: str) -> Iterator[None]:
    """Meanwhile the namespace takes nothing new of a kind, as where an administrator's policy forbids it."""
    api, name = "admissionregistration.k8s.io/v1", f"no-{resource}"
    rule = {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}
    validation = {"expression": "false", "message": f"No {resource} on Sundays."}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [validation],
    }
    where = {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}}
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": where},
    }
    kind = "ValidatingAdmissionPolicy"
    place.cluster.apply(
        {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": policy},
        {"apiVersion": api, "kind": f"{kind}Binding", "metadata": {"name": name}, "spec": binding},
    )
    try:
        until(lambda: refuses(place, resource), f"the policy against {resource} to hold")
        yield
    finally:
        place.kubectl("delete", f"{kind}Binding,{kind}", name)


def refuses(place: Place, resource: str) -> bool:
    """Whether the policy is enforced already, which takes a moment."""
    container = {"name": "x", "image": f"localhost/himalia-base:{TAG}"}
    container |= {"securityContext": manifests.container_security()}
    spec = {
        "restartPolicy": "Never",
        "securityContext": manifests.pod_security(),
        "containers": [container],
    }
    about = {"metadata": {"name": "probe"}}
    made = {
        "pods": {"apiVersion": "v1", "kind": "Pod", **about, "spec": spec},
        "jobs": {"apiVersion": "batch/v1", "kind": "Job", **about, "spec": {"template": {"spec": spec}}},
    }
    try:
        place.cluster.kubectl(
            "create", "-n", place.namespace, "--dry-run=server", "-f", "-", input=json.dumps(made[resource])
        )
    except ClusterError as error:
        return "Sundays" in str(error)
    return False


@pytest.mark.parametrize(("group", "resource"), [("batch", "jobs"), ("", "pods")])
def test_namespace_that_refuses(place: Place, ada: Person, group: str, resource: str) -> None:
    with refusing(place, group, resource):
        job = shell(ada, "true")
        until_told(ada, job, f"No {resource} on Sundays.")
        found = ended(ada, job, "FAILED")
    assert found["reason"] == "start_failed"
    assert found["message"].startswith("The cluster does not take it: ")
    assert f"No {resource} on Sundays." in found["message"]
    tried = datetime.fromisoformat(found["ended_at"]) - datetime.fromisoformat(
        found["attempts"][0]["starting_at"]
    )
    assert tried.total_seconds() >= PATIENCE_S


# What happens to what runs


def test_memory_runs_out(ada: Person) -> None:
    found = ended(ada, shell(ada, "exec tail /dev/zero"), "FAILED")
    assert found["reason"] == "out_of_memory", found
    assert "memory" in found["message"]


@pytest.mark.parametrize("grace", [(), ("--grace-period=0", "--force")], ids=["in order", "by force"])
def test_pod_deleted_by_hand(place: Place, ada: Person, grace: tuple[str, ...]) -> None:
    job = shell(ada, ONCE_MORE)
    until_state(ada, "RUNNING", job)
    place.kubectl("delete", pod_of(place, ada, job), "--wait=false", *grace)
    first, second = ended(ada, job)["attempts"]
    assert first["message"].startswith("Its pod was deleted"), first
    assert second["state"] == "SUCCEEDED"


def test_preempted_by_a_higher_priority_class(place: Place, ada: Person) -> None:
    important = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "urgent"},
    }
    place.cluster.apply({**important, "value": 1000})
    job = shell(ada, ONCE_MORE, size="gpus")
    until_state(ada, "RUNNING", job)
    container = {
        "name": "x",
        "image": f"localhost/himalia-base:{TAG}",
        "command": ["sleep", "1000"],
        "securityContext": manifests.container_security(),
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
    }
    spec = {
        "priorityClassName": "urgent",
        "terminationGracePeriodSeconds": 0,
        "securityContext": manifests.pod_security(),
        "containers": [container],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "urgent"}, "spec": spec}
    place.cluster.apply(pod, namespace=place.namespace)
    try:
        until(lambda: status(ada, job)["attempts"][0]["state"] == "FAILED", "the job to be given back")
        found = status(ada, job)
        assert found["state"] in ("QUEUED", "STARTING")
        (first, *_) = found["attempts"]
        assert (first["reason"], first["message"]) == ("preempted", reasons.GAVE_WAY)
    finally:
        place.kubectl("delete", "pod", "urgent")
        place.kubectl("delete", "priorityclass", "urgent")
    assert ended(ada, job)["attempt"] == 2


# The cluster's API and the database are away


@pytest.mark.parametrize(
    "frozen", [False, pytest.param(True, marks=pytest.mark.full)], ids=["killed", "frozen"]
)
def test_api_server_away_while_jobs_start_run_and_end(
    cluster: Cluster, place: Place, ada: Person, go: Callable[[str], None], frozen: bool
) -> None:
    """Jobs that run end in time; those that are submitted meanwhile say why they wait; none begins twice."""
    server, word = cluster.control.apiserver, "frozen" if frozen else "killed"
    begun = f"echo $HIMALIA_WORKLOAD >> /shared/ada/{word}; "
    running = [shell(ada, begun + WAITS.format(name=f"{word}-on")) for _ in range(3)]
    until_state(ada, "RUNNING", *running)
    starting = [shell(ada, begun + "true") for _ in range(3)]
    (server.freeze if frozen else server.kill)()
    try:
        go(f"{word}-on")
        for job in running:
            assert ended(ada, job)["attempt"] == 1
        late = [shell(ada, begun + "true") for _ in range(3)]
        until_told(ada, late[-1], "The cluster does not answer")
    finally:
        if frozen:
            server.thaw()
        else:
            server.start()
    server.wait(cluster.answers)
    every = [*running, *starting, *late]
    assert {ended(ada, job)["attempt"] for job in every} == {1}
    (file,) = place.files.glob(f"projects/*/shared/{word}")
    assert sorted(file.read_text().split()) == sorted(ada.job(job)["id"] for job in every)


def test_service_restarted_while_the_api_server_is_away(
    cluster: Cluster, platform: PlatformOnHost, ada: Person, go: Callable[[str], None]
) -> None:
    """It hears of what ran and takes what is new; what it cannot see is not taken to be lost."""
    ends, runs = shell(ada, WAITS.format(name="ends")), shell(ada, WAITS.format(name="runs"))
    until_state(ada, "RUNNING", ends, runs)
    cluster.control.apiserver.kill()
    try:
        platform.end("service", signal.SIGKILL)
        platform.begin("service")
        platform.answers(f"{platform.service_url}/readyz")
        late = shell(ada, "true")
        go("ends")
        assert ended(ada, ends)["attempt"] == 1
        time.sleep(11)  # longer than what is not seen on one machine takes to be lost
        assert status(ada, runs)["state"] == "RUNNING"
        now = status(ada, late)
        assert (now["state"], now["queue"]["message"]) == (
            "QUEUED",
            "Waiting for a machine: none is ready now.",
        )
    finally:
        cluster.control.apiserver.start()
    assert ended(ada, late)["attempt"] == 1
    go("runs")
    assert ended(ada, runs)["attempt"] == 1


def test_database_killed_while_jobs_report(platform: PlatformOnHost, ada: Person) -> None:
    counts = "for n in $(seq 40); do echo $n; sleep 0.1; done"
    jobs = [shell(ada, f"sleep {number}; {counts}") for number in range(3)]
    until_state(ada, "RUNNING", *jobs)
    platform.postgres.kill()
    assert httpx.get(f"{platform.service_url}/readyz", timeout=30).status_code == 503
    time.sleep(4)  # the outage: some end within it
    platform.postgres.start()
    platform.answers(f"{platform.service_url}/readyz")
    for job in jobs:
        assert ended(ada, job)["attempt"] == 1
        assert ada.text(job).split() == [str(number) for number in range(1, 41)]


# Nodes


@pytest.fixture(scope="module")
def second(cluster: Cluster, place: Place) -> Iterator[Node]:
    """A second node; a lost one counts as lost after ten seconds, not a minute."""
    with cluster.nodes_lost_after(10):
        node = cluster.add_node()
        try:
            cluster.load([images.build("base")], tag=TAG)
            yield node
        finally:
            cluster.remove_node(node)


@contextmanager
def only_on(cluster: Cluster, node: Node) -> Iterator[None]:
    """Meanwhile all that is new goes to this node."""
    others = [one.name for one in cluster.nodes if one is not node]
    cluster.kubectl("cordon", *others)
    try:
        yield
    finally:
        cluster.kubectl("uncordon", *others)


@pytest.mark.full
def test_node_lost_while_20_jobs_run(cluster: Cluster, ada: Person, second: Node) -> None:
    with only_on(cluster, second):
        jobs = [shell(ada, ONCE_MORE) for _ in range(20)]
        until_state(ada, "RUNNING", *jobs)
    second.power_cut()
    for job in jobs:
        first, next_one = ended(ada, job)["attempts"]
        assert (first["state"], first["reason"]) == ("FAILED", "lost")
        assert first["message"] == f"The machine {second.name} that it ran on does not answer."
        assert first["ended_at"] <= next_one["starting_at"]
    cluster.switch_on(second)


@pytest.mark.full
def test_node_that_comes_back_ends_what_was_given_to_others(
    cluster: Cluster, place: Place, ada: Person, second: Node, go: Callable[[str], None]
) -> None:
    """What ran on it ran on while it was unplugged, and ends when it hears that nobody wants it any more."""
    both = f"echo begun $HIMALIA_ATTEMPT; {WAITS.format(name='go-on')}; echo ended $HIMALIA_ATTEMPT"
    with only_on(cluster, second):
        job = shell(ada, both)
        until_state(ada, "RUNNING", job)
    pod = pod_of(place, ada, job).removeprefix("pod/")
    second.unplug()
    until(lambda: status(ada, job)["attempt"] == 2, "the job to be given to another node")
    until_state(ada, "RUNNING", job)
    second.kubelet.freeze()  # which would end the pod as soon as it hears that it was deleted
    second.plug()
    said = second.own("/var/log") / "pods"
    until(lambda: "This attempt is over" in words_of(said, pod), "the old runner to hear that it is over")
    second.kubelet.thaw()
    until(lambda: pod not in place.kubectl("get", "pods", "-o", "name"), "the old pod to go")
    assert status(ada, job)["state"] == "RUNNING"
    go("go-on")
    found = ended(ada, job)
    assert [one["state"] for one in found["attempts"]] == ["FAILED", "SUCCEEDED"]
    assert found["attempts"][0]["reason"] == "lost"
    assert ada.text(job) == "begun 2\nended 2\n"


def words_of(folder: Path, pod: str) -> str:
    """What the containers of a pod have printed, read where its kubelet keeps it."""
    return "".join(file.read_text() for file in folder.glob(f"*_{pod}_*/*/*.log"))
