"""The panels from data to a served model, on a real platform: each as a person presses through it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pictures
import pytest
from platforms import PASSWORD, Person, Running
from playwright.sync_api import Browser, Locator, Page, Request, Route, WebSocketRoute, expect

from himalia.core.errors import NoCapacity

SECONDS = 1000
expect.set_options(timeout=60_000)
VIEW = ".hm-View:not(.lm-mod-hidden)"

SEARCHED = """\
import himalia.run as run
for step in range(3):
    run.log("score", (x - 2) ** 2 + len(kind) + 1 / (1 + step), step=step)
"""
TRAINED = """\
import mlflow
import pandas as pd
import himalia.run as run
from sklearn.linear_model import LogisticRegression
table = pd.read_csv(next(run.input("flowers").glob("*.csv")))
features = table[["length", "width"]]
model = LogisticRegression(C=C).fit(features, table["kind"])
run.log("accuracy", float(model.score(features, table["kind"])))
mlflow.sklearn.save_model(model, "outputs/model", input_example=features.head(1), pip_requirements=["scikit-learn"])
"""


@pytest.fixture(scope="module")
def paula(himalia: Running) -> Iterator[Person]:
    """Somebody who works in the browser; her token is for looking from outside."""
    himalia.add_user("paula")
    person = Person(himalia, "paula")
    yield person
    person.close()


@pytest.fixture(scope="module")
def page(chromium: Browser, himalia: Running, paula: Person) -> Iterator[Page]:
    """Paula's Lab, with a notebook to search and one that trains; opened once for all tests of the module."""
    page = chromium.new_context(viewport={"width": 1300, "height": 850}).new_page()
    page.set_default_timeout(30 * SECONDS)
    page.goto(f"{himalia.url}/hub/login?next=/hub/spawn")
    page.get_by_label("Username").fill("paula")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator('input[value="scikit-learn/small"]').check(timeout=120 * SECONDS)
    page.locator("[type=submit]").click()
    page.wait_for_url("**/user/paula/lab**", timeout=120 * SECONDS)
    home = himalia.home / "people" / paula.http.get("/whoami").json()["person"]["id"] / "home"
    _notebook(home / "bowl.ipynb", "base", 'x = 1.0  # where it is\nkind = "ab"\n', SEARCHED)
    _notebook(home / "train.ipynb", "scikit-learn", "C = 1.0  # how freely it fits\n", TRAINED)
    yield page
    page.context.close()


@pytest.fixture(autouse=True)
def thrown(page: Page) -> Iterator[None]:
    """A test fails when the page throws."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield
    assert errors == []


def _notebook(path: Path, kernel: str, parameters: str, code: str) -> None:
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


def open_lab(page: Page, himalia: Running, path: str = "") -> None:
    """A fresh workspace, with the navigator in sight."""
    page.goto(f"{himalia.url}/user/paula/lab{path}?reset")
    page.locator(".jp-Launcher, .jp-Notebook").first.wait_for(timeout=90 * SECONDS)
    himalia_tab = page.get_by_role("tab", name="Himalia")
    himalia_tab.wait_for(timeout=90 * SECONDS)
    if himalia_tab.get_attribute("aria-selected") != "true":
        himalia_tab.click()


def open_noun(page: Page, name: str) -> None:
    row = page.locator(".hm-Nouns h3").get_by_role("button", name=name)
    if row.get_attribute("aria-expanded") != "true":
        row.click()


def choose(page: Page, button: str, *paths: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("dialog").get_by_role("button", name=button).click()
    chooser.value.set_files(list(paths))


def tab(page: Page, name: str) -> None:
    page.locator(VIEW).get_by_role("tab", name=name).click()


def state(page: Page) -> Locator:
    return page.locator(f"{VIEW} .hm-Item-header .hm-State")


def shot(page: Page, name: str) -> None:
    pictures.shot(page, f"loop-{name}")


def flowers(paula: Person, name: str) -> None:
    """A dataset with a small table, made without the browser."""
    lines = ["length,width,kind", *(f"{1 + at % 7},{at % 5},{'abc'[at % 3]}" for at in range(60))]
    at = f"/projects/{paula.project}/datasets"
    paula.http.post(at, json={"name": name}).raise_for_status()
    draft = begin(paula, name, {"flowers.csv": "\n".join(lines).encode()})
    paula.http.post(f"{at}/{name}/drafts/{draft}/commit", json={}).raise_for_status()


def begin(paula: Person, dataset: str, files: dict[str, bytes]) -> str:
    """The id of a draft of a dataset, in which these files have arrived."""
    at = f"/projects/{paula.project}/datasets/{dataset}/drafts"
    draft: str = paula.http.post(at, json={}).raise_for_status().json()["id"]
    sizes = [{"path": path, "size": len(content)} for path, content in files.items()]
    header = json.dumps({"files": sizes}).encode()
    body = len(header).to_bytes(4, "big") + header + b"".join(files.values())
    paula.http.put(f"{at}/{draft}/bundle", content=body).raise_for_status()
    return draft


def test_a_folder_becomes_a_dataset(page: Page, himalia: Running, paula: Person, tmp_path: Path) -> None:
    from PIL import Image

    pictures = tmp_path / "Zwei Ordner"
    for label in ("cats", "dogs"):
        (pictures / label).mkdir(parents=True)
        for at in range(5):
            Image.new("RGB", (24, 16), (40 * at, 90, 120)).save(pictures / label / f"{at}.png")
    open_lab(page, himalia, "/tree/bowl.ipynb")
    open_noun(page, "Datasets")
    expect(page.get_by_text("No datasets yet")).to_be_visible()
    shot(page, "datasets-empty")
    page.get_by_role("button", name="Upload a dataset", exact=True).click()
    choose(page, "Choose a folder…", pictures)
    expect(page.get_by_role("dialog").get_by_label("Name")).to_have_value("zwei-ordner")
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="zwei-ordner")).to_be_visible()
    thumbnails = page.get_by_role("list", name="Pictures").get_by_role("img")
    expect(thumbnails).to_have_count(10, timeout=60 * SECONDS)
    expect(page.locator(".hm-Thumbnails-label").first).to_have_text("cats")
    shot(page, "dataset-pictures")
    tab(page, "Files")
    page.get_by_role("button", name="dogs/").click()
    expect(page.get_by_role("list", name="Files").get_by_role("listitem")).to_have_count(5)

    # Some files are replaced: version 2, and what changed.
    (pictures / "cats" / "0.png").write_bytes((pictures / "dogs" / "4.png").read_bytes())
    (pictures / "cats" / "new.png").write_bytes((pictures / "dogs" / "3.png").read_bytes())
    page.get_by_role("button", name="New version…").click()
    choose(page, "Choose a folder…", pictures)
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Version", exact=True)).to_have_value("2", timeout=60 * SECONDS)
    tab(page, "Versions")
    expect(page.get_by_text("1 added")).to_be_visible()
    changed = page.get_by_role("list", name="Changed files").get_by_role("listitem")
    expect(changed).to_have_count(2)
    expect(changed.filter(has_text="cats/new.png")).to_contain_text("added")
    page.get_by_role("button", name="+ Alias").last.click()
    page.get_by_label("Such as “production”").fill("first")
    page.get_by_role("button", name="Give it").click()
    expect(page.locator(".hm-Aliases").last).to_contain_text("first")
    page.get_by_role("button", name="Verify").last.click()
    expect(page.get_by_text("Every file is as it was stored.")).to_be_visible(timeout=60 * SECONDS)
    shot(page, "dataset-versions")

    page.get_by_role("button", name="Use in notebook").click()
    cell = page.locator(".jp-Notebook .jp-CodeCell", has_text="zwei_ordner = ")
    expect(cell).to_contain_text("zwei-ordner@2, read-only")
    assert paula.http.get(f"/projects/{paula.project}/datasets/zwei-ordner").json()["status"]["versions"] == 2


def test_an_upload_goes_on_after_a_reload(page: Page, himalia: Running, tmp_path: Path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    for at in range(3):
        (folder / f"{at}.bin").write_bytes(os.urandom(1 << 20))
    (folder / "one.bin").write_bytes(os.urandom(24 << 20))
    open_lab(page, himalia)
    open_noun(page, "Datasets")
    page.get_by_role("button", name="New", exact=True).click()
    choose(page, "Choose a folder…", folder)
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 8 << 20}
    line.send("Network.emulateNetworkConditions", slow)
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(page.get_by_text(re.compile(r"3 of 4 files, (1\d|[89])\S* MiB of 27 MiB"))).to_be_visible()
    shot(page, "upload-running")
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"]
    line.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    partly = "Unfinished upload of paula: 3 files (3 MiB) have arrived, "
    expect(page.get_by_text(partly)).to_contain_text("of 24 MiB of “one.bin”")
    shot(page, "upload-cut-off")
    sent: list[str] = []
    page.on("request", lambda one: sent.append(_sent(one)) if "/drafts/" in one.url else None)
    with page.expect_file_chooser() as chooser:
        page.locator(VIEW).get_by_role("button", name="Choose a folder…").click()
    chooser.value.set_files(folder)
    expect(page.get_by_label("Version", exact=True)).to_have_value("1", timeout=60 * SECONDS)
    expect(page.locator(f"{VIEW} .hm-Item-subtitle")).to_contain_text("4 files, 27 MiB")
    went = [one for one in sent if not one.startswith("GET")]
    assert [one.split()[0] for one in went] == ["HEAD", "PATCH", "POST"], went
    assert int(went[1].split()[1]) > 4 << 20, "the large file was sent from its beginning"


def _sent(request: Request) -> str:
    """A request by its method, and for a part of a file where that begins."""
    return f"{request.method} {request.headers.get('upload-offset', '')}"


def test_an_archive_is_unpacked(page: Page, himalia: Running, paula: Person, tmp_path: Path) -> None:
    archive = tmp_path / "years.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for year in ("2024", "2025"):
            packed.writestr(f"{year}/table.csv", "day,count\n1,2\n2,3\n")
    open_lab(page, himalia)
    open_noun(page, "Datasets")
    page.get_by_role("button", name="New", exact=True).click()
    choose(page, "Choose files…", archive)
    expect(page.get_by_role("dialog").get_by_label("Unpack the archive")).to_be_checked()
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(page.locator(f"{VIEW} .hm-Item-subtitle")).to_contain_text("2 files")
    expect(page.get_by_role("region", name="First rows of 2024/table.csv")).to_contain_text("count")

    # Somebody sends another version, from elsewhere: nothing here may take it from under them.
    draft = begin(paula, "years", {"years.zip": archive.read_bytes()})
    upload = page.locator(".hm-Upload")
    expect(upload).to_contain_text("paula is uploading: 1 file")
    expect(upload.get_by_role("button")).to_have_text(["Discard"])
    upload.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("dialog")).to_contain_text("Discard the upload of paula?")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    # As if this tab had begun it before it was loaded again: it still asks whether to unpack.
    page.evaluate("id => sessionStorage.setItem('himalia-uploads', JSON.stringify([id]))", draft)
    page.reload()
    upload.get_by_role("button", name="Use what is there").click()
    expect(page.get_by_role("dialog")).to_contain_text("Unpack “years.zip”?")
    page.get_by_role("dialog").get_by_role("button", name="Unpack").click()
    expect(upload).to_have_count(0, timeout=60 * SECONDS)
    files = paula.http.get(f"/projects/{paula.project}/datasets/years/versions/latest/files").json()["items"]
    assert [one["path"] for one in files] == ["2024/table.csv", "2025/table.csv"]

    # What lies on the platform's machine, where that is open, needs no upload.
    (himalia.folder / "imports" / "leaves").mkdir()
    (himalia.folder / "imports" / "leaves" / "leaf.txt").write_text("green\n")
    page.get_by_role("button", name="New version…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Or on the platform").fill(f"{himalia.folder}/imports/leaves")
    shot(page, "import-path")
    dialog.get_by_role("button", name="Take it").click()
    dialog.get_by_label("Only these files").check()
    dialog.get_by_role("button", name="Upload").click()
    expect(page.locator(f"{VIEW} .hm-Item-subtitle")).to_contain_text("1 file, 6 B", timeout=60 * SECONDS)


def test_a_dropped_table_becomes_a_version_that_nobody_waits_for(page: Page, himalia: Running) -> None:
    open_lab(page, himalia)
    open_noun(page, "Datasets")
    text = "length,kind\n" + "".join(f"{at % 7},{'ab'[at % 2]}\n" for at in range(50))
    dropped = page.evaluate_handle(
        """text => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], 'Leaves of 2024.csv', { type: 'text/csv' }));
            return transfer;
        }""",
        text,
    )
    for event in ("dragover", "drop"):
        page.locator(".hm-DropList").dispatch_event(event, {"dataTransfer": dropped})
    expect(page.get_by_role("dialog").get_by_label("Name")).to_have_value("leaves-of-2024")
    held: list[Route] = []
    page.route(re.compile("/bundle$"), lambda route: held.append(route))
    with page.expect_request(re.compile("/bundle$")):
        page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Uploading…").first).to_be_visible()
    page.locator(".lm-TabBar-tab", has_text="leaves-of-2024").locator(".lm-TabBar-tabCloseIcon").click()
    held[0].continue_()
    page.unroute_all()
    notice = page.get_by_role("alert").filter(has_text="Version 1 of “leaves-of-2024” is made.")
    notice.get_by_role("button", name="Open").click()
    expect(page.locator(".hm-Upload")).to_have_count(0)
    table = page.get_by_role("region", name="First rows of Leaves of 2024.csv")
    expect(table.locator("tbody tr").first).to_contain_text("a")
    expect(table.get_by_role("img", name=re.compile("^Spread of length. "))).to_be_visible()
    expect(table.get_by_role("img", name=re.compile("^Spread of kind. "))).to_be_visible()


def test_what_is_refused_is_as_it_was(page: Page, himalia: Running, paula: Person) -> None:
    for name in ("older", "newer"):
        flowers(paula, name)
    spec = {"kind": "command", "command": ["sleep", "100"], "profile": "base", "inputs": {"older": "older@1"}}
    jobs = f"/projects/{paula.project}/jobs"
    paula.http.post(jobs, json={"name": "reader", "spec": spec}).raise_for_status()
    subscribed: list[dict[str, object]] = []
    channels: list[WebSocketRoute] = []

    def listen(page_side: WebSocketRoute) -> None:
        service = page_side.connect_to_server()
        channels.append(page_side)
        page_side.on_message(lambda text: (subscribed.append(json.loads(text)), service.send(text)))

    page.route_web_socket(re.compile("/live$"), listen)
    open_lab(page, himalia)

    # It ends while the question stands whether to stop it.
    open_noun(page, "Jobs")
    page.locator(".hm-JobRow", has_text="reader").click()
    expect(state(page)).to_have_text("Running", timeout=60 * SECONDS)
    page.get_by_role("button", name="Stop", exact=True).click()
    paula.http.post(f"{jobs}/reader/stop").raise_for_status()
    expect(state(page)).to_have_text("Stopped")
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("“reader” was not stopped.")).to_be_visible()
    expect(state(page)).to_have_text("Stopped")

    open_noun(page, "Datasets")
    rows = page.get_by_role("listbox", name="Datasets").get_by_role("option")
    expect(rows.nth(0)).to_contain_text("newer")
    expect(rows.nth(1)).to_contain_text("older")
    rows.nth(1).click()
    expect(page.get_by_role("heading", name="older")).to_be_visible()
    for answer in ("Cancel", "Delete all the same"):
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        question = page.get_by_role("dialog", name="Delete “older” although it is in use?")
        expect(question).to_contain_text("It is used by reader.")
        question.get_by_role("button", name=answer).click()
        expect(rows.filter(has_text="older")).to_have_count(1 if answer == "Cancel" else 0)
    page.get_by_role("alert").get_by_role("button", name="Undo").click()
    expect(rows.nth(1)).to_contain_text("older")

    # More was missed than the channel tells again: everything is asked for anew, and it goes on from now.
    project = paula.http.get(f"/projects/{paula.project}").json()["id"]
    stale = {
        "type": "error",
        "topic": f"project:{project}",
        "error": {"code": "stale", "message": "Too much."},
    }
    with page.expect_response(lambda one: "/datasets?" in one.url):
        channels[-1].send(json.dumps(stale))
    assert {"type": "subscribe", "topic": f"project:{project}"} in subscribed[-3:]


def test_a_search_finds_a_minimum(page: Page, himalia: Running, paula: Person) -> None:
    open_lab(page, himalia, "/tree/bowl.ipynb")
    page.get_by_role("button", name="Search parameters").click()
    form = page.get_by_role("dialog", name="Search parameters of “bowl.ipynb”")
    form.get_by_role("button", name="Search").click()
    expect(form.get_by_role("alert")).to_have_text("Tick at least one parameter to search.")
    form.get_by_role("checkbox", name="x", exact=True).check()
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
    listed = paula.http.get(f"/projects/{paula.project}/jobs").json()["items"]
    assert [job["name"] for job in listed if "trial" in job["name"]] == []
    expect(page.get_by_text("bowl-search-trial", exact=False)).to_have_count(0)


LOGS = """
import time
import himalia.run as run
for step in range(600):
    run.log("height", step, step=step)
    time.sleep(0.1)
"""


def test_metrics_grow_while_a_job_runs(page: Page, himalia: Running, paula: Person) -> None:
    job = paula.submit("python", "-c", LOGS)["name"]
    open_lab(page, himalia)
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
    paula.http.post(f"/projects/{paula.project}/jobs/{job}/stop").raise_for_status()
    expect(state(page)).to_have_text("Stopped")


def plot(page: Page, title: str) -> Locator:
    caption = page.locator("figcaption span", has_text=re.compile(f"^{title}$"))
    return page.locator("figure").filter(has=caption)


def rows_of(page: Page, drawn: Locator) -> int:
    """How many rows the data of a plot has, as a person downloads it."""
    with page.expect_download() as data:
        drawn.get_by_role("button", name="Data").click()
    return len(Path(data.value.path()).read_text().splitlines()) - 1


def test_from_a_job_to_an_endpoint_that_is_updated(page: Page, himalia: Running, paula: Person) -> None:
    flowers(paula, "flowers")
    open_lab(page, himalia, "/tree/train.ipynb")
    train(page, C=1)
    tab(page, "Outputs")
    typed = ""
    for version in (1, 2):
        page.get_by_role("tab", name="train", exact=True).click()
        page.get_by_role("button", name="Register model").click()
        name = page.get_by_role("dialog").get_by_label("Model")
        if version == 1:
            name.fill("flowers-model")
        # What comes of the same code is a version of the same model.
        expect(name).to_have_value("flowers-model")
        page.get_by_role("dialog").get_by_role("button", name="Register").click()
        expect(page.locator(VIEW).get_by_label("Version", exact=True)).to_have_value(
            str(version), timeout=60 * SECONDS
        )
        expect(page.locator(VIEW).get_by_text("accuracy")).to_be_visible()
        if version == 1:
            page.get_by_role("button", name="Deploy").click()
            expect(state(page)).to_have_text("Ready", timeout=120 * SECONDS)
            typed = call_it(page)
            shot(page, "endpoint")
    alias(page, "champion")
    evaluate(page)
    tab(page, "Lineage")
    lineage = page.get_by_role("group", name="Lineage")
    expect(lineage.get_by_role("link", name=re.compile("^Dataset, flowers"))).to_be_visible()
    shot(page, "lineage")

    # Another version is offered to the endpoint that serves this model already.
    page.get_by_role("button", name="Deploy").click()
    page.get_by_role("dialog").get_by_role("button", name="Update").click()
    subtitle = page.locator(f"{VIEW} .hm-Item-subtitle")
    expect(subtitle).to_contain_text("flowers-model@2", timeout=120 * SECONDS)
    expect(page.get_by_label("Request")).to_have_value(typed)
    answer(page, model="2")

    # Where nothing fits beside it, it is replaced in its place, if one agrees.
    page.route(re.compile("/rollback$"), no_room)
    page.get_by_role("button", name="Roll back", exact=True).click()
    question = page.get_by_role("dialog").filter(has_text="Replace “flowers-model” in place?")
    question.get_by_role("button", name="Replace").click()
    expect(subtitle).to_contain_text("flowers-model@1", timeout=120 * SECONDS)
    expect(state(page)).to_have_text("Ready", timeout=120 * SECONDS)
    answer(page, model="1")
    tab(page, "Traffic")
    expect(page.locator(f"{VIEW} .hm-Plot").first.locator("canvas, svg.marks")).to_be_visible()
    shot(page, "endpoint-traffic")

    # It is deleted while it answers; its model opens at the version that was served.
    tab(page, "Revisions")
    page.get_by_role("region", name="Revisions").get_by_role("button", name="flowers-model@1").click()
    expect(page.locator(VIEW).get_by_label("Version", exact=True)).to_have_value("1")
    open_noun(page, "Endpoints")
    page.locator(".hm-EndpointRow").click()
    page.locator(VIEW).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("“flowers-model” is deleted.")).to_be_visible()
    expect(page.get_by_text("No endpoints yet")).to_be_visible()
    gone = paula.http.get(f"/projects/{paula.project}/endpoints/flowers-model")
    assert gone.status_code == 404


def call_it(page: Page) -> str:
    """Call the endpoint as its tab says, by the form and by the line for a terminal; what is left in the form."""
    answer(page, model="1")
    page.get_by_role("button", name="New token").click()
    token = page.locator(f"{VIEW} .hm-Note code").inner_text()
    line = page.get_by_role("region", name="curl line").inner_text()
    address = page.locator(f"{VIEW} .hm-Copied code").first.inner_text()
    assert address in line
    told = subprocess.run(
        ["sh", "-c", line],
        env={**os.environ, "HIMALIA_ENDPOINT_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "outputs" in json.loads(told.stdout), told.stdout
    request = page.get_by_label("Request")
    typed = request.input_value() + "\n"
    request.fill(typed)
    return typed


def alias(page: Page, name: str) -> None:
    """Give the version that is shown another name."""
    page.get_by_role("button", name="+ Alias").click()
    page.get_by_role("dialog").get_by_role("textbox").fill(name)
    page.get_by_role("dialog").get_by_role("button", name="Give it").click()
    choice = page.locator(VIEW).get_by_label("Version", exact=True).locator("option:checked")
    expect(choice).to_have_text(re.compile(name))


def evaluate(page: Page) -> None:
    """Measure the version that is shown, and see what came of it, and its card."""
    page.get_by_role("button", name="Evaluate…").click()
    form = page.get_by_role("dialog")
    # The one column that the model does not take.
    expect(form.get_by_label("Right answers")).to_have_value("kind")
    form.get_by_role("button", name="Evaluate").click()
    expect(state(page)).to_have_text("Succeeded", timeout=120 * SECONDS)
    page.get_by_role("tab", name="flowers-model", exact=True).first.click()
    tab(page, "Evaluations")
    expect(plot(page, "Confusion matrix").locator("canvas, svg.marks").first).to_be_visible()
    expect(page.get_by_role("region", name="Each class").locator("tbody tr")).to_have_count(3)
    shot(page, "evaluation")
    tab(page, "Card")
    expect(page.locator(f"{VIEW} .hm-Card")).to_contain_text("accuracy")


def no_room(route: Route) -> None:
    """As on a machine where two revisions do not fit beside each other (tests/faults has such a one)."""
    if json.loads(route.request.post_data or "{}").get("replace"):
        route.fallback()
    else:
        refused = NoCapacity("Revision 1 does not fit beside what runs.")
        route.fulfill(status=refused.status, json=refused.body())


def train(page: Page, C: float) -> None:  # noqa: N803
    """Run the notebook as a job that reads the dataset, and wait for its end."""
    page.locator(".lm-TabBar-tab", has_text="train.ipynb").click()
    page.get_by_role("button", name="Run as job").first.click()
    form = page.get_by_role("dialog", name="Run “train.ipynb” as a job")
    form.get_by_label("C", exact=True).fill(str(C))
    # The code asks for it by its name.
    expect(form.get_by_label("Dataset")).to_have_value("flowers")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(state(page)).to_have_text("Succeeded", timeout=120 * SECONDS)
    expect(page.locator(VIEW).get_by_role("button", name="flowers@1")).to_be_visible()


def answer(page: Page, model: str) -> None:
    """Call the endpoint by the form, and see which version answers."""
    tab(page, "Call it")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(f"{VIEW} .hm-TryIt-answer")).to_contain_text(
        re.compile(f'"model_version": ?"{model}"')
    )
