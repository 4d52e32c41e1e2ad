"""What tests of the panels do again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page

from .conftest import Lab

OpenLab = Callable[..., Page]
STATE = ".hm-Item-header .hm-State"


def row(page: Page, name: str) -> Locator:
    """A job's row in the navigator."""
    return page.locator(".hm-JobRow").filter(has=page.get_by_text(name, exact=True))


def found(page: Page, name: str) -> Locator:
    """The row of a job that may lie below the rows that are drawn: searched for, as a person would."""
    page.get_by_label("Search jobs").fill(name)
    return row(page, name)


def open_tab(page: Page, name: str) -> None:
    """Press a tab of the job view in front."""
    page.locator(".hm-View:not(.lm-mod-hidden)").get_by_role("tab", name=name).click()


def submit(lab: Lab, name: str, **parameters: Any) -> dict[str, Any]:
    """Make a job as another program would."""
    spec = {
        "kind": "notebook",
        "notebook": "digits.ipynb",
        "profile": "scikit-learn",
        "parameters": parameters,
    }
    made: dict[str, Any] = lab.service(
        "POST", "/api/v1/projects/ada/jobs", json={"name": name, "spec": spec}
    ).json()
    return made


def mode(lab: Lab, wanted: str) -> None:
    """Let the service answer (`up`) or refuse every call (`down`)."""
    lab.service("POST", "/dev/mode", json={"mode": wanted}).raise_for_status()
