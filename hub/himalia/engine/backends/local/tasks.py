"""The task that a runner of this machine is given for one rank of a launch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from himalia.engine.backends.base import KERNEL, Launch
from himalia.engine.backends.local.members import rank_name
from himalia.engine.backends.local.runner import Runner, opened_inside
from himalia.engine.backends.local.sandbox import API_INSIDE, SOCKETS
from himalia.environments.index import index_environment

SERVE = "serve.sock"
"""What a workload that serves listens on, in the folder that it sees at /run/himalia."""

VISIBLE = {"nvidia.com/gpu": "CUDA_VISIBLE_DEVICES", "huawei.com/Ascend910": "ASCEND_RT_VISIBLE_DEVICES"}
"""The variables by which a rank sees its own among the devices of its group's sandbox."""


def task(launch: Launch, runner: Runner, prefix: Path, log_limit_bytes: int, rank: int = 0) -> dict[str, Any]:
    """See docs/architecture.md, "Runner protocol"; `prefix` is the environment that the launch runs in."""
    python = str(prefix / "bin" / "python")
    calls_api = not (launch.isolated or runner.key.building)
    environment = {
        "PATH": f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": str(prefix),
        "HIMALIA_PROJECT": launch.project.name,
        **({"HIMALIA_FILES_SOCKET": f"{API_INSIDE}/files.sock"} if calls_api else {}),
        **(index_environment() if runner.key.building else {}),
        **({"HIMALIA_SERVE_SOCKET": f"{SOCKETS}/{SERVE}"} if launch.isolated else {}),
        **(_of_group(launch, rank) if launch.replicas > 1 else {}),
        **launch.variables,
    }
    group = {"hosts": ["127.0.0.1"] * launch.replicas, "rank": rank} if launch.replicas > 1 else {}
    return {
        **launch.task,
        **group,
        "directory": f"/job/{rank_name(launch.name, rank, launch.replicas)}",
        "python": python,
        "kernel_argv": [python, *KERNEL],
        "environment": environment,
        "inputs": {path: _inside(one) for path, one in launch.inputs.items()},
        "calls_api": calls_api,
        "kernel_group": launch.kernel_group,
        "secret_environment": dict(launch.secrets),
        "secret_files": dict(launch.secrets),
        "memory_bytes": launch.limit.memory_bytes or None,
        "time_limit_s": launch.time_limit_s,
        "log_limit_bytes": log_limit_bytes,
        "token": launch.token,
    }


def devices_of_ranks(launch: Launch) -> list[Mapping[str, tuple[str, ...]]]:
    """The devices of each rank, by resource name."""
    return [launch.devices, *(spot.devices for spot in launch.others)]


def all_devices(launch: Launch) -> dict[str, tuple[str, ...]]:
    """The devices of all ranks together, by resource name, in the order of their numbers."""
    found: dict[str, list[str]] = {}
    for devices in devices_of_ranks(launch):
        for name, given in devices.items():
            found.setdefault(name, []).extend(given)
    return {name: tuple(sorted(given, key=_number)) for name, given in found.items()}


def _of_group(launch: Launch, rank: int) -> dict[str, str]:
    """What a rank of a group is told beside its place: the only network interface, and which devices are its own."""
    variables = dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME", "TP_SOCKET_IFNAME"), "lo")
    variables["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = (
        "0"  # nothing listens for it there: it is to say so at once
    )
    every = all_devices(launch)
    for name, own in devices_of_ranks(launch)[rank].items():
        if own and name in VISIBLE:
            variables[VISIBLE[name]] = ",".join(str(every[name].index(device)) for device in own)
    return variables


def _number(device: str) -> tuple[int, str]:
    digits = re.search(r"(\d+)$", device)
    return (int(digits[1]) if digits else 0), device


def _inside(one: Mapping[str, str]) -> str:
    """Where an input is inside the sandbox."""
    if "folder" in one:
        return opened_inside(one["folder"])
    return f"/checkouts/{one['tree']}/{one['path']}".rstrip("/")
