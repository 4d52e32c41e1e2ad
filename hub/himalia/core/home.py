"""Where a platform's home folder is; standard library only, since the command asks too."""

from __future__ import annotations

import os
from pathlib import Path

HOME_LENGTH = 60
"""Bytes that a home path may have: a socket path below it must fit 107 (unix(7))."""


def default_home() -> Path:
    """`/var/lib/himalia` for root, else `himalia` in the person's data folder (XDG base directories)."""
    if os.geteuid() == 0:
        return Path("/var/lib/himalia")
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return Path(data) / "himalia"
