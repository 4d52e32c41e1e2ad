"""Headless Chromium: the machine's own, or the one that `HIMALIA_CHROMIUM` names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


PATIENCE_MS = 60_000
"""How long what is expected of a page is waited for: the first load of MLflow's pages takes long on two cores."""


@contextmanager
def started_chromium() -> Iterator[Browser]:
    """A browser of one's own; a thread can have one of Playwright's loops only."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_program(), args=OPTIONS)
        yield browser
        browser.close()


@contextmanager
def warm_chromium(browser: Browser, folder: Path) -> Iterator[BrowserContext]:
    """Another browser, which finds in `folder` what earlier ones loaded and compiled, and nothing else of theirs.

    A page of Lab takes it 2.6 s of a core instead of 4.4 s.
    """
    if (folder / "Default").exists():
        for path in (folder / "Default").iterdir():
            if path.is_dir() and path.name not in ("Cache", "Code Cache"):
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()
    context = browser.browser_type.launch_persistent_context(
        folder, executable_path=_program(), args=OPTIONS, viewport={"width": 1300, "height": 850}
    )
    yield context
    context.close()


def _program() -> str:
    return os.environ.get("HIMALIA_CHROMIUM", "/usr/bin/chromium")
