"""The spawn page in a real browser: by keyboard, narrow, light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_platform import PASSWORDS, Platform
from playwright.sync_api import Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium")


@pytest.fixture(scope="module")
def page(platform: Platform) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        opened = browser.new_page(base_url=platform.url, viewport={"width": 400, "height": 800})
        opened.goto("/hub/login")
        opened.fill("#username_input", "bob")
        opened.fill("#password_input", PASSWORDS["bob"])
        opened.press("#password_input", "Enter")
        opened.wait_for_url("**/hub/spawn")
        yield opened
        browser.close()


def show(page: Page, name: str) -> None:
    """Keep a screenshot where HIMALIA_SCREENSHOTS says, to look at."""
    folder = os.environ.get("HIMALIA_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


def test_fits_400_pixels_in_both_themes(page: Page) -> None:
    page.goto("/hub/spawn")
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.setAttribute('data-bs-theme', theme)", theme)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 400
        show(page, f"spawn-400-{theme}")
    page.set_viewport_size({"width": 1100, "height": 800})
    show(page, "spawn-1100")
    page.set_viewport_size({"width": 400, "height": 800})


def test_account_pages_fit_too(platform: Platform, page: Page) -> None:
    platform.accounts.invite()
    for path in ("/hub/password", "/hub/signup"):
        page.goto(path)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 400
        for field in page.query_selector_all("input:not([type=hidden])"):
            assert page.query_selector(f"label[for={field.get_attribute('id')}]")
        show(page, path.rsplit("/", 1)[-1])


def test_is_used_by_keyboard_alone(page: Page) -> None:
    page.goto("/hub/spawn")
    focused = "document.activeElement.value"
    page.wait_for_function(
        f"{focused} == 'base/small'"
    )  # Chromium heeds autofocus when it first draws the page
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == "base/large"
    page.keyboard.press("ArrowDown")  # what is not available is passed over
    assert page.evaluate(focused) == "base/small"
    page.keyboard.press("ArrowUp")
    assert page.evaluate(f"{focused} && document.activeElement.checked") is True
    page.keyboard.press("Enter")
    page.wait_for_url("**/user/bob/lab**", timeout=60_000)
    page.wait_for_selector("#jp-main-dock-panel", timeout=60_000)
    show(page, "lab")
