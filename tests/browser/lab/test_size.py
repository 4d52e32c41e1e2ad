"""How much the panels add to Lab's start."""

from __future__ import annotations

import gzip

from .conftest import REPOSITORY

MOST_BYTES = 300 * 1024
STATIC = REPOSITORY / "extensions" / "himalia_lab" / "labextension" / "static"


def test_the_panels_are_light() -> None:
    """Compressed, all scripts together: what is loaded at the start is only part of them."""
    scripts = list(STATIC.glob("*.js"))
    assert scripts, "The panels are not built."
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) <= MOST_BYTES
