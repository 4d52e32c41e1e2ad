"""Datasets in the panel: what a person uploads, is refused and looks at, on a real platform."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from loop_pages import (
    SECONDS,
    VIEW,
    begin,
    flowers,
    open_lab,
    open_noun,
    opened_lab,
    shot,
    state,
    tab,
    write_notebook,
)
from platforms import Person, Running
from playwright.sync_api import BrowserContext, Page, Request, Route, WebSocketRoute, expect


@pytest.fixture(scope="module")
def paula(himalia: Running) -> Iterator[Person]:
    """Somebody who works in the browser; her token is for looking from outside."""
    himalia.add_user("paula")
    person = Person(himalia, "paula")
    yield person
    person.close()


@pytest.fixture(scope="module")
def page(warm: BrowserContext, paula: Person) -> Iterator[Page]:
    """Paula's Lab, with a notebook to put a dataset into."""
    with opened_lab(warm, paula) as page:
        write_notebook(paula, "empty.ipynb", "base", "x = 1.0\n", "")
        yield page


def choose(page: Page, button: str, *paths: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("dialog").get_by_role("button", name=button).click()
    chooser.value.set_files(list(paths))


def test_a_folder_becomes_a_dataset(page: Page, paula: Person, tmp_path: Path) -> None:
    from PIL import Image

    pictures = tmp_path / "Zwei Ordner"
    for label in ("cats", "dogs"):
        (pictures / label).mkdir(parents=True)
        for at in range(5):
            Image.new("RGB", (24, 16), (40 * at, 90, 120)).save(pictures / label / f"{at}.png")
    open_lab(page, paula, "/tree/empty.ipynb")
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


def test_an_upload_goes_on_after_a_reload(page: Page, paula: Person, tmp_path: Path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    for at in range(3):
        (folder / f"{at}.bin").write_bytes(os.urandom(1 << 20))
    (folder / "one.bin").write_bytes(os.urandom(24 << 20))
    open_lab(page, paula)
    open_noun(page, "Datasets")
    page.get_by_role("button", name="New", exact=True).click()
    choose(page, "Choose a folder…", folder)
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 8 << 20}
    line.send("Network.emulateNetworkConditions", slow)
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(page.get_by_text(re.compile(r"3 of 4 files, (1\d|[89])\S* MiB of 27 MiB"))).to_be_visible()
    # What is under way is not offered to be begun.
    expect(page.locator(VIEW).get_by_role("button", name="Upload files")).to_have_count(0)
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
    open_lab(page, paula)
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

    # What could not be unpacked says why, also after a reload, and is of no other use.
    draft = begin(paula, "years", {"bad.zip": b"no archive"})
    imports = f"/projects/{paula.project}/datasets/years/drafts/{draft}/import"
    paula.http.post(imports, json={"archive": "bad.zip"}).raise_for_status()
    page.reload()
    expect(upload).to_contain_text("The import of “bad.zip” failed: This is no archive")
    shot(page, "import-refused")
    expect(upload.get_by_role("button")).to_have_text(["Remove"])
    upload.get_by_role("button", name="Remove").click()
    expect(upload).to_have_count(0)

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


def test_a_dropped_table_becomes_a_version_that_nobody_waits_for(page: Page, paula: Person) -> None:
    open_lab(page, paula)
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


def test_what_is_refused_is_as_it_was(page: Page, paula: Person) -> None:
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
    open_lab(page, paula)

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

    # While the service starts again a list is asked for once more by itself.
    lists = re.compile(r"/datasets\?")
    page.route(lists, lambda route: route.fulfill(status=503, body="<html></html>"), times=3)
    open_noun(page, "Datasets")
    failure = page.locator(".hm-DropList").get_by_role("alert")
    expect(failure).to_contain_text("Himalia’s service is starting again. Try again in a moment.")
    ended = {"error": {"code": "unauthenticated", "message": "This token is not known to the hub."}}
    page.route(lists, lambda route: route.fulfill(status=401, json=ended), times=1)
    failure.get_by_role("button", name="Try again").click()
    expect(failure).to_contain_text("You are signed out on this page. Reload it to sign in again.")
    failure.get_by_role("button", name="Reload").click()
    expect(failure).to_be_hidden()
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
        expect(question).to_contain_text("It is used by the job reader.")
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
