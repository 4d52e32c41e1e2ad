"""What people can choose: profiles against machines that are not for everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from himalia.core.errors import Invalid
from himalia.core.settings import Settings
from himalia.engine.board import Board
from himalia.engine.resources import Machine, Resources
from himalia.engine.service import Engine
from himalia.environments.places import ImageEnvironments
from himalia.profiles.constraints import Taint
from himalia.profiles.folder import ProfileFolder
from himalia.servers.catalogue import Catalogue
from himalia.servers.schema import ProfileShown

GIB = 2**30
PROFILE = """
name: {name}
title: {name}
environment: base
sizes:
  - {{name: small, title: Small, cpus: 1, memory: 1GiB, default: true}}
  - {{name: gpu, title: One GPU, cpus: 1, memory: 1GiB, accelerators: {{nvidia.com/gpu: 1}}}}
{more}
"""
ARM = "kubernetes: {node_selector: {kubernetes.io/arch: arm64}}"
TOLERANT = "kubernetes: {tolerations: [{key: team, operator: Equal, value: vision}]}"


def machine(name: str, arch: str = "amd64", *taints: Taint, gpus: int = 0) -> Machine:
    have = Resources.of(4, 4 * GIB, {"nvidia.com/gpu": gpus})
    return Machine(name, have, labels={"kubernetes.io/arch": arch}, taints=taints)


@dataclass(frozen=True)
class Here:
    catalogue: Catalogue
    engine: Engine

    def shown(self, profile: str) -> ProfileShown:
        return next(one for one in self.catalogue.show(None).items if one.name == profile)

    def free(self, profile: str, size: str = "small") -> tuple[int | None, str | None]:
        """How many servers of it fit, and why none ever would."""
        found = next(one for one in self.shown(profile).sizes if one.name == size)
        return found.free_now, found.reason


@pytest.fixture
def here(tmp_path: Path) -> Callable[..., Here]:
    """A catalogue with three profiles, on these machines."""
    for name, more in {"any": "", "arm": ARM, "vision": TOLERANT}.items():
        (tmp_path / f"{name}.yaml").write_text(PROFILE.format(name=name, more=more))
    profiles = ProfileFolder(tmp_path)
    environments = ImageEnvironments(Settings(home=Path("/h")), profiles.now)

    def make(*machines: Machine) -> Here:
        board = Board()
        board.constraints = environments.constraints
        engine = Engine(board, lambda: list(machines))
        return Here(Catalogue(profiles, environments, engine), engine)

    return make


def test_a_profile_counts_the_machines_of_its_processor(here: Callable[..., Here]) -> None:
    both = here(machine("one"), machine("two", "arm64"))
    assert (both.free("arm"), both.free("any")) == ((4, None), (8, None))
    one = here(machine("one"))
    assert one.shown("arm").reason == (
        "The profile “arm” needs a machine with kubernetes.io/arch=arm64, and there is none here."
    )
    with pytest.raises(Invalid, match="kept for others"):
        one.engine.check(Resources.of(1, GIB), "arm")


def test_a_tainted_machine_is_there_for_those_who_tolerate_it(here: Callable[..., Here]) -> None:
    found = here(machine("one", "amd64", Taint("team", "vision", "NoSchedule")))
    assert found.free("vision") == (4, None)
    free, reason = found.free("any")
    assert (free, "kept for others" in str(reason)) == (0, True)
    assert not found.shown("any").available
    found.engine.check(Resources.of(1, GIB), "vision")
    with pytest.raises(Invalid, match="kept for others"):
        found.engine.check(Resources.of(1, GIB), "any")


def test_a_machine_kept_for_gpus_is_free_for_those_alone(here: Callable[..., Here]) -> None:
    gpu = machine("gpus", "amd64", Taint("nvidia.com/gpu", "", "NoSchedule"), gpus=2)
    found = here(machine("one"), gpu)
    assert (found.free("any"), found.free("any", "gpu")) == ((4, None), (2, None))


def test_no_machine_at_the_moment_refuses_nobody(here: Callable[..., Here]) -> None:
    here().engine.check(Resources.of(1000, GIB), "arm")


def test_what_is_too_much_for_its_machines_is_refused(here: Callable[..., Here]) -> None:
    found = here(machine("one"), machine("two", "arm64"))
    with pytest.raises(Invalid, match=r"the largest has 4 cores, 4 GiB memory"):
        found.engine.check(Resources.of(5, GIB), "arm")
    found.engine.check(Resources.of(4, GIB), "any", 2)
    with pytest.raises(Invalid, match="2 times 4 cores"):
        found.engine.check(Resources.of(4, GIB), "arm", 2)
