"""The panels in a real Lab: the loop from a notebook to a job's results, live, by mouse and by keyboard."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from .conftest import Lab, run
from .steps import STATE, OpenLab, found, mode, open_tab, row, submit


def test_a_notebook_becomes_a_job(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab, "lab/tree/digits.ipynb")
    page.get_by_role("button", name="Run as job").click()
    form = page.get_by_role("dialog", name="Run “digits.ipynb” as a job")
    expect(form.get_by_label("max_iter")).to_have_value("100")
    expect(form.get_by_label("max_iter")).to_be_focused()
    expect(form.get_by_text("passes over the data")).to_be_visible()
    form.get_by_label("max_iter").fill("many")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(form.get_by_role("alert")).to_have_text("Write a whole number, such as 10.")
    expect(form.get_by_label("max_iter")).to_be_focused()
    form.get_by_label("max_iter").fill("300")
    form.get_by_text("More", exact=True).click()
    form.get_by_label("Retries").fill("99")
    form.get_by_role("button", name="Run", exact=True).click()
    # What only the service knows is told at its field too.
    expect(form.get_by_role("alert")).to_contain_text("Must be at most 10")
    form.get_by_label("Retries").fill("1")
    form.get_by_label("Name").fill("first-try")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(f"{STATE}[data-state=RUNNING]")).to_be_visible(timeout=20_000)
    expect(page.locator(".hm-Nouns")).to_contain_text("1 running")
    expect(page.locator(".hm-Now")).to_contain_text(re.compile(r"Cell \d of 9"))
    open_tab(page, "Log")
    expect(page.locator(".hm-Log-line", has_text="cell 5 of 9")).to_be_visible()
    expect(page.locator(f"{STATE}[data-state=SUCCEEDED]")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("“first-try” succeeded after")).to_be_visible()
    expect(page.locator(".hm-Log-count")).to_have_text("45 lines")
    job = lab.service("GET", "/api/v1/projects/ada/jobs/first-try").json()
    assert job["spec"]["parameters"] == {
        "max_iter": 300,
        "C": 1,
        "fail": False,
        "solver": "lbfgs",
        "note": None,
    }
    assert job["spec"]["notebook"] == "digits.ipynb"
    assert job["spec"]["retries"] == 1
    assert len(job["spec"]["snapshot"]) == 64


def test_unsaved_changes_run_too(lab: Lab, open_lab: OpenLab) -> None:
    (lab.root / "unsaved.ipynb").write_text((lab.root / "digits.ipynb").read_text())
    page = open_lab(lab, "lab/tree/unsaved.ipynb")
    page.locator(".jp-Notebook .cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("typed = 7\n")
    run(page, "himalia:run-notebook")
    expect(page.get_by_role("dialog").get_by_label("typed")).to_have_value("7")


def test_what_a_job_left(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    found(page, "digits-1").click()
    open_tab(page, "Metrics")
    expect(page.locator(".hm-Plot").first.locator("canvas, svg.marks")).to_be_visible(timeout=30_000)
    open_tab(page, "Outputs")
    files = page.locator(".hm-Outputs-files li")
    expect(files).to_have_count(3)
    with page.expect_download() as download:
        files.filter(has_text="confusion.png").get_by_role("button", name="Download").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    files.filter(has_text="digits.html").get_by_role("button", name="Show").click()
    # Scripts of the file run in an origin of their own: "null" is what an opaque one calls itself.
    expect(page.frame_locator(".hm-Preview iframe").locator("body")).to_contain_text("scripts run: null")
    files.filter(has_text="digits.ipynb").get_by_role("button", name="Open").click()
    expect(page.locator(".jp-NotebookPanel")).to_contain_text("notebook is read-only")
    expect(page.locator(".jp-NotebookPanel .jp-OutputArea")).to_contain_text("hello")


def test_views_come_back_after_a_reload(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    found(page, "digits-2").click()
    expect(page.get_by_role("heading", name="digits-2")).to_be_visible()
    with page.expect_response(
        lambda answer: "/api/workspaces/" in answer.url and answer.request.method == "PUT"
    ):
        run(page, "himalia:compare-open", {"project": "ada", "names": ["digits-1", "digits-4"]})
    expect(page.get_by_role("heading", name="Compare jobs")).to_be_visible()
    page.goto(page.url.split("?")[0])
    expect(page.get_by_role("heading", name="Compare jobs")).to_be_visible(timeout=60_000)
    expect(page.locator(".lm-TabBar-tab", has_text="digits-2")).to_be_visible()


def test_comparing_marks_differences(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    for name in ("digits-1", "digits-2"):
        found(page, name).click(modifiers=["Control"])
    page.get_by_role("button", name="Compare").click()
    table = page.get_by_role("region", name="Comparison")
    expect(table).to_contain_text("solver")
    different = table.locator("tr[data-differs] th").all_inner_texts()
    assert any(text.startswith("max_iter") for text in different)
    assert not any(text.startswith("solver") for text in different)
    page.get_by_role("button", name="Only differences").click()
    expect(table).not_to_contain_text("solver")


def test_a_job_is_stopped_retried_and_deleted(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    submit(lab, "to-stop", cells=200)
    row(page, "to-stop").click()
    expect(page.locator(f"{STATE}[data-state=RUNNING]")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator(f"{STATE}[data-state=RUNNING]")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.locator(f"{STATE}[data-state=STOPPED]")).to_be_visible()
    # An action that is refused is taken back, and the reason is told.
    mode(lab, "down")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("“to-stop” was not started again. Himalia is being restarted.")).to_be_visible()
    expect(page.locator(f"{STATE}[data-state=STOPPED]")).to_be_visible()
    mode(lab, "up")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(page, "to-stop")).to_have_count(0)
    assert lab.service("GET", "/api/v1/projects/ada/jobs/to-stop").status_code == 404


def test_the_panel_catches_up_after_an_outage(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    mode(lab, "down")
    expect(page.get_by_text("Live updates are interrupted; connecting again…")).to_be_visible()
    mode(lab, "up")
    submit(lab, "while-away", cells=1)
    expect(row(page, "while-away")).to_be_visible()
    expect(page.get_by_text("Live updates are interrupted; connecting again…")).to_be_hidden()
    expect(row(page, "while-away")).to_contain_text("Succeeded", timeout=20_000)


def test_everything_by_keyboard(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    page.get_by_label("Search jobs").focus()
    page.keyboard.type("digits-1")
    expect(row(page, "digits-9")).to_have_count(0)
    page.get_by_role("listbox", name="Jobs").focus()
    page.keyboard.press("End")
    page.keyboard.press("Space")
    expect(row(page, "digits-1")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="digits-1", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Overview").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Log")).to_be_focused()
    expect(page.get_by_role("log")).to_be_visible()
    run(page, "himalia:run-choose")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_projects_switch_the_panels(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    page.get_by_label("Project").select_option(label="Computer vision")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    expect(page.get_by_role("button", name="Run a notebook as a job")).to_be_visible()
    page.get_by_label("Project").select_option(label="ada (personal)")
    page.locator(".hm-JobRow").first.wait_for()  # the search begins anew with the other project
    expect(found(page, "digits-1")).to_have_count(1)


def test_lab_opens_while_the_service_does_not_answer(lab: Lab, open_lab: OpenLab) -> None:
    page = open_lab(lab)
    found(page, "digits-3").click()
    open_tab(page, "Outputs")
    with page.expect_response(
        lambda answer: "/api/workspaces/" in answer.url and answer.request.method == "PUT"
    ):
        page.locator("li", has_text="digits.ipynb").get_by_role("button", name="Open").click()
        expect(page.locator(".jp-NotebookPanel")).to_contain_text("notebook is read-only")
    # Calls hang, as they do when a machine is gone; what was open before must not hold up all of Lab.
    page.route("**/services/himalia/**", lambda route: None)
    page.goto(page.url.split("?")[0])
    page.get_by_role("tab", name="Himalia").wait_for(timeout=60_000)
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    expect(page.locator(".lm-TabBar-tab", has_text="digits-3")).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")
