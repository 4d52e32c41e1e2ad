"""Where the folders are that come with Himalia beside its code: profiles, images, examples."""

from __future__ import annotations

import sys
from pathlib import Path


def shipped(name: str) -> Path:
    """The folder `name`: in a checkout its own, else where the wheel puts it, below the prefix."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "setup.cfg").is_file():
        return checkout / name
    return Path(sys.prefix, "share", "himalia", name)
