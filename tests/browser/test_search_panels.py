"""Searches in the panel, and the metrics of a job: what grows while it runs, on a real platform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from loop_pages import (
    SECONDS,
    VIEW,
    open_lab,
    open_noun,
    opened_lab,
    plot,
    rows_of,
    shot,
    state,
    tab,
    write_notebook,
)
from platforms import Person, Running
from playwright.sync_api import BrowserContext, Page, expect

SEARCHED = """\
import himalia.run as run
for step in range(3):
    run.log("score", (x - 2) ** 2 + len(kind) + 1 / (1 + step), step=step)
"""


@pytest.fixture(scope="module")
def petra(himalia: Running) -> Iterator[Person]:
    """Somebody who works in the browser; her token is for looking from outside."""
    himalia.add_user("petra")
    person = Person(himalia, "petra")
    yield person
    person.close()


@pytest.fixture(scope="module")
def page(warm: BrowserContext, petra: Person) -> Iterator[Page]:
    """Petra's Lab, with a notebook to search."""
    with opened_lab(warm, petra) as page:
        write_notebook(petra, "bowl.ipynb", "base", 'x = 1.0  # where it is\nkind = "ab"\n', SEARCHED)
        yield page


def test_a_search_finds_a_minimum(page: Page, petra: Person) -> None:
    open_lab(page, petra, "/tree/bowl.ipynb")
    page.get_by_role("button", name="Search parameters").click()
    form = page.get_by_role("dialog", name="Search parameters of “bowl.ipynb”")
    form.get_by_role("button", name="Search").click()
    expect(form.get_by_role("alert")).to_have_text("Tick at least one parameter to search.")
    form.get_by_role("checkbox", name="x", exact=True).check()
    # What is mended is not told any longer.
    expect(form.get_by_role("alert")).to_have_count(0)
    # Around 1, orders of magnitude are the first guess.
    expect(form.get_by_label("Highest x")).to_have_value("100")
    form.get_by_role("checkbox", name="log").uncheck()
    form.get_by_label("Lowest x").fill("9")
    form.get_by_label("Highest x").fill("5")
    form.get_by_role("button", name="Search").click()
    expect(form.get_by_role("alert")).to_have_text("The lowest must be below the highest.")
    form.get_by_label("Lowest x").fill("0")
    form.get_by_role("checkbox", name="kind").check()
    form.get_by_label("Values of kind").fill('["a", "ab", "abc"]')
    expect(form.get_by_label("Metric")).to_have_value("score")
    form.get_by_label("Better is").select_option("less")
    form.get_by_label("Trials").fill("40")
    form.get_by_text("More", exact=True).click()
    form.get_by_label("Sampler").select_option("grid")
    form.get_by_role("button", name="Search").click()
    expect(form.get_by_role("alert")).to_contain_text("A grid needs steps")
    form.get_by_label("Sampler").select_option("random")
    form.get_by_label("Seed").fill("7")
    # Each trial logs three values.
    form.get_by_label("Warm-up steps").fill("0")
    form.get_by_label("Name").fill("bowl-search")
    shot(page, "search-form")
    form.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="bowl-search")).to_be_visible()

    # What is drawn grows while it runs.
    history = plot(page, "History")
    expect(history.locator("canvas, svg.marks").first).to_be_visible()
    before = rows_of(page, history)
    expect(page.locator(".hm-Now")).not_to_contain_text(
        re.compile(rf"\b({'|'.join(map(str, range(before + 3)))}) of 40 trials")
    )
    page.wait_for_event("response", lambda answer: answer.url.endswith("/plots/history"))
    assert rows_of(page, history) > before
    expect(state(page)).to_have_text("Running")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(state(page)).to_have_text("Stopped")
    page.get_by_role("button", name="Resume").click()
    expect(state(page)).to_have_text("Complete", timeout=90 * SECONDS)
    expect(page.get_by_role("heading", name=re.compile(r"Best trial: \d"))).to_be_visible()
    for title in ("History", "Parallel coordinates", "Importance"):
        expect(plot(page, title).locator("canvas, svg.marks").first).to_be_visible(timeout=30 * SECONDS)
    # Under the pointer it is not drawn anew, which would close its menu.
    history.locator(".hm-Plot-canvas").hover()
    history.locator("summary").click()
    with page.expect_download() as picture:
        history.get_by_role("link", name="Save as PNG").click()
    assert picture.value.suggested_filename == "History.png"
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
    shot(page, "experiment")
    tab(page, "Trials")
    rows = page.get_by_role("region", name="Trials").locator("tbody tr")
    # Those that Stop ended are rows as well.
    expect(rows.filter(has_text=re.compile("Complete|Pruned"))).to_have_count(40)
    page.get_by_role("button", name="score").click()
    expect(rows.first).to_contain_text("best")
    expect(rows.filter(has_text="best")).to_have_count(1)
    page.locator(VIEW).get_by_label("State").select_option("Pruned")
    expect(rows.filter(has_text="Pruned").first).to_contain_text(re.compile("Ended early at step [0-2]"))
    expect(rows.filter(has_text="Complete")).to_have_count(0)
    page.get_by_role("button", name="Run 30 more trials…").click()
    more = page.get_by_role("dialog", name="Run more trials of “bowl-search”")
    more.get_by_label("More trials").fill("2")
    more.get_by_role("button", name="Run 2 more trials").click()
    tab(page, "Overview")
    expect(page.locator(".hm-Now")).to_contain_text("42 of 42 trials")
    # Trials are listed in their experiment, not among the jobs, and each end is no news of its own.
    listed = petra.http.get(f"/projects/{petra.project}/jobs").json()["items"]
    assert [job["name"] for job in listed if "trial" in job["name"]] == []
    expect(page.get_by_text("bowl-search-trial", exact=False)).to_have_count(0)


LOGS = """
import time
import himalia.run as run
for step in range(600):
    run.log("height", step, step=step)
    time.sleep(0.1)
"""


def test_metrics_grow_while_a_job_runs(page: Page, petra: Person) -> None:
    job = petra.submit("python", "-c", LOGS)["name"]
    open_lab(page, petra)
    for card in ("Register a model…", "Deploy a model…"):
        expect(page.locator(".jp-LauncherCard", has_text=card)).to_be_visible()
    open_noun(page, "Jobs")
    page.locator(".hm-JobRow", has_text=job).click()
    tab(page, "Metrics")
    expect(plot(page, "height").locator("canvas, svg.marks").first).to_be_visible()
    latest = page.locator(".hm-Metrics-latest dd")
    seen = latest.inner_text()
    expect(latest).not_to_have_text(seen)
    expect(state(page)).to_have_text("Running")
    petra.http.post(f"/projects/{petra.project}/jobs/{job}/stop").raise_for_status()
    expect(state(page)).to_have_text("Stopped")
