"""A distributed job by mouse: replicas in the form of Run as job, and each rank's state, log and metrics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loop_pages import opened_lab
from platforms import Person, Running
from playwright.sync_api import BrowserContext, Page, expect

SECONDS = 1000


@pytest.fixture(scope="module")
def leslie(himalia: Running) -> Iterator[Person]:
    """Somebody who works in the browser."""
    himalia.add_user("leslie")
    person = Person(himalia, "leslie")
    yield person
    person.close()


@pytest.fixture(scope="module")
def page(warm: BrowserContext, leslie: Person) -> Iterator[Page]:
    """Leslie's Lab."""
    with opened_lab(warm, leslie) as page:
        page.set_default_timeout(60 * SECONDS)
        yield page


def open_tab(page: Page, name: str) -> None:
    page.locator(".hm-View:not(.lm-mod-hidden)").get_by_role("tab", name=name).click()


def test_replicas_are_chosen_and_every_rank_is_shown(page: Page, himalia: Running, leslie: Person) -> None:
    page.goto(f"{himalia.url}/user/leslie/lab/tree/examples/distributed/average.py?reset")
    page.locator(".jp-DirListing-item", has_text="average.py").click(button="right")
    page.locator(".lm-Menu-item", has_text="Run as job").click()
    form = page.get_by_role("dialog", name="Run “average.py” as a job")
    form.get_by_label("Replicas").fill("many")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(form.get_by_role("alert")).to_have_text("Write a whole number from 1 to 64.")
    form.get_by_label("Replicas").fill("2")
    form.get_by_role("button", name="Run", exact=True).click()
    succeeded = page.locator(".hm-Item-header .hm-State[data-state=SUCCEEDED]")
    expect(succeeded).to_be_visible(timeout=90 * SECONDS)
    ranks = page.get_by_role("region", name="Ranks")
    expect(ranks.locator("tbody tr")).to_have_count(2)
    expect(ranks.locator(".hm-State[data-state=SUCCEEDED]")).to_have_count(2)
    open_tab(page, "Log")
    expect(page.locator(".hm-Log-line", has_text="rank 0 of 2: y = ")).to_be_visible()
    page.get_by_label("Rank").select_option("1")
    expect(page.locator(".hm-Log-line", has_text="rank 1 of 2: y = ")).to_be_visible()
    open_tab(page, "Metrics")
    expect(page.locator(".hm-Plot")).to_have_count(1)
    page.locator(".hm-View:not(.lm-mod-hidden)").get_by_label("Rank").select_option("1")
    expect(page.locator(".hm-Plot").first.locator("canvas, svg.marks")).to_be_visible(timeout=30 * SECONDS)
    (job,) = leslie.http.get(f"/projects/{leslie.project}/jobs").json()["items"]
    assert job["spec"]["replicas"] == 2
