"""From a folder of pictures to a model that answers, pressed in the panels; a new version takes over under load."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import httpx
import pictures
import pytest
from platforms import Person, Running
from playwright.sync_api import Browser, Page, expect
from six_steps import SECONDS, SixSteps

TRIALS = 6


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


class Callers:
    """Calls an endpoint again and again, as programs do; `failed` holds what was not a prediction."""

    def __init__(self, url: str, token: str, body: object) -> None:
        self.calls = 0
        self.failed: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(url, token, body))

    def _run(self, url: str, token: str, body: object) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            while not self._stop.wait(0.02):
                answer = client.post(url, json=body)
                self.calls += 1
                if answer.status_code != 200 or "outputs" not in answer.json():
                    self.failed.append(f"{answer.status_code}: {answer.text[:200]}")

    def __enter__(self) -> Callers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.timeout(900)
def test_six_steps(page: Page, himalia: Running, iris: Person) -> None:
    shot = partial(pictures.shot, page)
    steps = SixSteps(page, himalia, "iris", shot)
    steps.sign_in()
    steps.make_dataset()
    steps.run_job()
    steps.search(TRIALS)
    steps.register()
    steps.deploy()

    # Version 2, of the first job, takes over while it is being called, and goes again.
    at = f"/projects/{iris.project}"
    job = iris.http.get(f"{at}/jobs").json()["items"][0]["name"]
    iris.http.post(f"{at}/models/digits/versions", json={"job": job}, timeout=60).raise_for_status()
    token = iris.http.post(f"{at}/endpoints/digits/tokens", json={}).raise_for_status().json()["token"]
    example = iris.http.get(f"{at}/endpoints/digits/example").raise_for_status().json()
    subtitle = page.locator(".hm-View:not(.lm-mod-hidden) .hm-Item-subtitle")
    with Callers(example["url"], token, example["body"]) as callers:
        page.get_by_role("button", name="Update…", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Update").click()
        expect(subtitle).to_contain_text("digits@2", timeout=150 * SECONDS)
        steps.call("2")
        page.get_by_role("button", name="Roll back", exact=True).click()
        expect(subtitle).to_contain_text("digits@1", timeout=150 * SECONDS)
        steps.call("1")
    assert callers.failed == []
    assert callers.calls > 20
    steps.tab("Traffic")
    for title in ("Requests", "Time to answer"):
        plot = page.locator("figure").filter(has=page.locator("figcaption", has_text=title))
        expect(plot.locator("canvas, svg.marks").first).to_be_visible()
    shot("endpoint-traffic")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.locator(".hm-View:not(.lm-mod-hidden) .hm-Item-header .hm-State")).to_have_text("Stopped")
