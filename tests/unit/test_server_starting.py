"""What people read while a server's pod starts, made of what the API says of the pod."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("kubernetes")

from himalia.hub.kubernetes.starting import refusal, step, unfinished

IMAGE = "localhost/torch:1"
PULLING = "failed to pull and unpack image: failed to resolve reference: localhost/torch:1: not found"
OBJECTS = Path(__file__).parent / "cluster_objects"


def pod(phase: str = "Pending", node: str = "n1", **status: Any) -> dict[str, Any]:
    scheduled = {"type": "PodScheduled", "status": "True" if node else "False"}
    conditions = [scheduled, *status.pop("conditions", ())]
    spec = {"containers": [{"name": "notebook", "image": IMAGE}], **({"nodeName": node} if node else {})}
    return {
        "metadata": {"name": "server-x"},
        "spec": spec,
        "status": {"phase": phase, "conditions": conditions, **status},
    }


def container(**state: Any) -> list[dict[str, Any]]:
    return [{"name": "notebook", "ready": False, "state": state, "lastState": {}}]


def waiting(reason: str, message: str = "") -> list[dict[str, Any]]:
    return container(waiting={"reason": reason, "message": message})


def is_true(*names: str) -> list[dict[str, str]]:
    return [{"type": name, "status": "True"} for name in names]


def test_the_way_of_a_pod_without_trouble() -> None:
    way = [
        step(None),
        step(pod()),
        step(
            pod(
                conditions=is_true("PodReadyToStartContainers"),
                containerStatuses=waiting("ContainerCreating"),
            )
        ),
        step(pod("Running", conditions=is_true("PodReadyToStartContainers", "Ready"))),
    ]
    assert [one.progress for one in way] == [10, 30, 45, 70]
    assert not [one for one in way if one.failed]
    assert "n1" in way[1].message
    assert "fetched" in way[2].message


def test_what_waits_for_a_place_says_for_what() -> None:
    said = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are available."
    unplaced = pod(node="")
    unplaced["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    ]
    found = step(unplaced)
    assert found.message == "The server waits for a place: 0/2 nodes have nvidia.com/gpu free."
    assert found.failed is None
    assert unfinished(found, 295.4).startswith(
        "The notebook server was not ready after 295 s. The server waits"
    )


@pytest.mark.parametrize(
    ("status", "failed", "says"),
    [
        (
            {"containerStatuses": waiting("ErrImagePull", PULLING)},
            "environment_missing",
            "is not there",
        ),
        (
            {"containerStatuses": waiting("ImagePullBackOff", "connection refused")},
            None,
            "connection refused",
        ),
        ({"containerStatuses": waiting("InvalidImageName")}, "environment_missing", "cannot be used"),
        ({"containerStatuses": waiting("CreateContainerConfigError", "secret x")}, None, "secret x"),
        ({"containerStatuses": container(terminated={"exitCode": 3})}, "died", "with exit code 3"),
        (
            {"containerStatuses": container(terminated={"reason": "OOMKilled"})},
            "memory",
            "Choose a larger one",
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on disk"}, "died", "Evicted: low on disk"),
    ],
)
def test_trouble_is_said(status: dict[str, Any], failed: str | None, says: str) -> None:
    found = step(pod(**status))
    assert found.failed == failed
    assert says in found.message


def test_a_container_that_is_started_again_has_failed() -> None:
    again = waiting("CrashLoopBackOff", "back-off 10s restarting failed container")
    again[0]["lastState"] = {"terminated": {"exitCode": 127}}
    assert step(pod("Running", containerStatuses=again)).failed == "died"


def test_a_deleted_pod_has_failed() -> None:
    deleted = pod("Running")
    deleted["metadata"]["deletionTimestamp"] = "2026-11-22T06:00:00Z"
    assert step(deleted).failed == "deleted"


def test_what_the_cluster_refuses_is_a_sentence() -> None:
    said = 'pods "s" is forbidden: exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3'
    assert "The quota few of the cluster is used up" in refusal(403, {"message": said})
    assert "status 500" in refusal(500, {})
    assert len(refusal(403, {"message": "x" * 9000})) < 700


def test_pods_of_a_real_cluster_are_read() -> None:
    pods = [json.loads(path.read_text()) for path in sorted(OBJECTS.glob("pod*.json"))]
    assert all(step(one).message for one in pods)
