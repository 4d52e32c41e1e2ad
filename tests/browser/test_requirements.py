"""A requirements.txt beside a notebook: a kernel with its packages, and a job that uses the same ones."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from loop_pages import opened_lab
from pictures import shot
from platforms import Person, Running
from playwright.sync_api import BrowserContext, Locator, Page, expect

KERNEL = "scikit-learn + requirements.txt"
PACKAGE = "iniconfig==2.0.0\n"
SECONDS = 1000


@pytest.fixture(scope="module")
def radia(himalia: Running) -> Iterator[Person]:
    """Somebody who works in the browser."""
    himalia.add_user("radia")
    person = Person(himalia, "radia")
    yield person
    person.close()


@pytest.fixture(scope="module")
def page(warm: BrowserContext, radia: Person) -> Iterator[Page]:
    """Radia's Lab."""
    # Lab itself throws what keeps a kernel from starting.
    with opened_lab(warm, radia, throws="could not be installed|was cancelled") as page:
        page.set_default_timeout(60 * SECONDS)
        yield page


def notebook(*cells: str, kernel: str | None = None) -> str:
    made = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": source, "outputs": [],
         "execution_count": None}
        for n, source in enumerate(cells)
    ]  # fmt: skip
    spec = {"name": kernel, "display_name": kernel, "language": "python"}
    metadata = {"kernelspec": spec} if kernel else {}
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def put(himalia: Running, person: Person, place: str = "packages", **files: str) -> None:
    """Files in a folder of the person's home, as if they had written them."""
    identifier = person.http.get("/whoami").json()["person"]["id"]
    home = himalia.home / "people" / identifier / "home"
    folder = home / place
    folder.mkdir(exist_ok=True)
    paths = [folder]
    for name, text in files.items():
        paths.append(folder / name.replace("__", "."))
        paths[-1].write_text(text)
    for path in paths:
        os.chown(path, home.stat().st_uid, home.stat().st_gid)


def open_notebook(page: Page, himalia: Running, path: str) -> None:
    """Open it with no kernel yet: Lab asks for one, or the default starts."""
    page.goto(f"{himalia.url}/user/radia/lab/tree/{path}?reset")
    page.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for(timeout=60 * SECONDS)


def choose_kernel(page: Page, name: str = KERNEL) -> None:
    page.locator(".jp-NotebookPanel:visible .jp-KernelName").click()
    dialog = page.locator(".jp-Dialog")
    dialog.locator("select").select_option(label=name)
    shot(page, "requirements-chooser")
    dialog.get_by_role("button", name="Select").click()


def run_all(page: Page) -> None:
    # What is run while its kernel is still being started Lab takes for run without a kernel.
    expect(page.get_by_role("button", name=f"{KERNEL} | Idle")).to_be_visible(timeout=60 * SECONDS)
    page.locator(".jp-NotebookPanel:visible .jp-Cell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")


def outputs(page: Page) -> Locator:
    return page.locator(".jp-NotebookPanel:visible .jp-OutputArea-output")


def builds(person: Person) -> list[dict[str, Any]]:
    """Every building of an environment that was begun."""
    return [
        event
        for event in person.events()
        if event["kind"] == "overlay.changed" and event["data"]["state"] == "QUEUED"
    ]


def test_a_kernel_with_the_packages_and_a_job_that_uses_them(
    page: Page, himalia: Running, radia: Person
) -> None:
    source = "import iniconfig, os, sys\nprint(iniconfig.__file__, os.access(sys.prefix, os.W_OK))"
    put(himalia, radia, uses__ipynb=notebook(source), requirements__txt=PACKAGE)
    open_notebook(page, himalia, "packages/uses.ipynb")
    choose_kernel(page)
    notice = page.locator(
        ".Toastify__toast", has_text="packages of “scikit-learn"
    )  # installing, or installed
    expect(notice.get_by_role("button", name="Show log")).to_be_in_viewport(timeout=30 * SECONDS, ratio=1)
    shot(page, "requirements-building")
    notice.get_by_role("button", name="Show log").click()
    log = page.get_by_role("log")
    expect(log).to_contain_text("Installing 1 package(s)", timeout=120 * SECONDS)
    expect(page.get_by_text("The environment is ready.")).to_be_visible(timeout=60 * SECONDS)
    shot(page, "requirements-log")

    page.locator(".lm-TabBar-tab", has_text="uses.ipynb").click()
    expect(page.locator(".jp-NotebookPanel:visible .jp-KernelName")).to_have_text(KERNEL)
    run_all(page)
    expect(outputs(page).first).to_contain_text("/overlays/", timeout=60 * SECONDS)
    expect(outputs(page).first).to_contain_text("False")
    shot(page, "requirements-notebook")
    assert len(builds(radia)) == 1

    page.get_by_role("button", name="Run as job").first.click()
    form = page.get_by_role("dialog", name="Run “uses.ipynb” as a job")
    expect(form.get_by_label("Profile")).to_have_value("scikit-learn")
    expect(form.get_by_label("Install the requirements.txt beside it")).to_be_checked()
    form.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".hm-Item-header .hm-State[data-state=SUCCEEDED]")).to_be_visible(
        timeout=90 * SECONDS
    )
    assert "/overlays/" in radia.text("uses")
    assert len(builds(radia)) == 1, "what the kernel had built the job uses"


def test_a_change_takes_effect_when_the_kernel_restarts(page: Page, himalia: Running, radia: Person) -> None:
    kernel = "scikit-learn.requirements"
    source = "import pluggy\nprint(pluggy.__file__)"
    put(himalia, radia, changed__ipynb=notebook(source, kernel=kernel), requirements__txt=PACKAGE)
    identifier = radia.http.get("/whoami").json()["person"]["id"]
    (marker,) = himalia.home.glob(f"people/{identifier}/overlays/*/himalia.json")
    os.utime(marker, (1, 1))
    open_notebook(page, himalia, "packages/changed.ipynb")
    run_all(page)
    expect(outputs(page).first).to_contain_text("No module named 'pluggy'", timeout=60 * SECONDS)
    assert time.time() - marker.stat().st_mtime < 60, "the platform knows that it is used"
    assert len(builds(radia)) == 1

    put(himalia, radia, requirements__txt=PACKAGE + "pluggy==1.5.0\n")
    page.locator('.jp-NotebookPanel:visible [data-command="notebook:restart-kernel"], '
                 '.jp-NotebookPanel:visible [data-jp-item-name="restart"] button').first.click()  # fmt: skip
    page.locator(".jp-Dialog").get_by_role("button", name="Confirm Kernel Restart").click()
    expect(page.locator(".Toastify__toast", has_text="are installed")).to_be_visible(timeout=120 * SECONDS)
    run_all(page)
    expect(outputs(page).first).to_contain_text("/overlays/", timeout=60 * SECONDS)
    assert len(builds(radia)) == 2


def test_without_its_requirements_txt_it_says_what_to_do(page: Page, himalia: Running, radia: Person) -> None:
    put(himalia, radia, "elsewhere", alone__ipynb=notebook("1", kernel="scikit-learn.requirements"))
    open_notebook(page, himalia, "elsewhere/alone.ipynb")
    dialog = page.locator(".jp-Dialog", has_text="Error Starting Kernel")
    expect(dialog).to_contain_text("There is no requirements.txt in the notebook's folder")
    dialog.get_by_role("button", name="Ok").click()

    # Lab asks for another one, and no longer offers what cannot start here.
    dialog = page.locator(".jp-Dialog", has_text="Select Kernel")
    dialog.wait_for()
    shot(page, "requirements-none")
    offered = dialog.locator("option").evaluate_all(
        "all => all.filter(one => getComputedStyle(one).display !== 'none').map(one => one.text)"
    )
    assert "scikit-learn" in offered
    assert KERNEL not in offered
    dialog.locator("select").select_option(label="scikit-learn")
    dialog.get_by_role("button", name="Select").click()

    # A job needs none: it runs in the environment that the kernel adds to.
    page.get_by_role("button", name="Run as job").first.click()
    form = page.get_by_role("dialog", name="Run “alone.ipynb” as a job")
    expect(form.get_by_label("Profile")).to_have_value("scikit-learn")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".hm-Item-header .hm-State[data-state=SUCCEEDED]")).to_be_visible(
        timeout=90 * SECONDS
    )


def test_it_is_offered_only_where_there_is_a_requirements_txt(page: Page, himalia: Running) -> None:
    card = page.locator(f'.jp-LauncherCard[title="{KERNEL}"]').first
    page.goto(f"{himalia.url}/user/radia/lab/tree/packages?reset")
    expect(card).to_be_visible(timeout=60 * SECONDS)
    shot(page, "requirements-launcher")
    page.goto(f"{himalia.url}/user/radia/lab/tree/examples?reset")
    expect(page.locator('.jp-LauncherCard[title="scikit-learn"]').first).to_be_visible(timeout=60 * SECONDS)
    expect(card).to_be_hidden()


def test_what_cannot_be_installed_is_told_in_words(page: Page, himalia: Running, radia: Person) -> None:
    put(himalia, radia, wrong__ipynb=notebook("1"), requirements__txt="no-such-package-of-himalia\n")
    open_notebook(page, himalia, "packages/wrong.ipynb")
    choose_kernel(page)
    dialog = page.locator(".jp-Dialog", has_text="Error Starting Kernel")
    expect(dialog).to_contain_text("no-such-package-of-himalia", timeout=120 * SECONDS)
    expect(dialog).to_contain_text("Mend requirements.txt and choose the kernel again")
    shot(page, "requirements-failed")
    dialog.get_by_role("button", name="Ok").click()

    # The same as a job: its view shows how the environment was built.
    page.get_by_role("button", name="Run as job").first.click()
    form = page.get_by_role("dialog", name="Run “wrong.ipynb” as a job")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".hm-Item-header .hm-State[data-state=FAILED]")).to_be_visible(timeout=90 * SECONDS)
    shot(page, "requirements-job-overview")
    page.get_by_role("button", name="Show its log").click()
    expect(page.get_by_role("log")).to_contain_text("no-such-package-of-himalia")
    shot(page, "requirements-job-failed")


def test_it_can_be_cancelled(page: Page, himalia: Running, radia: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes what is asked, and never answers
        place = f"http://127.0.0.1:{silent.getsockname()[1]}/slow-1.0-py3-none-any.whl"
        put(himalia, radia, stopped__ipynb=notebook("1"), requirements__txt=f"slow @ {place}\n")
        open_notebook(page, himalia, "packages/stopped.ipynb")
        choose_kernel(page)
        notice = page.locator(".Toastify__toast", has_text="Installing the packages")
        notice.get_by_role("button", name="Cancel").click()
        dialog = page.locator(".jp-Dialog", has_text="Error Starting Kernel")
        expect(dialog).to_contain_text("was cancelled", timeout=60 * SECONDS)
        expect(notice).to_have_count(0)
        dialog.get_by_role("button", name="Ok").click()
