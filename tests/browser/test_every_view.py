"""Datasets, experiments, models and endpoints: lists and views in both themes, at several widths, as axe sees them.

Jobs are looked at in lab/test_accessibility.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from endpoint_models import Deployed, times, upload
from looks import SIZES, Look, size_id
from loop_pages import opened_lab
from PIL import Image
from platforms import Person, Running
from playwright.sync_api import BrowserContext, Page

import himalia

SECONDS = 1000
VIEW = ".hm-View:not(.lm-mod-hidden)"
API = "**/services/himalia/api/**"
NOUNS = {"Datasets": "pictures", "Experiments": "bowl", "Models": "times", "Endpoints": "doubling"}
TABS = {
    "dataset": ("Preview", "Files", "Versions", "Lineage"),
    "experiment": ("Overview", "Trials", "More plots", "Lineage"),
    "model": ("Overview", "Evaluations", "Card", "Files", "Lineage"),
    "endpoint": ("Call it", "Traffic", "Revisions", "Log", "Lineage"),
}
DRAWN = f"[...document.querySelectorAll('{VIEW} .hm-Plot')].every(plot => plot.querySelector('canvas, svg'))"
WITH_COMMANDS = """document.addEventListener('readystatechange', () => {
  const config = document.getElementById('jupyter-config-data');
  const commands = '"exposeAppInBrowser": ';
  if (config) config.textContent = config.textContent.replace(`${commands}false`, `${commands}true`);
})"""
CODE = "import himalia.run as run, sys; run.log('loss', (float(sys.argv[-1]) - 1) ** 2)"


@pytest.fixture(scope="module")
def nora(himalia: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody who has one of each, made without the browser; and a project with nothing in it."""
    himalia.add_user("nora")
    person = Person(himalia, "nora")
    _make_things(person, tmp_path_factory.mktemp("nora"))
    yield person
    person.http.post(f"/projects/{person.project}/endpoints/doubling/stop")
    person.close()


def _make_things(person: Person, folder: Path) -> None:
    pictures = folder / "pictures"
    for kind in ("cats", "dogs"):
        (pictures / kind).mkdir(parents=True)
        Image.new("RGB", (24, 16), (200, 90, 120)).save(pictures / kind / "0.png")
    (pictures / "table.csv").write_text("length,width\n" + "1,2\n3,4\n" * 5)
    with himalia.Client(person.platform.url, person.token) as client:
        client.projects.create("nothing-here")
        client.datasets.add("pictures", pictures)
        (pictures / "cats" / "1.png").write_bytes((pictures / "dogs" / "0.png").read_bytes())
        client.datasets.add("pictures", pictures)
        at = f"/projects/{person.project}"
        search = {
            "job": {"kind": "command", "command": ["python", "-c", CODE], "profile": "base"},
            "space": {"x": {"kind": "float", "low": 0, "high": 2}},
            "objectives": [{"metric": "loss"}],
            "trials": 6,
        }
        person.http.post(f"{at}/experiments", json={"name": "bowl", "spec": search}).raise_for_status()
        model = upload(person, times(folder, 2))
        left = person.submit(
            "sh", "-c", "cp -r . /tmp/model; mkdir outputs; mv /tmp/model outputs", snapshot=model
        )
        endpoint = Deployed(person, folder, "doubling", 2)
        client.experiments.wait("bowl", timeout=90)
        client.jobs.wait(left["name"], timeout=60)
        client.models.register("times", job=left["name"], environment="base")
        endpoint.until("READY")
        endpoint.answer(2)


@pytest.fixture(scope="module")
def page(warm: BrowserContext, himalia: Running, nora: Person) -> Iterator[Page]:
    """Nora's Lab, with the navigator in sight."""
    with opened_lab(warm, nora, "base/small") as page:
        page.add_init_script(WITH_COMMANDS)
        page.goto(f"{himalia.url}/user/nora/lab?reset")
        page.locator(".jp-Launcher").wait_for(timeout=90 * SECONDS)
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        yield page


@pytest.fixture(params=SIZES, ids=size_id)
def look(request: pytest.FixtureRequest, page: Page) -> Look:
    theme, width = request.param
    _run(page, "apputils:change-theme", {"theme": theme})
    page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
    page.set_viewport_size({"width": width, "height": 850})
    return Look(page, size_id((theme, width)))


def _run(page: Page, command: str, arguments: dict[str, str] | None = None) -> None:
    page.evaluate(
        "([command, given]) => { void window.jupyterapp.commands.execute(command, given); }",
        [command, arguments or {}],
    )


def test_lists(look: Look) -> None:
    page = look.page
    if not page.locator("#himalia-navigator").is_visible():
        page.get_by_role("tab", name="Himalia").click()
    for project, seen in (("nora (personal)", "full"), ("nothing-here", "empty")):
        page.get_by_label("Project").select_option(label=project)
        for noun, name in NOUNS.items():
            _run(page, f"himalia:show-{noun.lower()}")
            full = page.get_by_role("listbox").get_by_text(name, exact=True)
            (full if seen == "full" else page.get_by_text(f"No {noun.lower()} yet")).wait_for()
            look.at(f"{noun.lower()}-{seen}")
    page.get_by_label("Project").select_option(label="nora (personal)")
    look.nothing_wrong()


def test_views(look: Look, nora: Person) -> None:
    page = look.page
    # On a narrow screen the navigator gives way to the view.
    if page.locator("#himalia-navigator").is_visible():
        _run(page, "application:toggle-left-area")
    for (kind, tabs), name in zip(TABS.items(), NOUNS.values(), strict=True):
        _run(page, f"himalia:{kind}-open", {"project": nora.project, "name": name})
        page.locator(VIEW).get_by_role("heading", name=name, exact=True).wait_for()
        for tab in tabs:
            page.locator(VIEW).get_by_role("tab", name=tab).click()
            page.locator(f"{VIEW} .hm-Loading").wait_for(state="detached")
            page.wait_for_function(DRAWN)
            look.at(f"{kind}-{tab.lower().replace(' ', '-')}")
    look.nothing_wrong()


def test_what_fails_says_so(look: Look, nora: Person) -> None:
    page = look.page
    page.route(API, lambda route: route.abort())
    try:
        for kind in TABS:
            _run(page, f"himalia:{kind}-open", {"project": nora.project, "name": f"{look.name}-lost"})
            page.locator(f"{VIEW} .hm-Failure").first.wait_for()
            look.at(f"{kind}-down")
    finally:
        page.unroute(API)
    look.nothing_wrong()
