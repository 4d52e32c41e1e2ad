"""MLflow's pages: opened from the platform, framed by it, and what they show reaches nothing of its origin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pictures import shot
from platforms import PASSWORD, Person, Running
from playwright.sync_api import Browser, Frame, Page, expect

SECONDS = 1000
LONG = 40 * SECONDS

HOSTILE = """<!doctype html><p id="said">waiting</p><script>
const hub = HUB, SERVICE = "/services/himalia/api/v1/whoami";
const tries = {
  cookie: async () => document.cookie,
  storage: async () => String(localStorage.length),
  parent: async () => window.parent.document.title,
  top: async () => window.top.location.href,
  api: async () => (await (await fetch(hub + '/hub/api/user', {credentials: 'include'})).text()),
  service: async () => (await (await fetch(hub + SERVICE, {credentials: "include"})).text()),
  blind: async () => (await fetch(hub + '/hub/api/user', {credentials: 'include', mode: 'no-cors'})).type,
  pages: async () => (await (await fetch('PAGES/ajax-api/2.0/mlflow/experiments/search?max_results=5',
    {credentials: 'include'})).text()),
  frame: () => new Promise((resolve, reject) => {
    const frame = document.createElement('iframe');
    frame.onload = () => { try { resolve(frame.contentDocument.title) } catch (error) { reject(error) } };
    setTimeout(() => reject(new Error('never loaded')), 3000);
    frame.src = hub + '/hub/home';
    document.body.append(frame);
  }),
};
(async () => {
  const said = {};
  for (const [name, attempt] of Object.entries(tries))
    try { said[name] = 'REACHED ' + await attempt() } catch (error) { said[name] = 'refused' }
  document.getElementById('said').textContent = JSON.stringify(said);
})();
</script>"""

JOB = """
import mlflow, pathlib, sys
with mlflow.start_run():
    mlflow.log_metric("loss", 0.125)
    pathlib.Path("hostile.html").write_text(sys.argv[1])
    mlflow.log_artifact("hostile.html")
"""


@pytest.fixture(scope="module")
def mona(himalia: Running) -> Iterator[Person]:
    himalia.add_user("moana")
    person = Person(himalia, "moana")
    yield person
    person.close()


@pytest.fixture(scope="module")
def job(himalia: Running, mona: Person) -> dict[str, Any]:
    """A job whose artifact is a page that tries everything."""
    opened = mona.http.post(f"/projects/{mona.project}/mlflow/pages", json={}).json()
    pages = opened["url"].removesuffix("/open")
    hostile = HOSTILE.replace("HUB", f"'{himalia.url}'").replace("PAGES", pages)
    made = mona.submit("python", "-c", JOB, hostile)
    ended = mona.ended(made["name"], 120)
    assert ended["status"]["state"] == "SUCCEEDED", mona.text(made["name"])
    return ended


@pytest.fixture(scope="module")
def page(chromium: Browser, himalia: Running, mona: Person) -> Iterator[Page]:
    """Mona, signed in on the hub."""
    page = chromium.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.set_default_timeout(60 * SECONDS)
    page.goto(himalia.url)
    page.get_by_label("Username").fill("moana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator('input[value="base/small"]').wait_for()
    yield page
    page.context.close()


OPEN = """({url, code}) => {
  const frame = document.createElement('iframe');
  frame.name = 'mlflow';
  frame.style = 'position: fixed; inset: 0; width: 100%; height: 100%; background: white; z-index: 9999';
  const form = document.createElement('form');
  Object.assign(form, {method: 'POST', action: url, target: 'mlflow'});
  const field = document.createElement('input');
  Object.assign(field, {name: 'code', value: code});
  form.append(field);
  document.body.append(frame, form);
  form.submit();
}"""


def opened(page: Page, himalia: Running, mona: Person, **body: str) -> Frame:
    """MLflow's pages in a frame of a page of the platform, as Lab shows them."""
    answer = mona.http.post(f"/projects/{mona.project}/mlflow/pages", json=body)
    assert answer.status_code == 200, answer.text
    page.goto(f"{himalia.url}/hub/token")
    page.evaluate(OPEN, answer.json())
    found = page.frame("mlflow")
    assert found is not None
    return found


def test_a_member_sees_the_run_of_a_job(
    page: Page, himalia: Running, mona: Person, job: dict[str, Any]
) -> None:
    frame = opened(page, himalia, mona, job=job["name"])
    expect(frame.get_by_text("loss").first).to_be_visible(timeout=LONG)
    expect(frame.get_by_text(job["name"]).first).to_be_visible(timeout=LONG)
    shot(page, "mlflow-run")


def test_what_a_job_logged_reaches_nothing(
    page: Page, himalia: Running, mona: Person, job: dict[str, Any]
) -> None:
    frame = opened(page, himalia, mona, job=job["name"])
    frame.get_by_role("tab", name="Artifacts").click()
    frame.get_by_text("hostile.html").first.click()
    inner = frame.frame_locator("iframe")
    said = inner.locator("#said")
    expect(said).not_to_have_text("waiting", timeout=LONG)
    shot(page, "mlflow-artifact")
    tries = json.loads(said.inner_text())
    assert len(tries) == 9
    assert {name: word for name, word in tries.items() if word != "refused"} == {}


def test_lab_opens_them_for_the_project_and_for_a_job(
    page: Page, himalia: Running, mona: Person, job: dict[str, Any]
) -> None:
    page.goto(f"{himalia.url}/hub/spawn")
    page.locator('input[value="base/small"]').check()
    page.locator("[type=submit]").click()
    # Lab itself is not waited for: it is opened afresh.
    page.wait_for_url("**/user/moana/lab**", timeout=120 * SECONDS, wait_until="commit")
    page.goto(f"{himalia.url}/user/moana/lab?reset")
    page.locator(".jp-LauncherCard", has_text=re.compile("^MLflow$")).click()
    pages = page.frame_locator(".hm-MlflowPages")
    expect(pages.get_by_role("link", name="Default").first).to_be_visible(timeout=LONG)
    shot(page, "mlflow-lab")
    page.locator(
        ".lm-TabBar-tab", has=page.locator('[title="Himalia"], [data-icon^="himalia"]')
    ).first.click()
    page.get_by_role("button", name="Jobs").click()
    row = page.locator(".hm-JobRow").filter(has=page.get_by_text(job["name"], exact=True))
    nouns = page.locator(".hm-Nouns").get_by_text("Jobs", exact=True)
    nouns.wait_for()
    if not row.is_visible():
        nouns.click()
    row.click(timeout=LONG)
    page.keyboard.press("Enter")
    page.locator(".hm-View:visible").get_by_role("button", name="MLflow").click()
    pages = page.frame_locator(".hm-MlflowPages >> visible=true")
    expect(pages.get_by_text("loss").first).to_be_visible(timeout=LONG)
    shot(page, "mlflow-lab-job")
