"""Processors by Kubernetes' names: amd64, arm64."""

from __future__ import annotations

import platform

LABEL = "kubernetes.io/arch"
"""The label of a node with its processor, which every cluster sets."""

_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


def own() -> str:
    """This machine's."""
    machine = platform.machine()
    return _NAMES.get(machine, machine)
