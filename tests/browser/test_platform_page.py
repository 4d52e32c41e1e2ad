"""The hub's page for administrators: what runs, for whom, on what, and stopping it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pictures import shot
from platforms import PASSWORD, Person, Running
from playwright.sync_api import Browser, Page, expect


@pytest.fixture(scope="module")
def piet(himalia: Running) -> Iterator[Person]:
    """Somebody whose work the administrator sees."""
    himalia.add_user("piet")
    person = Person(himalia, "piet")
    yield person
    person.close()


def sign_in(browser: Browser, himalia: Running, name: str, width: int = 1300) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{himalia.url}/hub/login?next=/hub/home")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/hub/home")
    return page


def test_what_runs_is_seen_and_stopped(chromium: Browser, himalia: Running, piet: Person) -> None:
    job = piet.submit("sleep", "600")["name"]
    page = sign_in(chromium, himalia, "admin")
    page.get_by_role("link", name="Platform").click()
    row = page.get_by_role("row").filter(has_text="piet").filter(has_text=job)
    expect(row.get_by_text("Running")).to_be_visible()
    expect(row).to_contain_text("1 core")
    expect(page.get_by_role("progressbar", name="Memory")).to_be_visible()
    shot(page, "platform")

    page.get_by_label("Search").fill("nobody of that name")
    expect(page.get_by_text("Nothing here matches.")).to_be_visible()
    page.get_by_label("Search").fill("piet")
    page.get_by_label("Kind").select_option("server")
    expect(row).to_have_count(0)
    page.get_by_label("Kind").select_option("job")

    page.once("dialog", lambda dialog: dialog.dismiss())
    row.get_by_role("button", name="Stop").click()
    assert piet.job(job)["status"]["state"] == "RUNNING"
    page.once("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Stop").click()
    expect(row).to_have_count(0)
    status = piet.ended(job)["status"]
    assert (status["state"], status["reason"]) == ("STOPPED", "stopped_by_administrator")
    (asked,) = [event for event in piet.events() if event["kind"] == "workload.stop_asked"]
    assert asked["data"] == {"kind": "job", "by": "admin"}


def test_what_begins_later_comes_by_itself_and_fits_a_narrow_page(
    chromium: Browser, himalia: Running, piet: Person
) -> None:
    page = sign_in(chromium, himalia, "admin", width=420)
    page.goto(f"{himalia.url}/hub/platform")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    job = piet.submit("sleep", "600")["name"]
    row = page.get_by_role("row").filter(has_text="piet").filter(has_text=job)
    expect(row).to_be_visible()
    too_wide = page.evaluate(
        """[...document.querySelectorAll('#himalia-platform, #himalia-platform *')]
            .filter(one => !one.closest('.table-responsive'))
            .filter(one => one.getBoundingClientRect().right > innerWidth).map(one => one.outerHTML)"""
    )
    assert too_wide == []
    page.evaluate("document.documentElement.setAttribute('data-bs-theme', 'dark')")
    shot(page, "platform-narrow-dark")
    piet.http.post(f"/projects/{piet.project}/jobs/{job}/stop").raise_for_status()
    expect(row).to_have_count(0)


def test_others_have_no_such_page(chromium: Browser, himalia: Running, piet: Person) -> None:
    page = sign_in(chromium, himalia, "piet")
    expect(page.get_by_role("link", name="Platform")).to_have_count(0)
    for path in ("platform", "platform/stream"):
        answer = page.request.get(f"{himalia.url}/hub/{path}")
        assert answer.status == 404
    stopped = page.evaluate(
        """async () => (await fetch('/hub/platform/workloads/abc/stop', {
            method: 'POST', headers: {'X-XSRFToken': window.jhdata.xsrf_token}})).status"""
    )
    assert stopped == 404


def test_another_page_of_the_origin_cannot_stop_things(
    chromium: Browser, himalia: Running, piet: Person
) -> None:
    page = sign_in(chromium, himalia, "admin")
    job = piet.submit("sleep", "600")
    status = page.evaluate(
        "async id => (await fetch(`/hub/platform/workloads/${id}/stop`, {method: 'POST'})).status", job["id"]
    )
    assert status == 403
    assert piet.job(job["name"])["status"]["state"] in ("QUEUED", "STARTING", "RUNNING")
    piet.http.post(f"/projects/{piet.project}/jobs/{job['name']}/stop").raise_for_status()
