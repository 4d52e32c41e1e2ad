"""What can be started here: profiles, joined with the environments that exist and what is free now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from himalia.core.errors import Invalid
from himalia.engine import queue
from himalia.engine.resources import Machine, Resources
from himalia.engine.service import KEPT_AWAY, Engine
from himalia.environments.places import Environments
from himalia.jobs.service import Chosen
from himalia.profiles.constraints import Constraints
from himalia.profiles.folder import ProfileFolder
from himalia.profiles.model import Profile, Profiles, Size
from himalia.profiles.model import Resources as ProfileResources
from himalia.servers.schema import (
    MachineFree,
    ProfileItems,
    ProfileShown,
    ReservedEnvironment,
    SizeShown,
)


class Wanted(Protocol):
    """The part of a spec that says what to run on."""

    @property
    def profile(self) -> str: ...
    @property
    def size(self) -> str | None: ...
    @property
    def environment(self) -> str | None: ...


class Catalogue:
    """What `environments` and the machines make of the profiles."""

    def __init__(self, profiles: ProfileFolder, environments: Environments, engine: Engine) -> None:
        self._folder = profiles
        self.places = environments
        self.engine = engine

    @property
    def profiles(self) -> Profiles:
        """The profiles as they stand."""
        return self._folder.now()

    def find(self, name: str, size: str | None, groups: Iterable[str]) -> tuple[Profile, Size]:
        """A profile and a size that a member of `groups` may use. Raises Invalid."""
        try:
            profile = self.profiles.get(name)
            if not profile.allows(groups):
                raise LookupError(
                    f"The profile “{profile.title}” is for certain groups only. Ask an administrator."
                )
        except LookupError as error:
            raise Invalid.field("spec.profile", str(error.args[0])) from error
        try:
            chosen = profile.size(size)
        except LookupError as error:
            raise Invalid.field("spec.size", str(error.args[0])) from error
        return profile, chosen

    def resources(self, profile: Profile, size: Size, kind: str) -> tuple[Resources, Resources]:
        """(reserve, limit) as the engine counts them."""
        reserve, limit = profile.resources(kind, size.name, self.places.shared_cpus)
        return _engine(reserve), _engine(limit)

    def choose(self, spec: Wanted, groups: tuple[str, ...], kind: str = "job") -> Chosen:
        """What the spec of a job, or of another kind, comes to. Raises Invalid, also for an environment not here."""
        profile, size = self.find(spec.profile, spec.size, groups)
        environment = spec.environment or profile.environment
        self.check_ready(environment)
        machines, allowed = self.engine.machines(), self.places.constraints(profile.name)
        if machines and not any(allowed.select(machine.labels) for machine in machines):
            raise Invalid.field("spec.profile", _nowhere(profile, allowed))
        reserve, limit = self.resources(profile, size, kind)
        return Chosen(profile.name, size.name, environment, reserve, limit)

    def check_ready(self, environment: str) -> None:
        """Raise Invalid unless the environment is there."""
        if not self.places.is_ready(environment):
            raise Invalid.field("spec.environment", self.places.missing(environment))

    def environment(self, name: str) -> ReservedEnvironment:
        """An environment as the spawner needs it."""
        titles = {profile.environment: profile.title for profile in reversed(list(self.profiles))}
        return ReservedEnvironment(
            name=name,
            title=titles.get(name, name),
            prefix=str(self.places.prefix(name)),
            binds=self.places.binds(name),
        )

    def environments(self) -> list[ReservedEnvironment]:
        """Every environment that is ready."""
        return [self.environment(name) for name in self.places.names()]

    def show(self, groups: Iterable[str] | None) -> ProfileItems:
        """Profiles for members of `groups` (None: all), with what is free now."""
        machines = self.engine.machines()
        free = queue.free(self.engine.board.held, machines)
        profiles = self.profiles if groups is None else self.profiles.for_groups(groups)
        return ProfileItems(
            items=[self._shown(profile, machines, free) for profile in profiles],
            machine=_only(machines, free),
        )

    def _shown(
        self, profile: Profile, machines: Sequence[Machine], free: Mapping[str, Resources]
    ) -> ProfileShown:
        allowed = self.places.constraints(profile.name)
        selected = [machine for machine in machines if allowed.select(machine.labels)]
        sizes = [self._size(profile, size, allowed, selected, free) for size in profile.sizes]
        reason = None
        if not self.places.is_ready(profile.environment):
            reason = self.places.missing(profile.environment)
        elif machines and not selected:
            reason = _nowhere(profile, allowed)
        elif all(size.reason for size in sizes):
            reason = sizes[0].reason
        return ProfileShown(
            name=profile.name,
            title=profile.title,
            description=profile.description,
            framework=profile.framework,
            environment=profile.environment,
            available=reason is None,
            reason=reason,
            sizes=sizes,
        )

    def _size(
        self,
        profile: Profile,
        size: Size,
        allowed: Constraints,
        selected: Sequence[Machine],
        free: Mapping[str, Resources],
    ) -> SizeShown:
        reserve, limit = self.resources(profile, size, "server")
        of_job, _ = self.resources(profile, size, "job")
        # More cores than any machine has would be promised in vain, even where none are reserved.
        usable = [machine for machine in selected if machine.takes(limit, allowed)]
        ever = queue.could_ever_run(limit, usable, constraints=allowed)
        room = [free[machine.name] for machine in usable] if ever else []
        lacking = KEPT_AWAY if selected and not usable else f"No machine here has {limit.words()}."
        return SizeShown(
            name=size.name,
            title=size.title,
            cpus=limit.cpus_m / 1000,
            memory_bytes=limit.memory_bytes,
            accelerators=dict(limit.devices),
            default=size is profile.default_size,
            free_now=sum(_times(reserve, one) for one in room),
            free_for_jobs=sum(_times(of_job, one) for one in room),
            reason=None if ever else lacking,
        )


def _nowhere(profile: Profile, allowed: Constraints) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in allowed.labels)
    return f"The profile “{profile.title}” needs a machine with {labels}, and there is none here."


def _only(machines: Sequence[Machine], free: Mapping[str, Resources]) -> MachineFree | None:
    if len(machines) != 1:
        return None
    all_of_it, left = machines[0].allocatable, free[machines[0].name]
    return MachineFree(
        cpus=all_of_it.cpus_m / 1000,
        free_cpus=max(0, left.cpus_m) / 1000,
        memory_bytes=all_of_it.memory_bytes,
        free_memory_bytes=max(0, left.memory_bytes),
    )


def _engine(resources: ProfileResources) -> Resources:
    return Resources.of(resources.cpus, resources.memory_bytes, resources.accelerators)


def _times(reserve: Resources, room: Resources) -> int:
    """How often `reserve` fits into `room`."""
    counts = []
    if reserve.cpus_m:
        counts.append(room.cpus_m // reserve.cpus_m)
    if reserve.memory_bytes:
        counts.append(room.memory_bytes // reserve.memory_bytes)
    there = dict(room.devices)
    counts += [there.get(name, 0) // count for name, count in reserve.devices]
    return max(0, min(counts, default=0))
