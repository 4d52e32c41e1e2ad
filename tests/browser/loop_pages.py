"""Panels in the browser: somebody's Lab, and what the tests of several nouns press and look at in it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pictures
from platforms import Person
from playwright.sync_api import BrowserContext, Locator, Page, expect

SECONDS = 1000
VIEW = ".hm-View:not(.lm-mod-hidden)"

expect.set_options(timeout=60_000)


@contextmanager
def opened_lab(
    context: BrowserContext, person: Person, choice: str = "scikit-learn/small", throws: str | None = None
) -> Iterator[Page]:
    """A page for somebody's Lab, whose server runs: once for all tests of a module. It may throw `throws` alone.

    They have signed in and chosen a profile without this browser; the first page is Lab's.
    """
    person.start_server(choice)
    context.add_cookies(person.cookies())
    page = context.new_page()
    page.set_default_timeout(30 * SECONDS)
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(f"{os.environ['PYTEST_CURRENT_TEST']}: {error}"))
    yield page
    page.close()
    person.stop_server()
    assert [one for one in thrown if throws is None or not re.search(throws, one)] == [], thrown


def write_notebook(person: Person, name: str, kernel: str, parameters: str, code: str) -> None:
    """A notebook of two cells in somebody's home, the first of which assigns parameters."""
    identifier = person.http.get("/whoami").json()["person"]["id"]
    path = person.platform.home / "people" / identifier / "home" / name
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{at}",
            "metadata": {"tags": ["parameters"]} if at == 0 else {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for at, source in enumerate((parameters, code))
    ]
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}))
    os.chown(path, path.parent.stat().st_uid, path.parent.stat().st_gid)


def open_lab(page: Page, person: Person, path: str = "") -> None:
    """A fresh workspace, with the navigator in sight."""
    page.goto(f"{person.platform.url}/user/{person.name}/lab{path}?reset")
    page.locator(".jp-Launcher, .jp-Notebook").first.wait_for(timeout=90 * SECONDS)
    himalia_tab = page.get_by_role("tab", name="Himalia")
    himalia_tab.wait_for(timeout=90 * SECONDS)
    if himalia_tab.get_attribute("aria-selected") != "true":
        himalia_tab.click()


def open_noun(page: Page, name: str) -> None:
    row = page.locator(".hm-Nouns h3").get_by_role("button", name=name)
    if row.get_attribute("aria-expanded") != "true":
        row.click()


def tab(page: Page, name: str) -> None:
    """Open a tab of the view in front."""
    page.locator(VIEW).get_by_role("tab", name=name).click()


def state(page: Page) -> Locator:
    """The state that the view in front tells."""
    return page.locator(f"{VIEW} .hm-Item-header .hm-State")


def shot(page: Page, name: str) -> None:
    pictures.shot(page, f"loop-{name}")


def flowers(person: Person, name: str) -> None:
    """A dataset with a small table, made without the browser."""
    lines = ["length,width,kind", *(f"{1 + at % 7},{at % 5},{'abc'[at % 3]}" for at in range(60))]
    at = f"/projects/{person.project}/datasets"
    person.http.post(at, json={"name": name}).raise_for_status()
    draft = begin(person, name, {"flowers.csv": "\n".join(lines).encode()})
    person.http.post(f"{at}/{name}/drafts/{draft}/commit", json={}).raise_for_status()


def begin(person: Person, dataset: str, files: dict[str, bytes]) -> str:
    """The id of a draft of a dataset, in which these files have arrived."""
    at = f"/projects/{person.project}/datasets/{dataset}/drafts"
    draft: str = person.http.post(at, json={}).raise_for_status().json()["id"]
    sizes = [{"path": path, "size": len(content)} for path, content in files.items()]
    header = json.dumps({"files": sizes}).encode()
    body = len(header).to_bytes(4, "big") + header + b"".join(files.values())
    person.http.put(f"{at}/{draft}/bundle", content=body).raise_for_status()
    return draft


def plot(page: Page, title: str) -> Locator:
    """A plot by the words above it."""
    caption = page.locator("figcaption span", has_text=re.compile(f"^{title}$"))
    return page.locator("figure").filter(has=caption)


def rows_of(page: Page, drawn: Locator) -> int:
    """How many rows the data of a plot has, as a person downloads it."""
    with page.expect_download() as data:
        drawn.get_by_role("button", name="Data").click()
    return len(Path(data.value.path()).read_text().splitlines()) - 1
