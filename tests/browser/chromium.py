"""Headless Chromium: the machine's own, or the one that `HIMALIA_CHROMIUM` names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


PATIENCE_MS = 60_000
"""How long what is expected of a page is waited for: the first load of MLflow's pages takes long on two cores."""


@contextmanager
def started_chromium() -> Iterator[Browser]:
    """A browser of one's own; a thread can have one of Playwright's loops only."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        path = os.environ.get("HIMALIA_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()
