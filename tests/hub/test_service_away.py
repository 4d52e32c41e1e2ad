"""What a browser is shown while Himalia's service does not answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hub_platform import Browser, Platform
from playwright.sync_api import expect, sync_playwright


@pytest.fixture
def without_service(platform: Platform) -> Iterator[Platform]:
    platform.service.stop()
    yield platform
    platform.start_service()


def test_the_page_says_what_is_away(without_service: Platform) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        answer = page.goto(f"{without_service.url}/services/himalia/login?code=1")
        assert answer is not None
        assert answer.status == 503
        expect(page.get_by_text("Himalia's service does not answer")).to_be_visible()
        expect(page.get_by_text("Your server appears to be down")).to_have_count(0)
        with page.expect_navigation(url="**/services/himalia/login?code=1"):
            page.get_by_role("link", name="Try again").click()
        page.goto(f"{without_service.url}/hub/error/503?url=/user/ada/lab")
        expect(page.get_by_text("Your server appears to be down")).to_be_visible()
        expect(page.get_by_text("Himalia's service does not answer")).to_have_count(0)
        browser.close()


def test_a_refused_start_keeps_its_own_words(without_service: Platform, ada: Browser) -> None:
    ada.sign_in()
    refused = ada.hub_api("POST", "/users/ada/server", json={})
    assert refused.status_code == 503
    assert "The Himalia service does not answer now." in refused.text
