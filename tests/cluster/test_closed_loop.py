"""The whole way on a cluster, pressed in the panels: what one machine's own test presses, and nothing else."""

from __future__ import annotations

import pytest
from browser.chromium import started_chromium
from browser.six_steps import SECONDS, SixSteps
from machinery.release import Release
from platforms import Person
from playwright.sync_api import expect


@pytest.mark.timeout(1200)
def test_six_steps_in_pods(release: Release, ivy: Person) -> None:
    with started_chromium() as browser:
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        page.set_default_timeout(90 * SECONDS)
        expect.set_options(timeout=90 * SECONDS)
        SixSteps(page, release.url, ivy, lambda _name: None).all()
