"""From a folder of pictures to a model that answers, pressed in the panels; a new version takes over under load."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pictures
import pytest
from platforms import Person, Running
from playwright.sync_api import Browser, Page, expect
from six_steps import SECONDS, SixSteps


@pytest.fixture(scope="module")
def iris(himalia: Running) -> Iterator[Person]:
    """A newcomer; her token is for looking from outside."""
    himalia.add_user("iris")
    person = Person(himalia, "iris")
    yield person
    person.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60 * SECONDS)
    expect.set_options(timeout=60 * SECONDS)
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    yield page
    context.close()
    assert thrown == []


@pytest.mark.timeout(900)
def test_six_steps(page: Page, himalia: Running, iris: Person) -> None:
    SixSteps(page, himalia.url, iris, partial(pictures.shot, page)).all()
