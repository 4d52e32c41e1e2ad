"""Forms choose among any number of things: the service is asked for what is typed."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from .conftest import Lab, run
from .steps import OpenLab

NAMES = [f"data-{number}" for number in range(300, 0, -1)]


def listed(route: Route) -> None:
    """Answers as the service does for a project of three hundred datasets."""
    query = parse_qs(urlsplit(route.request.url).query)
    found = [name for name in NAMES if query.get("text", [""])[0] in name]
    limit = int(query["limit"][0])
    items = [
        {
            **{"id": name, "name": name, "project": "ada", "created_at": "2026-01-01T00:00:00Z"},
            **{"labels": {}, "spec": {}, "status": {"latest": {"number": 1}, "versions": 1, "aliases": {}}},
        }
        for name in found[:limit]
    ]
    token = "more" if len(found) > limit else None
    route.fulfill(json={"items": items, "next_page_token": token})


@pytest.fixture
def page(lab: Lab, open_lab: OpenLab) -> Page:
    """The form of a job that reads a dataset, in a project that has many."""
    page = open_lab(lab, "lab/tree/digits.ipynb")
    page.route(re.compile(r"/projects/ada/datasets\?"), listed)
    run(page, "himalia:run-notebook")
    page.get_by_role("dialog").get_by_role("button", name="Add a dataset").click()
    return page


def test_an_old_one_is_found_by_a_part_of_its_name(page: Page) -> None:
    form = page.get_by_role("dialog")
    chosen = form.get_by_label("Dataset")
    expect(chosen).to_have_value("data-300")
    chosen.click()
    options = form.get_by_role("option").filter(has_text="data-")
    expect(options).to_have_count(50)
    expect(form.get_by_text("There are more: type a part of the name.")).to_be_visible()
    # It lies over the form, whole, wherever that ends.
    box = form.get_by_role("listbox").locator("..").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 800
    chosen.fill("data-17")
    expect(options).to_have_text(
        ["data-179", *[f"data-17{number}" for number in range(8, -1, -1)], "data-17"]
    )
    options.last.click()
    expect(form.get_by_role("listbox")).to_have_count(0)
    expect(chosen).to_have_value("data-17")
    expect(form.get_by_label("Name in the code")).to_have_value("data-17")


def test_by_keyboard_the_form_stays(page: Page) -> None:
    form = page.get_by_role("dialog")
    chosen = form.get_by_label("Dataset")
    chosen.fill("data-2")
    choices = form.get_by_role("listbox")
    expect(choices.get_by_role("option").first).to_have_text("data-299")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(choices.get_by_role("option", selected=True)).to_have_text("data-298")
    page.keyboard.press("Enter")
    expect(chosen).to_have_value("data-298")
    page.keyboard.press("ArrowDown")
    expect(choices).to_be_visible()
    page.keyboard.press("Escape")
    expect(choices).to_have_count(0)
    expect(form).to_be_visible()
    chosen.fill("nowhere")
    expect(form.get_by_text("Nothing has this in its name.")).to_be_visible()
    page.keyboard.press("Tab")
    expect(form.get_by_text("Nothing has this in its name.")).to_have_count(0)
