"""Takes the pictures of the documentation anew, from a real platform: python tests/docs/screenshots.py."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from platforms import PASSWORD, Running  # noqa: E402

IMAGES = ROOT / "docs" / "images"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
STATE = ".hm-Item-header .hm-State"
SLOW_MS = 60_000


def shot(page: Page, name: str) -> None:
    """Keep a picture; what still moves is waited for by the caller."""
    page.mouse.move(0, 0)
    page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


def sign_in(page: Page, platform: Running) -> None:
    """From the address to a notebook server with the example open."""
    page.goto(platform.url)
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    shot(page, "login")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/hub/**")
    page.goto(f"{platform.url}/hub/spawn")
    page.check('input[value="scikit-learn/small"]')
    shot(page, "spawn")
    page.click("[type=submit]")
    page.wait_for_url("**/lab/**", timeout=SLOW_MS)
    expect(page.get_by_role("button", name="Run as job")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    news = page.get_by_role("button", name="Hide notification")
    if news.count():
        news.click()
    shot(page, "lab")
    page.goto(f"{platform.url}/user/ada/lab/tree/examples/digits.ipynb")
    expect(page.get_by_role("heading", name="Reading handwritten digits")).to_be_visible(timeout=SLOW_MS)


def run_job(page: Page, name: str, **parameters: str) -> None:
    """Submit the notebook that is open, and wait until the job's view shows its end."""
    page.get_by_role("tab", name="digits.ipynb").click()
    page.get_by_role("button", name="Run as job").click()
    form = page.get_by_role("dialog", name="Run “digits.ipynb” as a job")
    expect(form.get_by_label("max_iter", exact=True)).to_be_visible()
    for parameter, value in parameters.items():
        form.get_by_label(parameter, exact=True).fill(value)
    form.get_by_text("More", exact=True).click()
    form.get_by_label("Name").fill(name)
    if name == "digits":
        shot(page, "run-as-job")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def look(page: Page) -> None:
    """The job's view while it runs and afterwards."""
    expect(page.locator(f"{STATE}[data-state=RUNNING]")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator(".hm-Now")).to_contain_text("Cell", timeout=SLOW_MS)
    shot(page, "job-running")
    expect(page.locator(f"{STATE}[data-state=SUCCEEDED]")).to_be_visible(timeout=SLOW_MS)
    for tab in ("Log", "Metrics", "Outputs"):
        page.locator(".hm-View:not(.lm-mod-hidden)").get_by_role("tab", name=tab).click()
        if tab == "Metrics":
            expect(page.locator(".hm-Plot").first.locator("canvas, svg.marks")).to_be_visible(timeout=SLOW_MS)
        shot(page, f"job-{tab.lower()}")


def compare(page: Page) -> None:
    """The list, and two jobs side by side."""
    page.locator('.jp-SideBar [data-id="himalia-navigator"]').click()
    for name in ("digits", "digits-shorter"):
        row = page.locator(".hm-JobRow").filter(has=page.get_by_text(name, exact=True))
        row.click(modifiers=["Control"])
    expect(page.locator(".hm-Nouns .hm-Count")).to_have_count(0)  # what runs is counted a moment later
    shot(page, "jobs-list")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("region", name="Comparison")).to_be_visible()
    shot(page, "compare")


def take(browser: Browser, platform: Running) -> None:
    """All pictures, in the order of get-started.md."""
    page = browser.new_page(viewport={"width": 1200, "height": 760})
    try:
        sign_in(page, platform)
        run_job(page, "digits", max_iter="200")
        look(page)
        run_job(page, "digits-shorter", max_iter="100")
        expect(page.locator(f".hm-View:not(.lm-mod-hidden) {STATE}[data-state=SUCCEEDED]")).to_be_visible(
            timeout=SLOW_MS
        )
        compare(page)
    except BaseException:
        page.screenshot(path="/tmp/screenshots-failed.png")
        raise


def main() -> None:
    """Start a platform, take the pictures, leave nothing."""
    platform = Running(("base", "scikit-learn"))
    try:
        platform.up(120).add_user("ada")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
            take(browser, platform)
            browser.close()
    finally:
        platform.remove()


if __name__ == "__main__":
    main()
