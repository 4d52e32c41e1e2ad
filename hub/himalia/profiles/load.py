"""Reads a folder of profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from himalia.core.shipped import shipped
from himalia.profiles.check import Problem, ProfilesError, line_of, read
from himalia.profiles.model import Idle, KindRule, Kubernetes, Profile, Profiles, Resources, Size
from himalia.profiles.units import parse_cpus, parse_memory, parse_reserved_cpus, parse_timeout

__all__ = ["Problem", "Profile", "Profiles", "ProfilesError", "default_folder", "load"]


def default_folder() -> Path:
    """Where the profiles are that come with Himalia: in a checkout its spawner-profiles/, else below the prefix."""
    return shipped("spawner-profiles")


def load(folder: Path | None = None) -> Profiles:
    """The profiles of all `*.yaml` files in `folder` (by default `default_folder()`).

    Raises ProfilesError with every problem of every file.
    """
    folder = default_folder() if folder is None else folder
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ProfilesError(
            [Problem(folder, 1, "there is no profile here: put at least one .yaml file into it.")]
        )
    problems: list[Problem] = []
    profiles: dict[str, Profile] = {}
    for file in files:
        data, found = read(file)
        problems += found
        if found:
            continue
        profile = _profile(data)
        if profile.name in profiles:
            text = f"name: {profile.name!r} is the name of another profile too. Choose another one."
            problems.append(Problem(file, line_of(data, ["name"]), text))
        profiles[profile.name] = profile
    if problems:
        raise ProfilesError(problems)
    return Profiles(tuple(sorted(profiles.values(), key=lambda p: (p.order, p.title, p.name))), folder)


def _profile(data: Any) -> Profile:
    cluster = data.get("kubernetes", {})
    idle = data.get("idle", {})
    return Profile(
        name=str(data["name"]),
        title=str(data["title"]),
        description=str(data.get("description", "")).strip(),
        framework=str(data.get("framework", "")),
        environment=str(data["environment"]),
        sizes=tuple(_size(size) for size in data["sizes"]),
        order=int(data.get("order", 100)),
        groups=frozenset(map(str, data.get("groups", ()))),
        kinds={str(kind): _rule(rule) for kind, rule in data.get("kinds", {}).items()},
        idle=Idle(
            parse_timeout(idle.get("timeout", "1h")),
            parse_timeout(idle.get("max_age", "never")),
            parse_timeout(idle.get("unused_accelerators", "never")),
        ),
        ssh=bool(data.get("ssh", False)),
        kubernetes=_kubernetes(cluster),
    )


def _kubernetes(data: Any) -> Kubernetes:
    texts = {
        key: {str(name): str(value) for name, value in data.get(key, {}).items()}
        for key in ("node_selector", "labels", "annotations")
    }
    tolerations = tuple(
        {str(name): value if isinstance(value, int) else str(value) for name, value in one.items()}
        for one in data.get("tolerations", ())
    )
    shared = data.get("shared_memory")
    return Kubernetes(
        image=str(data["image"]) if "image" in data else None,
        tolerations=tolerations,
        priority_class=str(data["priority_class"]) if "priority_class" in data else None,
        runtime_class=str(data["runtime_class"]) if "runtime_class" in data else None,
        shared_memory_bytes=None if shared is None else parse_memory(shared),
        **texts,
    )


def _size(data: Any) -> Size:
    accelerators = {str(name): int(count) for name, count in data.get("accelerators", {}).items()}
    resources = Resources(parse_cpus(data["cpus"]), parse_memory(data["memory"]), accelerators)
    return Size(str(data["name"]), str(data["title"]), resources, bool(data.get("default", False)))


def _rule(data: Any) -> KindRule:
    reserve, limit = data.get("reserve", {}), data.get("limit", {})
    return KindRule(
        reserve_cpus=parse_reserved_cpus(reserve["cpus"]) if "cpus" in reserve else None,
        reserve_memory_bytes=parse_memory(reserve["memory"]) if "memory" in reserve else None,
        limit_cpus=parse_cpus(limit["cpus"]) if "cpus" in limit else None,
        limit_memory_bytes=parse_memory(limit["memory"]) if "memory" in limit else None,
    )
