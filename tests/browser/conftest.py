"""A browser for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import started_chromium
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Playwright's loop runs as long as this: other modules of the process have loops of their own."""
    with started_chromium() as browser:
        yield browser
