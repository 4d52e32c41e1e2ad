"""The kit under load: five thousand jobs, a log of a million lines, and what the extension adds to Lab's start."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable

from looks import shot
from playwright.sync_api import Page, expect

from .conftest import REPOSITORY, Lab


def test_five_thousand_jobs_scroll(crowded_lab: Lab, open_lab: Callable[..., Page]) -> None:
    page = open_lab(crowded_lab)
    jobs = page.get_by_role("listbox", name="Jobs")
    jobs.focus()
    last = page.locator(".hm-JobRow").filter(has=page.get_by_text("digits-1", exact=True))
    canvas = page.locator(".hm-List-canvas")
    height = 0
    while not last.count():
        # Each page of jobs makes the list longer.
        page.wait_for_function(
            """before => document.querySelector('.hm-List-canvas').offsetHeight > before
              || [...document.querySelectorAll('.hm-JobRow .hm-Row-name')]
                .some(name => name.innerText === 'digits-1')""",
            arg=height,
        )
        height = canvas.evaluate("canvas => canvas.offsetHeight")
        page.keyboard.press("End")
        jobs.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    expect(last).to_be_visible()
    # Only what is in sight is in the page.
    assert page.locator(".hm-JobRow").count() < 60
    frames = jobs.evaluate(
        """async list => {
          const late = [];
          let before = performance.now();
          for (let turn = 0; turn < 60; turn += 1) {
            list.scrollTop -= 400;
            await new Promise(drawn => requestAnimationFrame(drawn));
            const now = performance.now();
            late.push(now - before);
            before = now;
          }
          return late.sort((a, b) => a - b);
        }"""
    )
    # Half of the frames at least come at the screen's own pace, also on a busy machine.
    assert frames[len(frames) // 2] < 50, frames


def test_a_log_of_a_million_lines(crowded_lab: Lab, open_lab: Callable[..., Page]) -> None:
    page = open_lab(crowded_lab)
    page.locator(".hm-JobRow").first.click()
    page.get_by_role("tab", name="Log").click()
    expect(page.locator(".hm-Log-count")).to_have_text(re.compile("1.?000.?000 lines"), timeout=60_000)
    lines = page.get_by_role("log")
    lines.evaluate("log => { log.scrollTop = log.scrollHeight; }")
    expect(lines.get_by_text("step 999999 of a million")).to_be_visible()
    page.get_by_label("Search in the log").fill("step 765432 of")
    expect(lines.locator("mark").first).to_be_visible(timeout=30_000)
    expect(lines.locator("[data-hit]")).to_have_text("step 765432 of a million")
    assert page.locator(".hm-Log-line").count() < 100
    shot(page, "light-1280-log-million")


def test_the_extension_is_light() -> None:
    static = REPOSITORY / "extensions" / "himalia_lab" / "labextension" / "static"
    size = sum(len(gzip.compress(path.read_bytes())) for path in static.glob("*.js"))
    assert 0 < size <= 300 * 1024
