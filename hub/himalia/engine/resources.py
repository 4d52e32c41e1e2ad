"""What a workload takes from a machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from himalia.profiles.constraints import ANYWHERE, Constraints, Taint


@dataclass(frozen=True, slots=True)
class Resources:
    """`cpus_m` thousandths of a core, `memory_bytes`, and how many of each device by resource name."""

    cpus_m: int = 0
    memory_bytes: int = 0
    devices: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, cpus: float, memory_bytes: int, devices: Mapping[str, int] | None = None) -> Resources:
        """Resources from cores (may be a fraction), bytes and device counts."""
        kept = tuple(sorted((name, count) for name, count in (devices or {}).items() if count))
        return cls(round(cpus * 1000), memory_bytes, kept)

    def fits(self, room: Resources) -> bool:
        """Whether `room` holds these resources."""
        if self.cpus_m > room.cpus_m or self.memory_bytes > room.memory_bytes:
            return False
        there = dict(room.devices)
        return all(count <= there.get(name, 0) for name, count in self.devices)

    def plus(self, other: Resources, sign: int = 1) -> Resources:
        """The sum, or with `sign` -1 the difference (which may be negative)."""
        devices = self.devices
        if other.devices:
            merged = dict(self.devices)
            for name, count in other.devices:
                merged[name] = merged.get(name, 0) + sign * count
            devices = tuple(sorted(merged.items()))
        return Resources(
            self.cpus_m + sign * other.cpus_m, self.memory_bytes + sign * other.memory_bytes, devices
        )

    def as_json(self) -> dict[str, Any]:
        """`{"cpus", "memory_bytes", "devices"}`."""
        return {
            "cpus": self.cpus_m / 1000,
            "memory_bytes": self.memory_bytes,
            "devices": dict(self.devices),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Resources:
        """The inverse of `as_json`."""
        return cls.of(data["cpus"], data["memory_bytes"], data.get("devices"))

    def words(self) -> str:
        """What a person reads: `2 cores, 4.0 GiB memory, 1 nvidia.com/gpu`."""
        parts = []
        if self.cpus_m:
            cores = f"{self.cpus_m / 1000:g}"
            parts.append(f"{cores} core" + ("" if self.cpus_m == 1000 else "s"))
        if self.memory_bytes:
            parts.append(f"{self.memory_bytes / 2**30:.3g} GiB memory")
        parts += [f"{count} {name}" for name, count in self.devices]
        return ", ".join(parts) or "nothing"


def total(items: Iterable[Resources]) -> Resources:
    """The sum of all."""
    result = Resources()
    for item in items:
        result = result.plus(item)
    return result


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: what may be given out, which devices it has, what others than us use of it.

    `devices` has their names, or nothing where somebody else gives them out and they are only counted.
    `labels` and `taints` are a node's: by these a profile chooses, and is kept away.
    """

    name: str
    allocatable: Resources
    devices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    foreign: Resources = field(default_factory=Resources)
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()

    def takes(self, reserve: Resources, constraints: Constraints = ANYWHERE) -> bool:
        """Whether a workload may be put there, room or not: who asks for devices tolerates taints of their names."""
        if not constraints.select(self.labels):
            return False
        own = {name for name, _ in reserve.devices} if self.taints else ()
        return all(taint.key in own or constraints.tolerate(taint) for taint in self.taints)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one rank goes: a machine, and which of its devices, by resource name."""

    machine: str
    devices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
