"""Looking at a page as it is shown now: a picture of it, and what axe-core finds in the panels."""

from __future__ import annotations

import json

from platforms import ROOT
from playwright.sync_api import Page

SHOTS = ROOT / "tests" / "browser" / "shots"
AXE = ROOT / "extensions" / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
SIZES = [
    ("JupyterLab Light", 1280),
    ("JupyterLab Light", 400),
    ("JupyterLab Dark", 1000),
    ("JupyterLab Dark", 400),
]


def size_id(size: tuple[str, int]) -> str:
    """A theme and a width in a word."""
    return f"{size[0].split()[1].lower()}-{size[1]}"


def shot(page: Page, name: str) -> None:
    """Keep a picture to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


class Look:
    """Collects axe's findings, serious or worse, by name of the view."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name = page, name
        self.found: dict[str, list[str]] = {}
        page.evaluate(AXE.read_text())

    def at(self, view: str) -> None:
        """Look at what is shown now."""
        shot(self.page, f"{self.name}-{view}")
        found = self.page.evaluate(
            """async () => {
              const parts = ['.hm-Navigator', '.hm-View:not(.lm-mod-hidden)', '.hm-Dialog', '.jp-Dialog-content']
                .filter(part => document.querySelector(part));
              const { violations } = await axe.run({ include: parts.map(part => [part]) });
              return violations.filter(each => ['serious', 'critical'].includes(each.impact))
                .map(each => `${each.id}: ${each.nodes[0].html} ${each.nodes[0].failureSummary}`);
            }"""
        )
        if found:
            self.found[view] = list(found)

    def nothing_wrong(self) -> None:
        """Fail with all that was found."""
        assert self.found == {}, json.dumps(self.found, indent=1)
