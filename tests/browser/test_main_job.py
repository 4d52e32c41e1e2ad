"""The main job, as a person does it: a notebook becomes a job, on a real platform, in headless Chromium."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pictures import shot
from platforms import PASSWORD, Person, Running
from playwright.sync_api import Browser, Page, expect

import himalia as sdk

STATE = ".hm-Item-header .hm-State"
EXAMPLE = Path(__file__).parents[2] / "examples" / "digits.ipynb"


@pytest.fixture(scope="module")
def hedy(himalia: Running) -> Iterator[Person]:
    """Somebody who works in the browser; her token is for looking from outside."""
    himalia.add_user("hedy")
    person = Person(himalia, "hedy")
    yield person
    person.close()


def sign_in(browser: Browser, himalia: Running) -> Page:
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(himalia.url)
    page.get_by_label("Username").fill("hedy")
    page.get_by_label("Password").fill(PASSWORD)
    shot(page, "login")
    page.get_by_role("button", name="Sign in").click()
    return page


def spawn(page: Page) -> None:
    """Choose scikit-learn on the spawn page and wait for Lab."""
    page.locator('input[value="scikit-learn/small"]').check()
    shot(page, "spawn")
    page.locator("[type=submit]").click()
    page.wait_for_url("**/user/hedy/lab**", timeout=120_000)
    page.locator("#jp-top-panel, #top-panel").first.wait_for()


def tab(page: Page, name: str) -> None:
    page.locator(".hm-View:not(.lm-mod-hidden)").get_by_role("tab", name=name).click()


def run_as_job(page: Page, name: str, max_iter: int) -> None:
    """Press Run as job, change a parameter, submit."""
    page.get_by_role("button", name="Run as job").first.click()
    form = page.get_by_role("dialog", name="Run “digits.ipynb” as a job")
    # What ran in the notebook runs as a job: the server's own profile is the first guess.
    expect(form.get_by_label("Profile")).to_have_value("scikit-learn")
    form.get_by_label("max_iter").fill(str(max_iter))
    form.get_by_text("More", exact=True).click()
    form.get_by_label("Name").fill(name)
    shot(page, "run-as-job")
    form.get_by_role("button", name="Run", exact=True).click()


def test_from_sign_in_to_two_compared_runs(chromium: Browser, himalia: Running, hedy: Person) -> None:
    page = sign_in(chromium, himalia)
    spawn(page)
    expect(page.get_by_role("heading", name="From pictures to a served model")).to_be_visible()
    shot(page, "lab")
    page.goto(f"{himalia.url}/user/hedy/lab/tree/examples/digits.ipynb")
    expect(page.get_by_role("heading", name="Reading handwritten digits")).to_be_visible()
    run_as_job(page, "first", 25)
    expect(page.locator(f"{STATE}[data-state=RUNNING]")).to_be_visible()
    expect(page.locator(".hm-Now")).to_contain_text("Cell")
    shot(page, "job-running")
    tab(page, "Log")
    expect(page.get_by_role("log")).to_be_visible()
    page.context.close()

    # The browser is closed and the server stopped; the job goes on without them.
    hedy.stop_server()
    first = hedy.ended("first", 120)
    assert first["status"]["state"] == "SUCCEEDED", first["status"]
    assert first["status"]["metrics"]["accuracy"] > 0.9

    page = sign_in(chromium, himalia)
    page.goto(f"{himalia.url}/hub/spawn")
    spawn(page)
    see_what_it_left(page)
    page.get_by_role("button", name="Change and run…").click()
    form = page.get_by_role("dialog", name="Change “first” and run it")
    form.get_by_label("max_iter").fill("15")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="digits", exact=True)).to_be_visible()
    again = next(job for job in jobs(hedy) if job["name"] != "first")
    assert hedy.ended(again["name"], 120)["status"]["state"] == "SUCCEEDED"
    compare(page, "first", again["name"])
    find_by_label(page, hedy)
    # What is made elsewhere can be chosen at once.
    hedy.http.post("/projects", json={"name": "hedys-team"}).raise_for_status()
    expect(page.get_by_label("Project").locator("option", has_text="hedys-team")).to_be_attached()
    page.context.close()


def show_navigator(page: Page) -> None:
    """Open it where it is not open: while Lab restores its layout a press is undone, and a second one closes it."""
    tab = page.get_by_role("tab", name="Himalia")
    tab.wait_for()
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    if not page.get_by_role("region", name="Himalia").is_visible():
        tab.click()
    page.get_by_role("region", name="Himalia").wait_for()


def see_what_it_left(page: Page) -> None:
    """Open the job in the panel: outputs, HTML, metrics."""
    shot(page, "back-in-lab")
    show_navigator(page)
    page.locator(".hm-JobRow").filter(has=page.get_by_text("first", exact=True)).click()
    expect(page.locator(f"{STATE}[data-state=SUCCEEDED]")).to_be_visible()
    shot(page, "jobs-list")
    tab(page, "Metrics")
    expect(page.locator(".hm-Plot").first.locator("canvas, svg.marks")).to_be_visible()
    shot(page, "job-metrics")
    tab(page, "Log")
    expect(page.locator(".hm-Log-line", has_text="pictures to learn from")).to_be_visible()
    shot(page, "job-log")
    tab(page, "Outputs")
    files = page.locator(".hm-Outputs-files li")
    expect(files.filter(has_text="confusion.png")).to_be_visible()
    files.filter(has_text="digits.html").get_by_role("button", name="Show").click()
    expect(page.frame_locator(".hm-Preview iframe").locator("body")).to_contain_text(
        "Reading handwritten digits"
    )
    shot(page, "job-outputs")
    files.filter(has_text="digits.ipynb").get_by_role("button", name="Open").click()
    expect(
        page.locator(".jp-NotebookPanel", has_text="injected-parameters")
        .or_(page.locator(".jp-NotebookPanel .jp-OutputArea img"))
        .first
    ).to_be_visible()
    page.locator(".lm-TabBar-tab", has_text="first").click()


def compare(page: Page, *names: str) -> None:
    for name in names:
        row = page.locator(".hm-JobRow").filter(has=page.get_by_text(name, exact=True))
        row.click(modifiers=["Control"])
    page.get_by_role("button", name="Compare").click()
    table = page.get_by_role("region", name="Comparison")
    expect(table).to_contain_text("max_iter")
    expect(table).to_contain_text("accuracy")
    shot(page, "compare")


def find_by_label(page: Page, person: Person) -> None:
    labelled = person.http.patch(
        f"/projects/{person.project}/jobs/first", json={"labels": {"team": "vision"}}
    )
    assert labelled.status_code == 200, labelled.text
    search = page.get_by_label("Search jobs")
    search.fill("team=vision")
    expect(page.locator(".hm-JobRow .hm-Row-name")).to_have_text(["first"])
    search.fill("team=speech")
    expect(page.get_by_text("No job matches this search.")).to_be_visible()
    search.fill("")


def jobs(person: Person) -> list[dict[str, str]]:
    items: list[dict[str, str]] = person.http.get(f"/projects/{person.project}/jobs").json()["items"]
    return items


def test_the_same_from_python(himalia: Running, hedy: Person) -> None:
    client = sdk.Client(url=f"{himalia.url}/services/himalia", token=hedy.token)
    job = client.jobs.submit(str(EXAMPLE), parameters={"max_iter": 5})
    assert job.spec.profile == "scikit-learn"  # the notebook's kernel says so
    job = job.wait(timeout=120)
    assert job.status.state == "SUCCEEDED", job.status
    assert any(file.path == "outputs/digits.ipynb" for file in job.outputs())


def test_the_same_from_a_terminal(himalia: Running, hedy: Person) -> None:
    environment = {
        **os.environ,
        "HIMALIA_URL": f"{himalia.url}/services/himalia",
        "HIMALIA_TOKEN": hedy.token,
    }
    command = [sys.executable, "-m", "himalia.cli.main", "jobs", "submit", str(EXAMPLE)]
    command += ["-p", "max_iter=5", "--follow"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = [sys.executable, "-m", "himalia.cli.main", "jobs", "list", "--json"]
    listed = subprocess.run(shown, env=environment, capture_output=True, text=True, timeout=30, check=True)
    assert all(job["status"]["state"] == "SUCCEEDED" for job in json.loads(listed.stdout))
