"""What the state of pods and Jobs means: objects as a real cluster showed them, and variations of these."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from himalia.engine.backends.kubernetes import reasons, seen
from himalia.engine.backends.kubernetes.client import ApiError
from himalia.engine.backends.kubernetes.reasons import Finding, When
from himalia.engine.backends.kubernetes.seen import Pod, Said

OBJECTS = Path(__file__).parent / "cluster_objects"


def shown(name: str) -> dict[str, Any]:
    """A Job, its pod and their last warning, as the API showed them."""
    found: dict[str, Any] = json.loads((OBJECTS / f"{name}.json").read_text())
    return found


def pod_of(name: str) -> Pod:
    return seen.pod(shown(name)["pod"])


def test_trouble_of_the_api_is_told_and_waited_for_and_what_it_cannot_take_is_not() -> None:
    trouble = ApiError(500, "etcdserver: leader changed", "InternalError")
    assert trouble.passes
    finding = reasons.away(trouble.message)
    assert finding.when is When.NEVER
    assert finding.message.startswith("The cluster's API has trouble")
    assert finding.message.endswith(": etcdserver: leader changed")
    words = "failed to create typed patch object (lab/a-1; batch/v1, Kind=Job): errors:\n  duplicate entries"
    refused = ApiError(500, words)
    assert not refused.passes
    assert reasons.refused(refused.message).when is When.LATER


def test_too_few_devices_wait_for_ever_with_a_sentence() -> None:
    assert reasons.waits(pod_of("unschedulable")) == Finding(
        "start_failed", "0/1 nodes have nvidia.com/gpu free.", When.NEVER
    )


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            "0/3 nodes are available: 1 Insufficient cpu, 2 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are "
            "available: 3 No preemption victims found for incoming pod.",
            "0/3 nodes have cpu and nvidia.com/gpu free.",
        ),
        (
            "0/2 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint {a: b}. no new claims",
            "0/2 nodes have memory free; 1 node(s) had untolerated taint {a: b}.",
        ),
        (
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
            "No machine takes it: pod has unbound immediate PersistentVolumeClaims.",
        ),
        (
            "no nodes available to schedule pods",
            "It waits for a machine: no nodes available to schedule pods",
        ),
    ],
)
def test_what_the_scheduler_says_in_plain_words(message: str, sentence: str) -> None:
    assert reasons.unscheduled(Said("Unschedulable", message)) == sentence


def test_image_that_cannot_be_fetched_may_come_yet() -> None:
    finding = reasons.waits(pod_of("no-image"))
    assert finding is not None
    assert (finding.reason, finding.when) == ("environment_missing", When.LATER)
    assert finding.message.startswith("The image localhost/himalia-nope:1 cannot be fetched: ")


def test_image_that_is_not_there_never_comes() -> None:
    trouble = Said("ImagePullBackOff", 'Back-off pulling image "r/x:1": ErrImagePull: r/x:1: not found')
    assert reasons.waits(replace(pod_of("no-image"), trouble=trouble)) == Finding(
        "environment_missing", "The image localhost/himalia-nope:1 is not there."
    )


def test_name_that_is_no_images() -> None:
    finding = reasons.waits(pod_of("bad-image"))
    assert finding is not None
    assert (finding.reason, finding.when) == ("environment_missing", When.NOW)
    assert "localhost/UPPER:1" in finding.message


def test_pod_that_is_being_made_is_no_trouble_but_for_a_warning() -> None:
    coming = replace(pod_of("no-image"), trouble=Said("ContainerCreating", ""))
    assert reasons.waits(coming) is None
    finding = reasons.waits(coming, Said("FailedMount", "the volume is away"))
    assert finding == Finding("start_failed", "Its pod cannot be made ready: the volume is away", When.LATER)


def test_what_is_only_not_there_yet_is_no_trouble() -> None:
    mount = 'MountVolume.SetUp failed for volume "launch" : '
    not_yet = Said("FailedMount", f"{mount}failed to sync secret cache: timed out waiting for the condition")
    assert reasons.is_passing(not_yet, "a-1")
    unknown = (
        "User \"system:node:n\" cannot get resource: no relationship found between node 'n' and this object"
    )
    assert reasons.is_passing(Said("FailedMount", unknown), "a-1")
    assert reasons.is_passing(Said("FailedMount", f'{mount}secret "a-1" not found'), "a-1")
    assert not reasons.is_passing(Said("FailedMount", f'{mount}secret "mine" not found'), "a-1")


def test_memory() -> None:
    finding = reasons.ended(pod_of("greedy"), spoke=True)
    assert finding is not None
    assert finding.reason == "out_of_memory"


def test_image_without_python() -> None:
    finding = reasons.ended(pod_of("no-program"), spoke=False)
    assert finding is not None
    assert finding.reason == "start_failed"
    assert "no-such-program" in finding.message


def test_last_words_of_what_died_before_it_spoke() -> None:
    finding = reasons.ended(pod_of("died"), spoke=False)
    assert finding == Finding("start_failed", "The container ended with code 3 while starting. the last line")
    spoken = reasons.ended(pod_of("died"), spoke=True)
    assert spoken == Finding("lost", "Its runner ended with code 3 before it had reported the end.")


def test_pod_that_waits_or_runs_has_not_ended() -> None:
    assert reasons.ended(pod_of("unschedulable"), spoke=False) is None
    assert reasons.ended(replace(pod_of("died"), phase="Running"), spoke=True) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"failed": Said("DeadlineExceeded", "")}, "time_limit"),
        ({"failed": Said("Evicted", "The node was low on resource: memory.")}, "lost"),
        ({"failed": Said("NodeLost", "")}, "lost"),
        ({"failed": Said("UnexpectedAdmissionError", "no devices")}, "lost"),
        ({"disrupted": Said("PreemptionByScheduler", "")}, "preempted"),
        ({"deleted": True}, "lost"),
    ],
)
def test_who_ended_it(changes: dict[str, Any], reason: str) -> None:
    finding = reasons.ended(replace(pod_of("died"), **changes), spoke=True)
    assert finding is not None
    assert finding.reason == reason


def test_pod_of_a_node_that_is_lost() -> None:
    finding = reasons.ended(pod_of("lost-node"), spoke=True)
    assert finding == Finding("lost", "The machine node-2 that it ran on does not answer.")


def test_preempted_pod_ends_with_grace_first() -> None:
    pod = pod_of("preempted")
    assert (pod.phase, pod.deleted) == ("Running", True)
    assert reasons.ended(pod, spoke=True) is None
    assert reasons.gone(pod, spoke=True).reason == "preempted"
    finding = reasons.interrupted("platform_stopped", pod)
    assert finding == Finding("preempted", reasons.GAVE_WAY)
    assert reasons.interrupted("user_error", pod) is None
    assert reasons.interrupted("platform_stopped", replace(pod, disrupted=None, deleted=False)) is None


@pytest.mark.parametrize(
    ("disrupted", "reason", "words"),
    [
        (None, "platform_stopped", "Its pod was deleted"),
        (
            Said("EvictionByEvictionAPI", "Eviction API: evicting"),
            "platform_stopped",
            "asked to leave the machine",
        ),
        (Said("TerminationByKubelet", "Low on memory."), "lost", "needed its room: Low on memory."),
    ],
)
def test_who_asked_a_runner_to_end(disrupted: Said | None, reason: str, words: str) -> None:
    pod = replace(pod_of("died"), phase="Running", deleted=True, disrupted=disrupted)
    finding = reasons.interrupted("platform_stopped", pod)
    assert finding is not None
    assert finding.reason == reason
    assert words in finding.message


def test_quota_that_is_too_small_and_one_that_is_used_up() -> None:
    found = shown("quota")
    job, said = seen.job(found["job"]), seen.warned(found["events"][0])
    assert said is not None
    assert reasons.not_made(job, said.said) == Finding(
        "start_failed",
        "It asks for more than the quota small of the cluster ever gives: "
        "requests.huawei.com/Ascend910=2 of requests.huawei.com/Ascend910=1.",
    )
    used_up = "requested: requests.memory=1Gi, used: requests.memory=1Gi, limited: requests.memory=1536Mi"
    finding = reasons.refused(f"exceeded quota: small, {used_up}")
    assert (finding.reason, finding.when) == ("start_failed", When.NEVER)
    assert reasons.not_made(job, None) is None


def test_namespace_that_refuses() -> None:
    found = shown("refused")
    said = seen.warned(found["events"][0])
    assert said is not None
    assert reasons.not_made(seen.job(found["job"]), said.said) == Finding(
        "start_failed",
        'The cluster does not take it: violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true)',
        When.LATER,
    )


def test_job_whose_pods_are_gone() -> None:
    job = seen.job(shown("died")["job"])
    assert (job.failed, job.replicas, job.kind) == (
        Said("BackoffLimitExceeded", job.failed.message),
        1,
        "job",
    )  # type: ignore[union-attr]
    finding = reasons.not_made(job, None)
    assert finding is not None
    assert finding.reason == "lost"
