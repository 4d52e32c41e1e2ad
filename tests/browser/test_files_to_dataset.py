"""Files of the notebook server as a dataset: from Lab's file browser, by menu, by dialog and by dragging."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from looks import Look
from loop_pages import open_noun, opened_lab
from pictures import shot
from platforms import Person, Running
from playwright.sync_api import BrowserContext, Locator, Page, expect

SECONDS = 1000
VIEW = ".hm-View:not(.lm-mod-hidden)"
LARGE = 64 << 20


@pytest.fixture(scope="module")
def fatima(himalia: Running) -> Iterator[Person]:
    """Somebody whose data is on the server."""
    himalia.add_user("fatima")
    person = Person(himalia, "fatima")
    yield person
    person.close()


@pytest.fixture(scope="module")
def page(warm: BrowserContext, himalia: Running, fatima: Person) -> Iterator[Page]:
    """Her Lab with the file browser in sight; opened once for all tests of the module."""
    with opened_lab(warm, fatima, "base/small") as page:
        page.goto(f"{himalia.url}/user/fatima/lab?reset")
        page.locator(".jp-Launcher").wait_for(timeout=90 * SECONDS)
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        yield page


@pytest.fixture(scope="module")
def home(himalia: Running, fatima: Person) -> Path:
    """Her home, with a folder of notes and traps."""
    home = himalia.home / "people" / fatima.http.get("/whoami").json()["person"]["id"] / "home"
    write(home / "Field Notes" / "a.txt", b"one\n")
    write(home / "Field Notes" / "deep" / "b.txt", b"two\n")
    (home / "Field Notes" / "link").symlink_to("a.txt")
    write(home / "more" / "c.txt", b"three\n")
    (home / "nothing").mkdir()
    (home / "away").symlink_to("/etc")
    return home


def write(path: Path, content: bytes) -> None:
    """Write a file as its owner would: she may read it, and write beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    for each in (path.parent, path):
        each.chmod(0o777)


def row(page: Page, name: str) -> Locator:
    """A line of the file browser, which looks anew first."""
    page.locator('#filebrowser [data-command="filebrowser:refresh"]').click()
    return page.locator("#filebrowser .jp-DirListing-item").filter(has=page.get_by_text(name, exact=True))


def add(page: Page, *names: str) -> Locator:
    """Choose files and folders, and press the menu's entry; the dialog."""
    first, *others = (row(page, name) for name in names)
    first.click()
    for other in others:
        other.click(modifiers=["ControlOrMeta"])
    first.click(button="right")
    page.get_by_role("menuitem", name="Add as dataset…").click()
    return page.get_by_role("dialog", name="Add as dataset")


def paths(person: Person, dataset: str) -> list[str]:
    """The files of the latest version."""
    found = person.http.get(f"/projects/{person.project}/datasets/{dataset}/versions/latest/files")
    return [one["path"] for one in found.raise_for_status().json()["items"]]


def test_a_folder_and_what_changed_in_it(page: Page, fatima: Person, home: Path) -> None:
    dialog = add(page, "Field Notes")
    expect(dialog).to_contain_text("2 files, 8 B · 1 link is left out")
    expect(dialog.get_by_label("Name")).to_have_value("field-notes")
    look = Look(page, "light-1300")
    look.at("add-from-lab")
    dialog.get_by_role("button", name="Add", exact=True).click()
    version = page.locator(VIEW).get_by_label("Version", exact=True)
    expect(version).to_have_value("1", timeout=60 * SECONDS)
    assert paths(fatima, "field-notes") == ["a.txt", "deep/b.txt"]

    # Once more, with nothing new: it says so, and there is no second version.
    dialog = add(page, "Field Notes")
    expect(dialog).to_contain_text("it gets a new version")
    expect(dialog.get_by_label("Only these files")).to_be_checked()
    look.at("add-from-lab-again")
    dialog.get_by_role("button", name="Add", exact=True).click()
    notice = page.get_by_role("alert").filter(has_text="Nothing differs from version 1 of “field-notes”.")
    expect(notice).to_be_visible(timeout=60 * SECONDS)
    status = fatima.http.get(f"/projects/{fatima.project}/datasets/field-notes").json()["status"]
    assert status["versions"] == 1

    write(home / "Field Notes" / "a.txt", b"one, again\n")
    (home / "Field Notes" / "deep" / "b.txt").unlink()
    add(page, "Field Notes").get_by_role("button", name="Add", exact=True).click()
    expect(version).to_have_value("2", timeout=60 * SECONDS)
    page.locator(VIEW).get_by_role("tab", name="Versions").click()
    changed = page.get_by_role("list", name="Changed files").get_by_role("listitem")
    expect(changed).to_have_count(2)
    shot(page, "lab-files-versions")
    look.nothing_wrong()


def test_several_at_once_into_a_dataset_that_is_there(page: Page, fatima: Person, home: Path) -> None:
    write(home / "loose.txt", b"four\n")
    dialog = add(page, "loose.txt", "more")
    expect(dialog).to_contain_text("2 files, 11 B")
    dialog.get_by_label("Name").fill("field-notes")
    expect(dialog.get_by_label("Add to the files of version 2")).to_be_checked()
    dialog.get_by_role("button", name="Add", exact=True).click()
    version = page.locator(VIEW).get_by_label("Version", exact=True)
    expect(version).to_have_value("3", timeout=60 * SECONDS)
    assert paths(fatima, "field-notes") == ["a.txt", "loose.txt", "more/c.txt"]


def test_dragged_onto_a_dataset_or_chosen_in_its_dialog(page: Page, fatima: Person, home: Path) -> None:
    source, target = row(page, "more").bounding_box(), page.locator(VIEW).bounding_box()
    assert source
    assert target
    page.mouse.move(source["x"] + 40, source["y"] + 8)
    page.mouse.down()
    page.mouse.move(source["x"] + 80, source["y"] + 20, steps=4)
    page.mouse.move(target["x"] + 300, target["y"] + 300, steps=4)
    expect(page.locator(f"{VIEW} .hm-DropView")).to_have_attribute("data-over", "true")
    page.mouse.up()
    dialog = page.get_by_role("dialog", name="New version of “field-notes”")
    # Both are selected still.
    expect(dialog).to_contain_text("loose.txt, more 2 files, 11 B")
    dialog.get_by_role("button", name="Choose others").click()
    dialog.get_by_role("button", name="Files of this server…").click()
    chooser = page.locator(".jp-Dialog")
    expect(chooser).to_contain_text("Choose a folder, of which everything is taken, or files.")
    # Who chooses nothing is back where they were.
    chooser.get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Files of this server…").click()
    chooser.locator(".jp-DirListing-item", has_text="loose.txt").click()
    chooser.get_by_role("button", name="Select").click()
    expect(dialog).to_contain_text("loose.txt 1 file, 5 B")
    dialog.get_by_label("Only these files").check()
    dialog.get_by_role("button", name="Add", exact=True).click()
    version = page.locator(VIEW).get_by_label("Version", exact=True)
    expect(version).to_have_value("4", timeout=60 * SECONDS)
    assert paths(fatima, "field-notes") == ["loose.txt"]


def test_what_cannot_be_added_is_said(page: Page, fatima: Person, home: Path) -> None:
    for name, sentence in (
        ("nothing", "There are no files in"),
        ("away", "“away” leads out of your home folder."),
    ):
        dialog = add(page, name)
        expect(dialog.locator(".hm-Failure")).to_contain_text(sentence)
        expect(dialog.get_by_role("button", name="Add", exact=True)).to_be_disabled()
        shot(page, f"lab-files-{name}")
        dialog.get_by_role("button", name="Cancel").click()
    dialog = add(page, "more")
    dialog.get_by_label("Name").fill("No Name")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.locator(".hm-Field-error")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    # It went away between the dialog and its button: nothing is left of the dataset that was made for it.
    write(home / "gone" / "x.txt", b"x")
    dialog = add(page, "gone")
    expect(dialog).to_contain_text("1 file")
    (home / "gone" / "x.txt").unlink()
    dialog.get_by_role("button", name="Add", exact=True).click()
    upload = page.locator(f"{VIEW} .hm-Upload")
    expect(upload).to_contain_text("There are no files in")
    upload.get_by_role("button", name="Discard").click()
    expect(page.locator(".lm-TabBar-tab", has_text="gone")).to_have_count(0)
    assert fatima.http.get(f"/projects/{fatima.project}/datasets/gone").status_code == 404


def pause_large(page: Page) -> Locator:
    """Begin to add the large folder, and pause; what shows it."""
    add(page, "large").get_by_role("button", name="Add", exact=True).click()
    upload = page.locator(f"{VIEW} .hm-Upload")
    expect(upload).to_contain_text(re.compile("[0-7] of 8 files"))
    upload.get_by_role("button", name="Pause").click()
    expect(upload).to_contain_text("The upload is paused.")
    return upload


def test_what_is_discarded_leaves_nothing(page: Page, fatima: Person, home: Path) -> None:
    for at in range(8):
        write(home / "large" / f"{at}.bin", os.urandom(LARGE))
    upload = pause_large(page)
    shot(page, "lab-files-paused")
    arrived = "0 of 8" not in upload.inner_text()
    upload.get_by_role("button", name="Discard").click()
    if arrived:
        page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(page.locator(".lm-TabBar-tab", has_text="large")).to_have_count(0)
    assert fatima.http.get(f"/projects/{fatima.project}/datasets/large").status_code == 404


def test_what_a_reload_broke_off_goes_on(page: Page, fatima: Person, home: Path) -> None:
    upload = pause_large(page)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    # Lab opens again what it had written down by then; the list has it in any case.
    page.get_by_role("tab", name="Himalia").click()
    open_noun(page, "Datasets")
    page.get_by_role("option", name="large").click()
    expect(upload).to_contain_text("Unfinished upload of fatima:")
    upload.get_by_role("button", name="Files of this server…").click()
    chooser = page.locator(".jp-Dialog")
    chooser.locator(".jp-DirListing-item", has_text="large").click()
    chooser.get_by_role("button", name="Select").click()
    version = page.locator(VIEW).get_by_label("Version", exact=True)
    expect(version).to_have_value("1", timeout=60 * SECONDS)
    assert paths(fatima, "large") == [f"{at}.bin" for at in range(8)]
    shutil.rmtree(home / "large")
