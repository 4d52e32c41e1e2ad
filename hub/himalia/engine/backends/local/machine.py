"""This machine: its cores, memory and accelerators."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

from himalia.core import architecture
from himalia.engine.resources import Machine, Resources

DEVICES = {
    "nvidia.com/gpu": re.compile(r"nvidia\d+$"),
    "huawei.com/Ascend910": re.compile(r"davinci\d+$"),
}
"""Device files by the resource name that profiles use."""

SHARED_DEVICES = {
    "nvidia.com/gpu": ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"),
    "huawei.com/Ascend910": ("/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc"),
}
"""Device files that every workload with such a device needs beside its own."""

KEPT_MEMORY = 0.05
"""Share of the memory that is never given out: the platform itself lives there."""


def this_machine() -> Machine:
    """What may be given out here. The memory is the machine's, or its control group's if that is less."""
    found = {
        name: tuple(sorted(str(path) for path in Path("/dev").iterdir() if pattern.match(path.name)))
        for name, pattern in DEVICES.items()
    }
    found = {name: paths for name, paths in found.items() if paths}
    memory = int(_memory_bytes() * (1 - KEPT_MEMORY))
    counts = {name: len(paths) for name, paths in found.items()}
    cores = len(os.sched_getaffinity(0))
    labels = {architecture.LABEL: architecture.own()}
    return Machine(socket.gethostname(), Resources.of(cores, memory, counts), found, labels=labels)


def device_files(given: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Every device file to be bound for the devices that were given."""
    paths: list[str] = []
    for name, own in given.items():
        if own:
            paths += [*own, *(path for path in SHARED_DEVICES.get(name, ()) if Path(path).exists())]
    return tuple(paths)


def _memory_bytes() -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [total]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    return min(limits)
