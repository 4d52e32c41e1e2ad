"""What can be started here: profiles, joined with the environments that exist and what is free now."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from himalia.core import clock
from himalia.core.errors import Invalid
from himalia.core.settings import Settings
from himalia.engine import queue
from himalia.engine.resources import Resources
from himalia.engine.service import Engine
from himalia.environments.interpreter import base_prefixes
from himalia.jobs.service import Chosen
from himalia.profiles.load import default_folder, load
from himalia.profiles.model import Profile, Profiles, Size
from himalia.profiles.model import Resources as ProfileResources
from himalia.servers.schema import (
    MachineFree,
    ProfileItems,
    ProfileShown,
    ReservedEnvironment,
    SizeShown,
)

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How long the profiles' files are taken to be unchanged."""


class Wanted(Protocol):
    """The part of a spec that says what to run on."""

    @property
    def profile(self) -> str: ...
    @property
    def size(self) -> str | None: ...
    @property
    def environment(self) -> str | None: ...


class Catalogue:
    """Profiles by name, read again when their folder changed."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.home = settings.home
        self.folder = settings.profiles_dir or default_folder()
        self.engine = engine
        self._seen = self._stamp()
        self._looked = clock.monotonic()
        self._profiles = load(self.folder)

    @property
    def profiles(self) -> Profiles:
        """The profiles as they stand; a folder with a mistake in it leaves the last good ones."""
        if clock.monotonic() - self._looked < LOOK_S:
            return self._profiles
        self._looked = clock.monotonic()
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._profiles = load(self.folder)
            except (ValueError, OSError) as error:
                log.error("The profiles were changed but cannot be used: %s", error)
        return self._profiles

    def _stamp(self) -> frozenset[tuple[str, int]]:
        return frozenset((path.name, path.stat().st_mtime_ns) for path in self.folder.glob("*.yaml"))

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
        reserve, limit = profile.resources(kind, size.name)
        return _engine(reserve), _engine(limit)

    def choose(self, spec: Wanted, groups: tuple[str, ...], kind: str = "job") -> Chosen:
        """What the spec of a job, or of another kind, comes to. Raises Invalid, also for an environment not here."""
        profile, size = self.find(spec.profile, spec.size, groups)
        environment = spec.environment or profile.environment
        self.check_ready(environment)
        reserve, limit = self.resources(profile, size, kind)
        return Chosen(profile.name, size.name, environment, reserve, limit)

    def is_ready(self, environment: str) -> bool:
        """Whether the environment is on this machine."""
        return os.path.exists(f"{self.home}/environments/{environment}/bin/python")  # noqa: PTH110 (often called)

    def check_ready(self, environment: str) -> None:
        """Raise Invalid unless the environment is on this machine."""
        if not self.is_ready(environment):
            raise Invalid.field("spec.environment", _missing(environment))

    def _prefix(self, environment: str) -> Path:
        return self.home / "environments" / environment

    def environment(self, name: str) -> ReservedEnvironment:
        """An environment as the spawner needs it."""
        prefix = self._prefix(name)
        titles = {profile.environment: profile.title for profile in reversed(list(self.profiles))}
        return ReservedEnvironment(
            name=name,
            title=titles.get(name, name),
            prefix=str(prefix),
            binds=[str(path) for path in base_prefixes(prefix)],
        )

    def environments(self) -> list[ReservedEnvironment]:
        """Every environment that is ready."""
        folder = self.home / "environments"
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        return [self.environment(name) for name in names if self.is_ready(name)]

    def show(self, groups: tuple[str, ...] | None) -> ProfileItems:
        """Profiles for members of `groups` (None: all), with what is free now."""
        machines = self.engine.machines()
        left = queue.free(list(self.engine.board.holding.values()), machines)
        room = list(left.values())
        largest = max(machines, key=lambda machine: machine.allocatable.memory_bytes)
        profiles = self.profiles if groups is None else self.profiles.for_groups(groups)
        free = left[largest.name]
        return ProfileItems(
            items=[self._shown(profile, room) for profile in profiles],
            machine=MachineFree(
                cpus=largest.allocatable.cpus_m / 1000,
                free_cpus=max(0, free.cpus_m) / 1000,
                memory_bytes=largest.allocatable.memory_bytes,
                free_memory_bytes=max(0, free.memory_bytes),
            ),
        )

    def _shown(self, profile: Profile, room: list[Resources]) -> ProfileShown:
        sizes = [self._size(profile, size, room) for size in profile.sizes]
        reason = None
        if not self.is_ready(profile.environment):
            reason = _missing(profile.environment)
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

    def _size(self, profile: Profile, size: Size, room: list[Resources]) -> SizeShown:
        reserve, limit = self.resources(profile, size, "server")
        of_job, _ = self.resources(profile, size, "job")
        # More cores than any machine has would be promised in vain, even where none are reserved.
        ever = queue.could_ever_run(limit, self.engine.machines())
        return SizeShown(
            name=size.name,
            title=size.title,
            cpus=limit.cpus_m / 1000,
            memory_bytes=limit.memory_bytes,
            accelerators=dict(limit.devices),
            default=size is profile.default_size,
            free_now=sum(_times(reserve, one) for one in room) if ever else 0,
            free_for_jobs=sum(_times(of_job, one) for one in room) if ever else 0,
            reason=None if ever else f"No machine here has {limit.words()}.",
        )


def _engine(resources: ProfileResources) -> Resources:
    return Resources.of(resources.cpus, resources.memory_bytes, resources.accelerators)


def _missing(environment: str) -> str:
    return (
        f"The environment {environment} is not on this machine. An administrator makes it with: "
        f"`himalia environments create {environment}`"
    )


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
