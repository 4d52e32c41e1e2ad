"""What is pressed less often on the way from data to a served model, on a real platform."""

from __future__ import annotations

import json
import re
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from endpoint_models import Deployed
from loop_pages import (
    SECONDS,
    VIEW,
    begin,
    flowers,
    open_lab,
    open_noun,
    opened_lab,
    plot,
    shot,
    state,
    tab,
    write_notebook,
)
from platforms import Person, Running
from playwright.sync_api import BrowserContext, Locator, Page, expect
from tensorboard_events import events

TRAINED = """\
import mlflow
import pandas as pd
from sklearn.linear_model import LogisticRegression
table = pd.DataFrame({"length": [1.0, 2.0, 3.0] * 9, "width": [3.0, 2.0, 1.0] * 9, "kind": list("abc") * 9})
features = table[["length", "width"]]
model = LogisticRegression().fit(features, table["kind"])
mlflow.sklearn.save_model(model, "outputs/model", input_example=features.head(1), pip_requirements=["scikit-learn"])
"""
SEARCHED = """\
import base64, pathlib
import himalia.run as run
place = pathlib.Path("outputs/board")
place.mkdir(parents=True, exist_ok=True)
(place / "events.out.tfevents.1.trial").write_bytes(base64.b64decode("%s"))
run.log("score", -((x - 2) ** 2) if kind == "a" else -9)
run.log("cost", x + len(kind))
"""


@pytest.fixture(scope="module")
def pola(himalia: Running) -> Iterator[Person]:
    """Somebody who works in the browser; her token is for looking from outside."""
    himalia.add_user("pola")
    person = Person(himalia, "pola")
    yield person
    person.close()


@pytest.fixture(scope="module")
def page(warm: BrowserContext, pola: Person) -> Iterator[Page]:
    """Pola's Lab."""
    with opened_lab(warm, pola) as page:
        yield page


@pytest.fixture(scope="module")
def twice(pola: Person, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """An endpoint of which two revisions answer; it is stopped in the end."""
    deployed = Deployed(pola, tmp_path_factory.mktemp("models"), "times", 3)
    deployed.until("READY")
    deployed.update(5, weight=30).raise_for_status()
    deployed.until("READY")
    yield deployed
    deployed.do("stop").raise_for_status()
    deployed.until("STOPPED")


def palette(page: Page, entry: str) -> None:
    """Choose a command in the palette."""
    page.locator(VIEW).focus()
    page.keyboard.press("Control+Shift+C")
    expect(page.locator(".jp-ModalCommandPalette input")).to_be_focused()
    page.keyboard.type(f"himalia {entry}")
    expect(page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text(entry)
    page.keyboard.press("Enter")


def row(page: Page, region: str, name: str) -> Locator:
    """The row of a table that begins with this."""
    head = page.get_by_role("rowheader", name=re.compile(rf"^{name}\b"))
    return page.get_by_role("region", name=region).get_by_role("row").filter(has=head)


def test_calls_are_shared_and_each_attempt_has_its_log(page: Page, pola: Person, twice: Deployed) -> None:
    open_lab(page, pola)
    open_noun(page, "Endpoints")
    page.locator(".hm-EndpointRow").click()
    tab(page, "Revisions")
    for revision, share in (("1", "70 %"), ("2", "30 %")):
        expect(row(page, "Revisions", revision)).to_contain_text(share)
    page.get_by_role("button", name="Share calls…").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Revision 2").fill("40")
    form.get_by_role("button", name="Share").click()
    expect(form.get_by_role("alert")).to_have_text("The shares come to 110 %; they must come to 100 %.")
    form.get_by_label("Revision 1").fill("60")
    shot(page, "share-calls")
    form.get_by_role("button", name="Share").click()
    for revision, share in (("1", "60 %"), ("2", "40 %")):
        expect(row(page, "Revisions", revision)).to_contain_text(share)

    # Its server dies of a call: what it printed before stays to be read.
    tab(page, "Log")
    page.get_by_label("Revision").select_option("2")
    expect(page.get_by_label("Attempt")).to_have_count(0)
    while all(one["attempt"] == 1 for one in twice.seen()["status"]["revisions"] if one["number"] == 2):
        twice.ask(666)
    attempt = page.get_by_label("Attempt")
    expect(attempt).to_have_value("2")
    attempt.select_option("1")
    expect(page.locator(f"{VIEW} .hm-Log-line").first).to_be_visible()
    attempts = page.get_by_label("Attempt").get_by_role("option")
    expect(attempts).to_have_text(["2", "1"])

    # Who takes its deletion back has it answer again.
    page.locator(VIEW).get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").click()
    expect(state(page)).to_have_text("Ready", timeout=90 * SECONDS)
    assert twice.answer(1) in (3, 5)


@pytest.fixture(scope="module")
def model(pola: Person) -> str:
    """A model of which there are two versions."""
    job = pola.submit("python", "-c", TRAINED, profile="scikit-learn")
    at = f"/projects/{pola.project}/models"
    pola.http.post(at, json={"name": "kinds"}).raise_for_status()
    assert pola.ended(job["name"], 120)["status"]["state"] == "SUCCEEDED", pola.text(job["name"])
    for _ in range(2):
        made = pola.http.post(f"{at}/kinds/versions", json={"job": job["name"]}, timeout=60)
        made.raise_for_status()
    return "kinds"


def test_one_version_goes_and_the_other_is_measured_on_a_chosen_table(
    page: Page, pola: Person, model: str
) -> None:
    flowers(pola, "measured")
    at = f"/projects/{pola.project}/datasets/measured/drafts"
    tables = {"flowers.csv": b"length,width,kind\n1,3,a\n3,1,c\n", "names.csv": b"kind,title\na,Aster\n"}
    pola.http.post(f"{at}/{begin(pola, 'measured', tables)}/commit", json={}).raise_for_status()
    open_lab(page, pola)
    open_noun(page, "Models")
    page.locator(".hm-ModelRow", has_text=model).click()
    version = page.locator(VIEW).get_by_label("Version", exact=True)
    expect(version).to_have_value("2")
    page.get_by_role("button", name="Delete version 2").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(version).to_have_value("1")
    expect(page.get_by_role("button", name=re.compile("^Delete version"))).to_have_count(0)

    # What is saved is the browser's own download.
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download", exact=True).click()
    assert saved.value.suggested_filename == "kinds-1.tar"
    with tarfile.open(saved.value.path()) as files:
        assert any(name.endswith("MLmodel") for name in files.getnames())

    palette(page, "Evaluate model version…")
    form = page.get_by_role("dialog", name="Evaluate kinds, version 1")
    expect(form.get_by_label("Dataset")).to_have_value("measured")
    expect(form.get_by_label("Table").get_by_role("option")).to_have_text(["flowers.csv", "names.csv"])
    form.get_by_label("Table").select_option("names.csv")
    expect(form.get_by_label("Right answers")).to_have_value("")
    form.get_by_role("button", name="Evaluate").click()
    expect(form.get_by_role("alert")).to_contain_text("Name the column")
    form.get_by_label("Table").select_option("flowers.csv")
    expect(form.get_by_label("Right answers")).to_have_value("kind")
    shot(page, "evaluate")
    with page.expect_request(re.compile("/evaluate$")) as asked:
        form.get_by_role("button", name="Evaluate").click()
    assert asked.value.post_data_json["path"] == "flowers.csv"
    expect(state(page)).to_be_visible()
    job = page.locator(VIEW).get_by_role("heading", level=2).inner_text()
    pola.http.post(f"/projects/{pola.project}/jobs/{job}/stop").raise_for_status()
    expect(state(page)).to_have_text("Stopped")


def test_a_renamed_dataset_keeps_its_tab(page: Page, pola: Person) -> None:
    flowers(pola, "older-name")
    open_lab(page, pola)
    open_noun(page, "Datasets")
    page.locator(".hm-DatasetRow", has_text="older-name").click()
    tab_of = page.locator(".lm-TabBar-tab")
    expect(tab_of.filter(has_text="older-name")).to_be_visible()
    renamed = pola.http.patch(f"/projects/{pola.project}/datasets/older-name", json={"name": "newer-name"})
    renamed.raise_for_status()
    expect(tab_of.filter(has_text="newer-name")).to_be_visible()
    # It is the one that opens by its new name.
    page.locator(".hm-DatasetRow", has_text="newer-name").click()
    expect(tab_of.filter(has_text=re.compile("(older|newer)-name"))).to_have_count(1)
    palette(page, "New version of dataset…")
    expect(page.get_by_role("dialog", name=re.compile("newer-name"))).to_be_visible()
    page.keyboard.press("Escape")
    palette(page, "Use dataset in notebook")
    expect(page.get_by_text("No notebook is open.").first).to_be_visible()


def test_a_search_with_two_metrics_a_condition_and_a_limit(page: Page, pola: Person, tmp_path: Path) -> None:
    code = SEARCHED % events(tmp_path)
    write_notebook(pola, "two.ipynb", "base", 'x = 1.0  # where it is\nkind = "a"\n', code)
    open_lab(page, pola, "/tree/two.ipynb")
    page.get_by_role("button", name="Search parameters").click()
    form = page.get_by_role("dialog", name="Search parameters of “two.ipynb”")
    for name in ("x", "kind"):
        form.get_by_role("checkbox", name=name, exact=True).check()
    form.get_by_label("Values of kind").fill('["a", "b"]')
    form.get_by_text("Steps, condition").click()
    form.get_by_label("When x is searched").select_option("kind")
    form.get_by_label("Values of kind with which x is searched").fill('["a"]')
    form.get_by_label("Trials").fill("4")
    form.locator(".hm-Goal-more > summary").click()
    form.get_by_role("button", name="Add another metric").click()
    expect(form.get_by_label("Metric 2", exact=True)).to_have_value("cost")
    expect(form.get_by_label("Better is, of metric 2")).to_have_value("minimize")
    form.get_by_label("Time limit").fill("-1")
    form.get_by_role("button", name="Search", exact=True).click()
    expect(form.get_by_role("alert")).to_have_text("Write minutes, such as 90, or nothing.")
    form.get_by_label("Time limit").fill("7")
    form.get_by_label("Name").fill("two-aims")
    form.get_by_role("button", name="Search", exact=True).click()
    expect(state(page)).to_have_text("Complete", timeout=120 * SECONDS)
    expect(page.locator(VIEW).get_by_text("only when kind is")).to_be_visible()
    expect(
        page.get_by_role("heading", name=re.compile(r"^Trial \d: no other beats it")).first
    ).to_be_visible()
    tab(page, "More plots")
    expect(plot(page, "Pareto front").locator("canvas, svg.marks").first).to_be_visible()
    spec = pola.http.get(f"/projects/{pola.project}/experiments/two-aims").json()["spec"]
    assert (spec["timeout_s"], spec["space"]["x"]["when"]) == (420, {"kind": ["a"]})
    assert spec["objectives"] == [
        {"metric": "score", "direction": "maximize"},
        {"metric": "cost", "direction": "minimize"},
    ]
    tensorboard(page, pola)


def tensorboard(page: Page, person: Person) -> None:
    """Choose two trials, and see their runs in TensorBoard."""
    tab(page, "Trials")
    for number in (1, 3):
        page.get_by_label(f"Select trial {number}").check()
    expect(page.get_by_text("4 trials · 2 selected")).to_be_visible()
    shot(page, "trials-selected")
    with page.expect_popup() as popup:
        page.get_by_role("button", name="TensorBoard").click()
    popup.value.wait_for_url("**/tensorboard/**", timeout=60 * SECONDS)
    trials = f"/projects/{person.project}/experiments/two-aims/trials"
    jobs = {one["number"]: one["job"] for one in person.http.get(trials).json()["items"]}
    wanted = sorted(f"{jobs[number]}/outputs/board" for number in (1, 3))
    deadline = time.monotonic() + 60
    while runs(popup.value) != wanted:
        assert time.monotonic() < deadline, runs(popup.value)
        time.sleep(0.2)
    popup.value.close()


def runs(board: Page) -> Any:
    """The runs that TensorBoard knows; it looks for others every few seconds."""
    answer = board.request.get(re.sub(r"/tensorboard/.*", "/tensorboard/data/runs", board.url))
    return sorted(json.loads(answer.text())) if answer.ok else answer.status
