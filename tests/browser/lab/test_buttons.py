"""Every other way to an action than the notebook's toolbar: menus, palette, launcher, settings, notices, keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Lab, run
from .steps import STATE, OpenLab, found, mode, open_tab, row, submit

RUN_DIGITS = "Run “digits.ipynb” as a job"
RUN_TRAIN = "Run “train.py” as a job"


def menu_of(page: Page, place: Locator, entry: str) -> None:
    """Press an entry of the context menu of `place`."""
    place.click(button="right")
    page.locator(".lm-Menu-item", has_text=re.compile(f"^{entry}$")).click()


def file_row(page: Page, name: str) -> Locator:
    if not page.locator("#filebrowser").is_visible():
        page.locator('.jp-SideBar [data-id="filebrowser"]').click()
    return page.locator(".jp-DirListing-item", has_text=name)


def palette(page: Page, entry: str) -> None:
    """Choose a command in the palette."""
    run(page, "apputils:activate-command-palette")
    expect(page.locator(".jp-ModalCommandPalette input")).to_be_focused()
    page.keyboard.type(f"himalia {entry}")
    expect(page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text(entry)
    page.keyboard.press("Enter")


def test_run_as_job_in_the_file_browser(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    menu_of(page, file_row(page, "digits.ipynb"), "Run as job")
    form = page.get_by_role("dialog", name=RUN_DIGITS)
    expect(form.get_by_label("max_iter")).to_be_focused()
    page.keyboard.press("Escape")
    expect(form).to_be_hidden()
    menu_of(page, file_row(page, "train.py"), "Run as job")
    form = page.get_by_role("dialog", name=RUN_TRAIN)
    expect(form).to_contain_text("A script runs as it is written.")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(f"{STATE}[data-state=RUNNING]")).to_be_visible(timeout=20_000)
    jobs = lab.service("GET", "/api/v1/projects/ada/jobs").json()["items"]
    assert (jobs[0]["spec"]["kind"], jobs[0]["spec"]["script"]) == ("script", "train.py")
    expect(page.locator(".hm-Item")).to_contain_text("Script")


def test_what_is_no_notebook_and_no_script_has_no_such_entry(lab: Lab, open_lab: OpenLab) -> None:
    (lab.root / "notes.txt").write_text("nothing to run")
    page = open_lab(lab)
    file_row(page, "notes.txt").click(button="right")
    expect(page.locator(".lm-Menu-item", has_text="Rename")).to_be_visible()
    expect(page.locator(".lm-Menu-item", has_text="Run as job")).to_have_count(0)


def test_the_palette_runs_the_notebook_in_front(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab, "lab/tree/digits.ipynb")
    # A notebook takes the focus once more when its kernel is there.
    page.get_by_text("| Idle").wait_for()
    page.locator(".jp-Notebook .cm-content").first.click()
    palette(page, "Run as job")
    expect(page.get_by_role("dialog", name=RUN_DIGITS)).to_be_visible()


def test_the_palette_shows_the_jobs(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    file_row(page, "digits.ipynb").wait_for()
    expect(page.get_by_label("Search jobs")).to_be_hidden()
    palette(page, "Show jobs")
    expect(page.get_by_label("Search jobs")).to_be_focused()


@pytest.mark.parametrize("way", ["launcher", "palette"])
def test_a_file_is_chosen_and_run(lab: Lab, open_lab: OpenLab, way: str) -> None:
    page = open_lab(lab)
    if way == "launcher":
        page.locator(".jp-LauncherCard", has_text="Run a file as a job").click()
    else:
        palette(page, "Run a file as a job")
    chooser = page.locator(".jp-Dialog")
    expect(chooser).to_contain_text("Run which notebook or Python file?")
    expect(chooser.locator(".jp-DirListing-item", has_text="notes.txt")).to_have_count(0)
    chooser.locator(".jp-DirListing-item", has_text="train.py").click()
    chooser.get_by_role("button", name="Select").click()
    expect(page.get_by_role("dialog", name=RUN_TRAIN)).to_be_visible()


def test_the_menu_of_a_job(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    submit(lab, "by-menu", cells=200)
    job = row(page, "by-menu")
    expect(job).to_contain_text("Running", timeout=20_000)
    job.click(button="right")
    shown = page.locator(".lm-Menu-item[data-command^=himalia]:visible .lm-Menu-itemLabel")
    expect(shown).to_have_text(["Open", "Select to compare", "Stop"])
    page.keyboard.press("Escape")
    menu_of(page, job, "Stop")
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(job).to_contain_text("Stopped")
    menu_of(page, job, "Retry")
    expect(job).to_contain_text("Running", timeout=20_000)
    menu_of(page, job, "Stop")
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(job).to_contain_text("Stopped")
    menu_of(page, job, "Run again")
    expect(page.get_by_role("heading", name="digits", exact=True)).to_be_visible()
    menu_of(page, job, "Open")
    expect(page.get_by_role("heading", name="by-menu")).to_be_visible()
    # Two attempts: the log of each can be chosen.
    open_tab(page, "Log")
    expect(page.locator(".hm-JobLog-attempt option")).to_have_count(2)
    menu_of(page, job, "Select to compare")
    menu_of(page, found(page, "digits-1"), "Select to compare")
    menu_of(page, row(page, "digits-1"), "Compare 2 selected jobs")
    expect(page.get_by_role("region", name="Comparison")).to_contain_text("cells")
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Search jobs").fill("by-menu")
    menu_of(page, job, "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(job).to_have_count(0)


def test_a_job_is_changed_and_run(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    made = submit(lab, "to-change", cells=1, rate=2, note="a")
    job = found(page, "to-change")
    expect(job).to_contain_text("Succeeded", timeout=20_000)
    job.click()
    page.get_by_role("button", name="Change and run…").click()
    form = page.get_by_role("dialog", name="Change “to-change” and run it")
    expect(form.get_by_label("cells")).to_be_focused()
    expect(form.get_by_label("Profile")).to_have_value("scikit-learn")
    form.get_by_label("rate").fill("0.5")
    form.get_by_text("More", exact=True).click()
    form.get_by_label("Time limit in minutes").fill("100000")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(form).to_contain_text("at most 43200")
    form.get_by_label("Time limit in minutes").fill("90")
    form.get_by_label("Name").fill("changed")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="changed", exact=True)).to_be_visible()
    spec = lab.service("GET", "/api/v1/projects/ada/jobs/changed").json()["spec"]
    assert spec["parameters"] == {"cells": 1, "rate": 0.5, "note": "a"}
    assert (spec["time_limit_s"], spec["notebook"]) == (5400, made["spec"]["notebook"])


def test_a_deleted_job_comes_back_by_undo(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    page.get_by_label("Search jobs").fill("digits-")
    row(page, "digits-5").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(page, "digits-5")).to_have_count(0)
    # Its view closes with it.
    expect(page.get_by_role("heading", name="digits-5", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "digits-5")).to_be_visible()
    # And opens again with it.
    expect(page.get_by_role("heading", name="digits-5", exact=True)).to_be_visible()
    order = page.locator(".hm-JobRow .hm-Row-name").all_inner_texts()
    assert order.index("digits-6") < order.index("digits-5") < order.index("digits-4")
    assert lab.service("GET", "/api/v1/projects/ada/jobs/digits-5").status_code == 200


def test_at_most_six_jobs_are_compared(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    for number in range(1, 8):
        found(page, f"digits-{number}").click(modifiers=["Control"])
    expect(page.get_by_text("7 selected")).to_be_visible()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog")).to_contain_text("At most 6 jobs fit side by side.")


def test_attempts_change_as_the_job_does(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    submit(lab, "attempts", cells=4)
    row(page, "attempts").click()
    attempt = page.get_by_role("region", name="Attempts").locator("tbody tr")
    expect(attempt.locator(".hm-State")).to_have_text("Running", timeout=20_000)
    expect(attempt.locator("time")).to_be_visible()
    expect(attempt.locator(".hm-State")).to_have_text("Succeeded", timeout=20_000)
    expect(attempt).to_contain_text("312 MiB")


def test_the_notice_of_an_end_opens_the_job(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    submit(lab, "to-fail", fail=True)
    notice = page.get_by_role("alert").filter(has_text="“to-fail” failed.")
    expect(notice).to_contain_text("Cell 5 raised ZeroDivisionError", timeout=20_000)
    notice.get_by_role("button", name="Open").click()
    expect(page.locator(f"{STATE}[data-state=FAILED]")).to_be_visible()


def test_a_notice_says_that_memory_was_used_up(lab: Lab, open_lab: OpenLab) -> None:
    """As the server extension tells in a pod: tests/cluster/test_lab_in_pod.py has the memory used up."""
    page = open_lab(lab)
    told = {"schema_id": "urn:himalia:events:memory:v1", "version": "1", "data": {"limit": 2**30}}
    lab.http.post("api/events", json=told).raise_for_status()
    notice = page.get_by_role("alert").filter(has_text="The memory of this server, 1 GiB, was used up.")
    expect(notice).to_contain_text("A larger size has more.")


@pytest.fixture
def settings(lab: Lab, open_lab: OpenLab) -> Iterator[Page]:
    """Lab with the settings editor open at Himalia's; what a test changes is put back."""
    page = open_lab(lab)
    run(page, "settingeditor:open", {"query": "Himalia"})
    page.get_by_label("Confirm before stopping").wait_for()
    yield page
    plugin = "lab/api/settings/@himalia/lab:plugin"
    lab.http.put(plugin, json={"raw": "{}"}).raise_for_status()


def test_the_setting_of_the_question_before_stopping(lab: Lab, settings: Page) -> None:
    settings.get_by_label("Confirm before stopping").uncheck()
    submit(lab, "unasked", cells=200)
    row(settings, "unasked").click()
    expect(settings.locator(f"{STATE}[data-state=RUNNING]")).to_be_visible(timeout=20_000)
    settings.get_by_role("button", name="Stop", exact=True).click()
    expect(settings.locator(f"{STATE}[data-state=STOPPED]")).to_be_visible()
    expect(settings.get_by_role("dialog")).to_have_count(0)


def test_the_setting_of_the_log_s_letters(settings: Page) -> None:
    found(settings, "digits-2").click()
    open_tab(settings, "Log")
    line = settings.locator(".hm-Log-line").first
    expect(line).to_have_css("font-size", "13px")
    settings.locator(".lm-TabBar-tab", has_text="Settings").click()
    settings.locator("input[id$='logFontSize']").fill("20")
    settings.locator(".lm-TabBar-tab", has_text="digits-2").click()
    expect(line).to_have_css("font-size", "20px")
    # A line is as high as its letters want it: no two lie over each other.
    first, second = (settings.locator(".hm-Log-line").nth(at).bounding_box() for at in (0, 1))
    assert first is not None
    assert second is not None
    assert second["y"] - first["y"] >= 20


def test_the_setting_of_notices(lab: Lab, settings: Page) -> None:
    settings.get_by_label("Notices", exact=True).uncheck()
    submit(lab, "quiet", cells=1)
    expect(row(settings, "quiet")).to_contain_text("Succeeded", timeout=20_000)
    expect(settings.get_by_text("“quiet” succeeded")).to_have_count(0)
    settings.get_by_label("Notices", exact=True).check()
    submit(lab, "told", cells=1)
    expect(settings.get_by_text("“told” succeeded")).to_be_visible(timeout=20_000)


def test_a_project_that_cannot_be_chosen_is_not_shown(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    page.route(re.compile("/himalia/project"), lambda route: route.abort())
    page.get_by_label("Project").select_option(label="Computer vision")
    expect(page.get_by_text("The project was not changed.")).to_be_visible()
    expect(page.get_by_label("Project")).to_have_value("ada")
    expect(page.locator(".hm-JobRow").first).to_be_visible()


def test_the_loop_without_a_mouse(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    page.get_by_label("Project").focus()
    focused = page.locator(":focus")
    for name in ("Datasets", "Jobs", "Search jobs", "State"):
        page.keyboard.press("Tab")
        expect(focused).to_have_accessible_name(re.compile(name))
    page.keyboard.press("Tab")
    expect(focused).to_have_role("listbox")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    # The view has the focus; from there come its actions, then its tabs.
    view = page.locator(".hm-View:focus")
    expect(view).to_be_visible()
    name = view.get_by_role("heading", level=2).inner_text()
    for _ in range(8):
        page.keyboard.press("Tab")
        if focused.inner_text() == "Delete":
            break
    expect(focused).to_have_text("Delete")
    page.keyboard.press("Enter")
    # Cancel is the guess that harms nothing, and the focus comes back.
    expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(focused).to_have_text("Delete")
    page.keyboard.press("Tab")
    expect(focused).to_have_role("tab")
    page.keyboard.press("End")
    expect(page.get_by_role("tab").and_(page.locator(".hm-View [role=tab]")).last).to_be_focused()
    expect(row(page, name)).to_have_count(1)


def test_the_form_without_a_mouse(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab, "lab/tree/digits.ipynb")
    page.get_by_role("button", name="Run as job").focus()
    page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name=RUN_DIGITS)
    expect(form.get_by_label("max_iter")).to_be_focused()
    page.keyboard.press("Escape")
    expect(form).to_be_hidden()
    expect(page.get_by_role("button", name="Run as job")).to_be_focused()
    page.keyboard.press("Enter")
    expect(form.get_by_label("max_iter")).to_be_focused()
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(form).to_be_hidden()
    expect(page.locator(".hm-View:focus")).to_be_visible()


def test_a_service_that_is_down_says_so_in_the_form(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab, "lab/tree/digits.ipynb")
    mode(lab, "down")
    try:
        page.get_by_role("button", name="Run as job").click()
        form = page.get_by_role("dialog", name=RUN_DIGITS)
        expect(form).to_contain_text("Himalia is being restarted.")
    finally:
        mode(lab, "up")
    form.get_by_role("button", name="Try again").click()
    expect(form.get_by_label("max_iter")).to_be_visible()
