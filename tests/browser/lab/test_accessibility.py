"""Every view and every dialog, in both themes and at several widths: what axe-core finds, and a picture of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from looks import SIZES, Look, size_id
from playwright.sync_api import BrowserContext, Page

from .conftest import Lab, opened_page, run
from .steps import found, mode, open_tab, submit


@pytest.fixture(scope="module")
def shown(warm: BrowserContext, lab: Lab) -> Iterator[Page]:
    """One page of Lab for all of it."""
    with opened_page(warm, lab) as page:
        yield page


@pytest.fixture(params=SIZES, ids=size_id)
def look(request: pytest.FixtureRequest, shown: Page) -> Look:
    theme, width = request.param
    shown.set_viewport_size({"width": width, "height": 800})
    run(shown, "apputils:change-theme", {"theme": theme})
    shown.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
    run(shown, "application:close-all")
    shown.locator(".hm-View").wait_for(state="detached")
    run(shown, "himalia:show-jobs")
    shown.get_by_label("Search jobs").fill("")
    return Look(shown, size_id((theme, width)))


def _make_room(look: Look) -> None:
    """On a narrow screen the navigator gives way to the view."""
    if look.name.endswith("-400"):
        run(look.page, "application:toggle-left-area")


def test_lists(look: Look, lab: Lab) -> None:
    page = look.page
    look.at("list")
    for name in ("digits-16", "digits-15"):
        found(page, name).click(modifiers=["Control"])
    look.at("list-selected")
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Search jobs").fill("no such job")
    page.get_by_text("No job matches this search.").wait_for()
    look.at("list-nothing-found")
    page.get_by_label("Project").select_option(label="Computer vision")
    page.get_by_text("No jobs yet").wait_for()
    look.at("list-empty")
    mode(lab, "down")
    try:
        page.get_by_text("Live updates are interrupted").wait_for()
        page.get_by_label("Project").select_option(label="ada (personal)")
        page.locator(".hm-Failure").wait_for()
        look.at("list-down")
    finally:
        mode(lab, "up")
    look.nothing_wrong()


def test_a_job(look: Look, lab: Lab) -> None:
    page = look.page
    found(page, "digits-17").click()
    page.wait_for_selector(".hm-Item")
    _make_room(look)
    for tab, ready in {
        "Overview": ".hm-Now",
        "Log": ".hm-Log-line",
        "Metrics": ".hm-Plot canvas, .hm-Plot svg.marks",
        "Outputs": ".hm-Outputs-files li",
    }.items():
        open_tab(page, tab)
        page.locator(ready).first.wait_for()
        look.at(tab.lower())
    page.locator("li", has_text="digits.html").get_by_role("button", name="Show").click()
    page.locator(".hm-Preview iframe").wait_for()
    look.at("outputs-shown")
    open_tab(page, "Log")
    page.get_by_role("searchbox").last.fill("1")
    page.locator(".hm-Log-line mark").first.wait_for()
    look.at("log-search")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").wait_for()
    look.at("delete")
    page.keyboard.press("Escape")
    name = f"looked-at-{look.name}"
    submit(lab, name, cells=400)
    run(page, "himalia:job-open", {"project": "ada", "name": name})
    page.locator(".hm-Item-header .hm-State[data-state=RUNNING]").wait_for()
    look.at("running")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").wait_for()
    look.at("stop")
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.locator(".hm-Item-header .hm-State[data-state=STOPPED]").wait_for()
    look.at("stopped")
    run(page, "himalia:job-open", {"project": "ada", "name": "never-was"})
    page.get_by_text("This job is gone").wait_for()
    look.at("gone")
    look.nothing_wrong()


def test_comparison_and_form(look: Look, lab: Lab) -> None:
    page = look.page
    run(page, "himalia:compare-open", {"project": "ada", "names": ["digits-1", "digits-17", "digits-14"]})
    page.wait_for_selector(".hm-Compare")
    _make_room(look)
    look.at("compare")
    run(page, "docmanager:open", {"path": "digits.ipynb"})
    page.wait_for_selector(".jp-Notebook")
    run(page, "himalia:run-notebook")
    page.wait_for_selector(".hm-RunForm")
    look.at("form")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("max_iter").fill("many")
    page.get_by_label("Retries").fill("99")
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator(".hm-Field-error").first.wait_for()
    look.at("form-errors")
    page.get_by_label("max_iter").fill("1")
    page.get_by_label("Retries").fill("1")
    mode(lab, "down")
    try:
        page.get_by_role("button", name="Run", exact=True).click()
        page.locator(".hm-Failure").wait_for()
        look.at("form-down")
    finally:
        mode(lab, "up")
    page.keyboard.press("Escape")
    page.locator(".hm-RunForm").wait_for(state="detached")
    look.nothing_wrong()
