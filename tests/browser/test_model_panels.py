"""Models and endpoints in the panel: from a job to an address that answers, on a real platform."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator

import pytest
from loop_pages import (
    SECONDS,
    VIEW,
    flowers,
    open_lab,
    open_noun,
    opened_lab,
    plot,
    shot,
    state,
    tab,
    write_notebook,
)
from platforms import Person, Running
from playwright.sync_api import BrowserContext, Page, Route, expect

from himalia.core.errors import NoCapacity

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
def priska(himalia: Running) -> Iterator[Person]:
    """Somebody who works in the browser; her token is for looking from outside."""
    himalia.add_user("priska")
    person = Person(himalia, "priska")
    yield person
    person.close()


@pytest.fixture(scope="module")
def page(warm: BrowserContext, priska: Person) -> Iterator[Page]:
    """Priska's Lab, with a notebook that trains."""
    with opened_lab(warm, priska) as page:
        write_notebook(priska, "train.ipynb", "scikit-learn", "C = 1.0  # how freely it fits\n", TRAINED)
        yield page


def test_from_a_job_to_an_endpoint_that_is_updated(page: Page, priska: Person) -> None:
    flowers(priska, "flowers")
    open_lab(page, priska, "/tree/train.ipynb")
    train(page, C=1)
    typed = ""
    for version in (1, 2):
        page.get_by_role("tab", name="train", exact=True).click()
        if version == 2:
            tab(page, "Outputs")
        place = ".hm-Item-actions" if version == 1 else ".hm-Outputs"
        page.locator(f"{VIEW} {place}").get_by_role("button", name="Register model").click()
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
    page.locator(VIEW).get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    used = page.get_by_role("dialog").filter(has_text="“flowers-model” is in use")
    expect(used).to_contain_text("It is served by the endpoint flowers-model, or kept there to roll back to.")
    used.get_by_role("button", name="Open “flowers-model”").click()
    expect(state(page)).to_have_text("Ready")
    page.locator(VIEW).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("“flowers-model” is deleted.")).to_be_visible()
    expect(page.get_by_text("No endpoints yet")).to_be_visible()
    gone = priska.http.get(f"/projects/{priska.project}/endpoints/flowers-model")
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


TWO = """
import os
for name in ("first", "second"):
    os.makedirs(f"outputs/{name}")
    open(f"outputs/{name}/MLmodel", "w").close()
"""


def test_a_job_that_left_several_models_asks_which(page: Page, priska: Person) -> None:
    job = priska.submit("python", "-c", TWO)["name"]
    assert priska.ended(job)["status"]["outputs"]["models"] == 2
    open_lab(page, priska)
    open_noun(page, "Jobs")
    page.locator(".hm-JobRow", has_text=job).first.click()
    page.locator(f"{VIEW} .hm-Item-actions").get_by_role("button", name="Register model").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Folder").fill("second")
    form.get_by_role("button", name="Go on").click()
    form.get_by_text("More", exact=True).click()
    expect(form.get_by_label("Folder")).to_have_value("second")
