"""Kubernetes' amounts of things, read. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from himalia.engine.resources import Resources, total

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]?|[KMGTPE]i)")
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def quantity(text: str | int) -> Decimal:
    """The number that a quantity stands for: `100m`, `2Gi`, `1e3`. Raises ValueError."""
    parts = _QUANTITY.fullmatch(str(text))
    if parts is None:
        raise ValueError(f"{text!r} is no quantity.")
    return Decimal(parts[1]) * _SUFFIXES[parts[2]]


def resources(amounts: Mapping[str, Any]) -> Resources:
    """A resource list, as a node or a container has it; devices are what carries a domain's name."""
    return Resources(
        round(quantity(amounts.get("cpu", 0)) * 1000),
        int(quantity(amounts.get("memory", 0))),
        tuple(
            sorted((name, int(quantity(count))) for name, count in amounts.items() if is_device(name, count))
        ),
    )


def is_device(name: str, count: Any) -> bool:
    """Whether this is a number of devices, and not of another of Kubernetes' own resources."""
    return (
        "/" in name
        and not name.startswith(("kubernetes.io/", "attachable-volumes"))
        and count not in (0, "0")
    )


def requested(spec: Mapping[str, Any]) -> Resources:
    """What the scheduler counts for a pod: its containers together, or the largest init container if that is more."""
    running = total(_requests(one) for one in [*spec.get("containers", ()), *_sidecars(spec)])
    first = [_requests(one) for one in spec.get("initContainers", ()) if not _is_sidecar(one)]
    most = running
    for one in first:
        most = _larger(most, one)
    return most.plus(resources(spec.get("overhead", {})))


def _sidecars(spec: Mapping[str, Any]) -> list[Any]:
    return [one for one in spec.get("initContainers", ()) if _is_sidecar(one)]


def _is_sidecar(container: Mapping[str, Any]) -> bool:
    return container.get("restartPolicy") == "Always"


def _requests(container: Mapping[str, Any]) -> Resources:
    return resources(container.get("resources", {}).get("requests", {}))


def _larger(one: Resources, other: Resources) -> Resources:
    devices = dict(one.devices)
    for name, count in other.devices:
        devices[name] = max(count, devices.get(name, 0))
    return Resources(
        max(one.cpus_m, other.cpus_m),
        max(one.memory_bytes, other.memory_bytes),
        tuple(sorted(devices.items())),
    )
