"""What a profile adds to a pod, whatever runs in it, in Kubernetes' own words."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from himalia.profiles.model import Kubernetes

SHARED_MEMORY = "shared-memory"


@dataclass(frozen=True, slots=True)
class PodParts:
    """Parts of a pod (core/v1): `spec` lacks containers; `mounts` belong to the container that works."""

    spec: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    mounts: list[dict[str, Any]] = field(default_factory=list)


def parts(profile: Kubernetes, defaults: Mapping[str, Any] | None = None) -> PodParts:
    """The parts for a profile; `defaults` is a partial pod spec that holds for every pod.

    Where both say the same thing the profile's word counts; selectors are merged, tolerations and pull
    secrets added up.
    """
    own: dict[str, Any] = {
        "nodeSelector": dict(profile.node_selector),
        "tolerations": [dict(one) for one in profile.tolerations],
        "priorityClassName": profile.priority_class,
        "runtimeClassName": profile.runtime_class,
    }
    volumes, mounts = [], []
    if profile.shared_memory_bytes:
        memory = {"medium": "Memory", "sizeLimit": str(profile.shared_memory_bytes)}
        volumes.append({"name": SHARED_MEMORY, "emptyDir": memory})
        mounts.append({"name": SHARED_MEMORY, "mountPath": "/dev/shm"})  # noqa: S108 (a mount point)
    spec = _merged(defaults or {}, {key: value for key, value in own.items() if value})
    return PodParts(spec, dict(profile.labels), dict(profile.annotations), volumes, mounts)


def _merged(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = deepcopy(dict(defaults))
    for key, value in own.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = _merged(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            result[key] = [*before, *(one for one in value if one not in before)]
        else:
            result[key] = deepcopy(value)
    return result
