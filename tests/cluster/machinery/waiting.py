"""Waiting for what a cluster does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from .parts import ClusterError

Found = TypeVar("Found")


def until(look: Callable[[], Found], what: str, within_s: float = 90, every_s: float = 0.2) -> Found:
    """What ``look`` finds as soon as it finds something; an error that names ``what`` when it takes too long."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise ClusterError(f"Not within {within_s:.0f} s: {what}.")
        time.sleep(every_s)
    return found
