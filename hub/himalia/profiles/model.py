"""What a profile is, once its file has been read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

Kind = Literal["server", "job", "endpoint"]

# Workloads of these kinds run to their end, as jobs do, and get what a job gets.
_LIKE_JOBS = {"trial", "step", "task"}


@dataclass(frozen=True, slots=True)
class Resources:
    """Cores (in thousandths), memory in bytes, and devices by resource name."""

    cpus: float
    memory_bytes: int
    accelerators: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Size:
    """One choice within a profile: what it gives."""

    name: str
    title: str
    resources: Resources
    default: bool = False


@dataclass(frozen=True, slots=True)
class KindRule:
    """Exceptions for one kind of workload; None where the default holds.

    `reserve_cpus` is "all" for as many as the limit.
    """

    reserve_cpus: float | Literal["all"] | None = None
    reserve_memory_bytes: int | None = None
    limit_cpus: float | None = None
    limit_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """When a notebook server is stopped: seconds without activity, since its start, without use of its accelerators.

    None for never.
    """

    timeout_s: int | None = 3600
    max_age_s: int | None = None
    unused_accelerators_s: int | None = None


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """What only a cluster needs; `tolerations` are written as in a pod.

    `shared_memory_bytes` is the size of /dev/shm; None for what the cluster's runtime gives, mostly 64 MiB.
    """

    image: str | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, str | int], ...] = ()
    priority_class: str | None = None
    runtime_class: str | None = None
    shared_memory_bytes: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """One file of spawner-profiles/. `groups` is empty where everyone may use it.

    `ssh` is whether people may sign in to its servers by SSH.
    """

    name: str
    title: str
    description: str
    framework: str
    environment: str
    sizes: tuple[Size, ...]
    order: int = 100
    groups: frozenset[str] = frozenset()
    kinds: Mapping[str, KindRule] = field(default_factory=dict)
    idle: Idle = field(default_factory=Idle)
    ssh: bool = False
    kubernetes: Kubernetes = field(default_factory=Kubernetes)

    @property
    def default_size(self) -> Size:
        """The size that is taken when nobody chooses."""
        return next((size for size in self.sizes if size.default), self.sizes[0])

    def size(self, name: str | None = None) -> Size:
        """The size of that name, or the default one. Raises LookupError with a sentence for people."""
        if name is None:
            return self.default_size
        for size in self.sizes:
            if size.name == name:
                return size
        known = ", ".join(size.name for size in self.sizes)
        raise LookupError(f"The profile “{self.title}” has no size {name!r}. Choose one of: {known}.")

    def allows(self, groups: Iterable[str]) -> bool:
        """Whether a member of these hub groups may use the profile."""
        return not self.groups or not self.groups.isdisjoint(groups)

    def resources(
        self, kind: str, size: str | None = None, shared_cpus: float = 0.0
    ) -> tuple[Resources, Resources]:
        """(reserve, limit) of a workload of this kind: what the queue counts, and what is enforced.

        By default `shared_cpus` are reserved for servers and endpoints, and one core, at most, for jobs; memory and
        devices always count in full. Raises LookupError for a size, ValueError for a kind that is not known.
        """
        kind = "job" if kind in _LIKE_JOBS else kind
        if kind not in get_args(Kind):
            raise ValueError(f"{kind!r} is no kind of workload.")
        given, rule = self.size(size).resources, self.kinds.get(kind, KindRule())
        limit = Resources(
            rule.limit_cpus or given.cpus, rule.limit_memory_bytes or given.memory_bytes, given.accelerators
        )
        cpus = (1.0 if kind == "job" else shared_cpus) if rule.reserve_cpus is None else rule.reserve_cpus
        reserve = Resources(
            limit.cpus if cpus == "all" else min(cpus, limit.cpus),
            min(rule.reserve_memory_bytes or limit.memory_bytes, limit.memory_bytes),
            given.accelerators,
        )
        return reserve, limit


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles of a folder, in the order in which they are shown."""

    items: tuple[Profile, ...]
    folder: Path

    def __iter__(self) -> Iterator[Profile]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def get(self, name: str) -> Profile:
        """The profile of that name. Raises LookupError with a sentence for people."""
        for profile in self.items:
            if profile.name == name:
                return profile
        known = ", ".join(profile.name for profile in self.items)
        raise LookupError(f"There is no profile {name!r}. Choose one of: {known}.")

    def for_groups(self, groups: Iterable[str]) -> tuple[Profile, ...]:
        """The profiles that a member of these hub groups may use."""
        mine = frozenset(groups)
        return tuple(profile for profile in self.items if profile.allows(mine))
