"""The panels on a real platform, by the ways that the main job does not take, and after a second sign-in."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import pytest
from pictures import shot
from platforms import PASSWORD, Person, Running
from playwright.sync_api import Browser, Page, Request, Route, expect
from test_main_job import show_navigator

SECONDS = 1000
STATE = ".hm-Item-header .hm-State"
SCRIPT = "import time\nprint('from a script', flush=True)\ntime.sleep(4)\n"


@pytest.fixture(scope="module")
def irene(himalia: Running) -> Iterator[Person]:
    """Somebody who works in the browser and has a script and a second project."""
    himalia.add_user("irene")
    person = Person(himalia, "irene")
    person.http.post("/projects", json={"name": "hopping", "spec": {"title": "Hopping"}}).raise_for_status()
    yield person
    person.close()


@pytest.fixture
def page(chromium: Browser, himalia: Running, irene: Person) -> Iterator[Page]:
    """Hedy's Lab in a browser that remembers nothing; her server stays from test to test."""
    page = chromium.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.set_default_timeout(30 * SECONDS)
    yield page
    page.context.close()


def sign_in(page: Page, himalia: Running) -> None:
    page.goto(f"{himalia.url}/hub/login?next=/hub/spawn")
    page.get_by_label("Username").fill("irene")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # The form where no server runs; otherwise straight to Lab.
    choice = page.locator('input[value="base/small"]')
    choice.or_(page.locator("#jp-top-panel, #top-panel").first).first.wait_for(timeout=120 * SECONDS)
    if choice.count():
        choice.check()
        page.locator("[type=submit]").click()
    page.wait_for_url("**/user/irene/lab**", timeout=120 * SECONDS)
    page.locator("#jp-top-panel, #top-panel").first.wait_for(timeout=120 * SECONDS)


def stop_server(person: Person) -> None:
    person.stop_server()
    deadline = time.monotonic() + 60
    while person.browser.get(f"/hub/api/users/{person.name}").json()["server"] is not None:
        assert time.monotonic() < deadline, "the server does not stop"
        time.sleep(0.2)


def write_script(himalia: Running, person: Person) -> None:
    identifier = person.http.get("/whoami").json()["person"]["id"]
    home = himalia.home / "people" / identifier / "home"
    (home / "hop.py").write_text(SCRIPT)
    os.chown(home / "hop.py", home.stat().st_uid, home.stat().st_gid)


def test_a_script_from_the_file_browser_to_undo(page: Page, himalia: Running, irene: Person) -> None:
    sign_in(page, himalia)
    write_script(himalia, irene)
    page.goto(f"{himalia.url}/user/irene/lab?reset")
    page.locator(".jp-DirListing-item", has_text="hop.py").click(button="right")
    page.locator(".lm-Menu-item", has_text=re.compile("^Run as job$")).click()
    form = page.get_by_role("dialog", name="Run “hop.py” as a job")
    form.get_by_text("More", exact=True).click()
    form.get_by_label("Name").fill("hop")
    form.get_by_role("button", name="Run", exact=True).click()
    attempt = page.get_by_role("region", name="Attempts").locator("tbody tr")
    expect(page.locator(f"{STATE}[data-state=RUNNING]")).to_be_visible(timeout=60 * SECONDS)
    expect(attempt.locator(".hm-State")).to_have_text("Running")
    shot(page, "script-running")
    notice = page.get_by_role("alert").filter(has_text="“hop” succeeded")
    notice.get_by_role("button", name="Open").click(timeout=60 * SECONDS)
    expect(attempt.locator(".hm-State")).to_have_text("Succeeded")
    page.locator(".hm-View").get_by_role("tab", name="Log").click()
    expect(page.locator(".hm-Log-line", has_text="from a script")).to_be_visible()
    # No question of Lab's own about calls to the world outside.
    expect(page.get_by_text("Jupyter news")).to_have_count(0)
    show_navigator(page)
    hop = page.locator(".hm-JobRow").filter(has=page.get_by_text("hop", exact=True))
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(hop).to_have_count(0)
    page.get_by_text("“hop” is deleted.").wait_for()
    assert irene.http.get(f"/projects/{irene.project}/jobs/hop").status_code == 404
    page.get_by_role("button", name="Undo").click()
    expect(hop).to_be_visible()
    assert irene.job("hop")["status"]["state"] == "SUCCEEDED"


def test_new_kernels_belong_to_the_chosen_project(page: Page, himalia: Running, irene: Person) -> None:
    sign_in(page, himalia)
    show_navigator(page)
    with page.expect_response(lambda answer: "/himalia/project" in answer.url) as chosen:
        page.get_by_label("Project").select_option(label="Hopping")
    assert chosen.value.ok
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    # Remembered by the next page.
    page.reload()
    show_navigator(page)
    expect(page.get_by_label("Project")).to_have_value("hopping")
    with page.expect_response(lambda answer: remembers(answer.request, irene.project)):
        page.get_by_label("Project").select_option(label="irene (personal)")
    expect(page.locator(".hm-JobRow").first).to_be_visible()


def remembers(request: Request, project: str) -> bool:
    """Whether Lab keeps by it that a project is chosen."""
    kept = "/api/workspaces/" in request.url and request.method == "PUT"
    return kept and request.post_data_json["data"].get("@himalia/lab:project") == project


def test_the_navigator_is_there_after_a_second_sign_in(page: Page, himalia: Running, irene: Person) -> None:
    """With the server started anew, a sidebar that was closed, and a service and files that are slow to come."""
    sign_in(page, himalia)
    show_navigator(page)
    with page.expect_response(
        lambda answer: "/api/workspaces/" in answer.url and answer.request.method == "PUT"
    ):
        page.keyboard.press("Control+b")
    page.context.clear_cookies()
    stop_server(irene)

    def late(route: Route) -> None:
        time.sleep(0.3)  # one behind the other
        route.continue_()

    page.route(re.compile(r"/services/himalia/api|/extensions/@himalia/"), late)
    sign_in(page, himalia)
    shot(page, "second-sign-in")
    show_navigator(page)
    expect(page.locator(".hm-JobRow").first).to_be_visible()
