"""What a profile adds to a pod."""

from __future__ import annotations

from himalia.profiles.model import Kubernetes
from himalia.profiles.pods import PodParts, parts


def test_a_profile_that_says_nothing_adds_nothing() -> None:
    assert parts(Kubernetes()) == PodParts()


def test_the_profile_is_added_to_what_holds_for_every_pod() -> None:
    toleration = {"key": "gpu", "operator": "Exists"}
    defaults = {
        "nodeSelector": {"pool": "users", "kubernetes.io/arch": "amd64"},
        "tolerations": [toleration],
        "priorityClassName": "normal",
        "imagePullSecrets": [{"name": "registry"}],
    }
    own = Kubernetes(
        node_selector={"kubernetes.io/arch": "arm64"},
        tolerations=(toleration, {"key": "arm", "operator": "Exists"}),
        priority_class="high",
        runtime_class="nvidia",
        shared_memory_bytes=2**30,
        labels={"team": "vision"},
    )
    made = parts(own, defaults)
    assert made.spec == {
        "nodeSelector": {"pool": "users", "kubernetes.io/arch": "arm64"},
        "tolerations": [toleration, {"key": "arm", "operator": "Exists"}],
        "priorityClassName": "high",
        "runtimeClassName": "nvidia",
        "imagePullSecrets": [{"name": "registry"}],
    }
    assert made.labels == {"team": "vision"}
    assert made.volumes == [
        {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1073741824"}}
    ]
    assert made.mounts == [{"name": "shared-memory", "mountPath": "/dev/shm"}]
    made.spec["nodeSelector"]["pool"] = "other"
    assert defaults["nodeSelector"] == {"pool": "users", "kubernetes.io/arch": "amd64"}
