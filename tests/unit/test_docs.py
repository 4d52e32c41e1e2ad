"""The documentation is whole: every page is reachable, links lead somewhere, and what the code has is told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

import himalia
from himalia.core import errors
from himalia.core.events import KINDS
from himalia.core.permissions import OPERATIONS, SCOPES
from himalia.core.settings import Settings
from himalia.core.telemetry import Telemetry
from himalia.engine.states import REASONS, State

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LARGEST_IMAGE = 150_000


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def rows(page: str) -> set[str]:
    """What stands in backquotes in the first cells of a page's tables."""
    first = re.findall(r"^\|([^|]*)\|", text(page), re.MULTILINE)
    return {word for cell in first for word in re.findall(r"`([^`]+)`", cell)}


def navigation(found: object) -> set[str]:
    if isinstance(found, str):
        return {found}
    parts = found if isinstance(found, list) else list(found.values())  # type: ignore[attr-defined]
    return {page for part in parts for page in navigation(part)}


def test_every_page_is_in_the_navigation() -> None:
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert configuration["strict"] is True
    assert navigation(configuration["nav"]) == {
        page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")
    }


def test_it_builds_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # A page that loads something from elsewhere does not work without a network.
    loaded = re.compile(
        r'<(?:script|img|link rel="(?:stylesheet|preconnect)")[^>]*(?:src|href)="(?:https?:)?//'
    )
    assert not [page for page in tmp_path.rglob("*.html") if loaded.search(page.read_text())]


def test_every_part_has_the_version_of_the_newest_release() -> None:
    package = json.loads((ROOT / "extensions/labextension/package.json").read_text())
    lab = re.search(
        r'^__version__ = "(.+)"$', (ROOT / "extensions/himalia_lab/__init__.py").read_text(), re.M
    )
    changes = re.search(r"^## (\S+) \((?!not released)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert lab
    assert changes
    assert {package["version"], lab[1], changes[1]} == {himalia.__version__}


def test_pictures_are_used_and_small() -> None:
    used = {
        name for page in DOCS.glob("*.md") for name in re.findall(r"\(images/([^)]+)\)", page.read_text())
    }
    assert used == {image.name for image in (DOCS / "images").iterdir()}
    assert [image for image in (DOCS / "images").iterdir() if image.stat().st_size > LARGEST_IMAGE] == []
    taken = {
        name
        for module in (ROOT / "tests/browser").glob("*.py")
        for name in re.findall(r'shot\((?:page, )?"([^"]+)"', module.read_text())
    }
    assert {Path(name).stem for name in used} <= taken, "tools/screenshots.py could not take it anew"


@pytest.mark.parametrize(
    "page", ["datasets", "jobs", "experiments", "models", "endpoints", "tracking", "operations"]
)
def test_the_page_of_a_noun_shows_it(page: str) -> None:
    assert "](images/" in text(f"{page}.md")


def test_every_state_and_reason_is_told() -> None:
    assert {*State, *REASONS} <= rows("jobs.md")


def test_every_error_is_told() -> None:
    codes = {
        (found.status, found.code)
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, errors.HimaliaError)
    }
    told = re.findall(r"^\| (\d+) \| `(\w+)` \|", text("errors.md"), re.MULTILINE)
    assert {(int(status), code) for status, code in told} == codes


@pytest.mark.parametrize(
    ("page", "names"),
    [("settings.md", Settings.model_fields), ("events.md", KINDS), ("permissions.md", OPERATIONS)],
    ids=["settings", "events", "permissions"],
)
def test_every_name_is_told(page: str, names: dict[str, object]) -> None:
    assert set(names) <= rows(page)


def test_every_field_of_a_profile_is_told() -> None:
    schema = json.loads((ROOT / "hub/himalia/profiles/schema.json").read_text())
    size, kind = schema["$defs"]["size"]["properties"], schema["$defs"]["kind"]["properties"]
    fields = {*schema["properties"], *size, *kind, *schema["properties"]["idle"]["properties"]}
    fields |= {"kubernetes", *schema["properties"]["kubernetes"]["properties"]}
    told = {part for name in rows("profiles.md") for part in re.split(r"[.\[\]<>]+", name)}
    assert fields <= told


def test_every_figure_for_prometheus_is_told() -> None:
    class Board:
        active: dict[str, object] = {}  # noqa: RUF012

    telemetry = Telemetry(Board())
    telemetry.request({}, 200, 0.1)
    families = text_string_to_metric_families(telemetry.exposed().decode())
    names = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    names -= {
        name for name in names if name.endswith("_created")
    }  # of the client library, for each of the others
    assert names <= rows("operations.md")


def test_scopes_are_told() -> None:
    assert all(f"`{scope}`" in text("permissions.md") for scope in SCOPES)
