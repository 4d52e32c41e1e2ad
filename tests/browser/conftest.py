"""A browser for the tests of a module."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import started_chromium, warm_chromium
from playwright.sync_api import Browser, BrowserContext


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Playwright's loop runs as long as this: other modules of the process have loops of their own."""
    with started_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def loaded() -> Iterator[Path]:
    """What browsers have loaded and compiled, for those that come after them."""
    with tempfile.TemporaryDirectory(prefix="chromium", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def warm(chromium: Browser, loaded: Path) -> Iterator[BrowserContext]:
    """For the many pages of Lab: a browser that need not compile all of it anew."""
    with warm_chromium(chromium, loaded) as context:
        yield context
