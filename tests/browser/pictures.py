"""Pictures of what these tests see; the documentation's are taken from them by tools/screenshots.py."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

SHOTS = Path(__file__).parent / "shots"


def shot(page: Page, name: str) -> None:
    """Keep a picture as shots/<name>.png; what still moves is waited for by the caller."""
    SHOTS.mkdir(exist_ok=True)
    page.mouse.move(0, 0)  # what stands under the pointer looks different
    page.screenshot(path=SHOTS / f"{name}.png", animations="disabled")
