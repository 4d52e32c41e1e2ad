"""The whole way in the browser, as a newcomer presses it: a folder of pictures becomes a model that answers."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import httpx
from platforms import PASSWORD, Person
from playwright.sync_api import Locator, Page, expect

SECONDS = 1000
TRIALS = 6
VIEW = ".hm-View:not(.lm-mod-hidden)"
NOTEBOOK = ".jp-NotebookPanel:not(.lm-mod-hidden)"
Shot = Callable[[str], None]


class Callers:
    """Calls an endpoint again and again, as programs do; `failed` holds what was not a prediction."""

    def __init__(self, url: str, token: str, body: object) -> None:
        self.calls = 0
        self.failed: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(url, token, body))

    def _run(self, url: str, token: str, body: object) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            while not self._stop.wait(0.02):
                answer = client.post(url, json=body)
                self.calls += 1
                if answer.status_code != 200 or "outputs" not in answer.json():
                    self.failed.append(f"{answer.status_code}: {answer.text[:200]}")

    def __enter__(self) -> Callers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class SixSteps:
    """One person's way through the panels; `shot` is called with the name of each picture worth taking.

    The person's own calls are only for looking from outside.
    """

    def __init__(self, page: Page, url: str, person: Person, shot: Shot) -> None:
        self.page = page
        self.url = url
        self.person = person
        self.shot = shot

    def all(self) -> None:
        """From signing in to an endpoint whose model changed while it was called, and which was stopped."""
        self.sign_in()
        self.make_dataset()
        self.run_job()
        self.search(TRIALS)
        self.register()
        self.deploy()
        self.change_model()
        self.stop()

    def sign_in(self) -> None:
        """From the sign-in page to the notebook that leads newcomers."""
        page = self.page
        page.goto(self.url)
        page.get_by_label("Username").fill(self.person.name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.locator('input[value="scikit-learn/small"]').check(timeout=120 * SECONDS)
        page.locator("[type=submit]").click()
        page.wait_for_url(f"**/user/{self.person.name}/lab**", timeout=120 * SECONDS)
        title = page.get_by_role("heading", name="From pictures to a served model")
        expect(title).to_be_visible(timeout=120 * SECONDS)
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        tab = page.get_by_role("tab", name="Himalia")
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        self.shot("getting-started")

    def make_dataset(self) -> None:
        """Step 1: a cell writes the pictures, the file browser's menu adds them; three are replaced: version 2."""
        page = self.page
        notebook = page.locator(NOTEBOOK)
        notebook.locator(".jp-Cell").first.click()
        for _ in ("title", "parameters", "about the pictures", "pictures"):
            page.keyboard.press("Shift+Enter")
        expect(notebook.get_by_text("1797 pictures")).to_be_visible(timeout=120 * SECONDS)
        self._add_digits(note="otherwise it is made")
        pictures = page.get_by_role("list", name="Pictures").get_by_role("img")
        expect(pictures.first).to_be_visible(timeout=60 * SECONDS)
        expect(page.get_by_label("Version", exact=True)).to_have_value("1")
        self.shot("dataset")
        page.get_by_role("region", name="First rows of digits.csv").scroll_into_view_if_needed()
        self.shot("dataset-table")
        page.locator(".lm-TabBar-tab", has_text="getting-started.ipynb").click()
        sharper = notebook.locator(".jp-CodeCell", has_text="sharp = ")
        sharper.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        expect(sharper.locator(".jp-InputPrompt")).to_have_text("[3]:")
        self._add_digits(note="it gets a new version")
        expect(page.get_by_label("Version", exact=True)).to_have_value("2", timeout=60 * SECONDS)
        self.tab("Versions")
        expect(page.get_by_role("list", name="Changed files").get_by_role("listitem")).to_have_count(3)
        self.shot("dataset-versions")
        page.get_by_role("button", name="Use in notebook").click()
        expect(page.locator(".jp-Notebook .jp-CodeCell", has_text="digits@2, read-only")).to_be_visible()

    def _add_digits(self, note: str) -> None:
        """Add the folder that the notebook wrote; `note` is what its dialog says of the name."""
        page = self.page
        files = page.get_by_role("tab", name=re.compile("^File Browser"))
        if files.get_attribute("aria-selected") != "true":
            files.click()
        page.get_by_role("button", name="Refresh the file browser").click()
        folder = page.locator("#filebrowser .jp-DirListing-item")
        folder.filter(has=page.get_by_text("digits", exact=True)).click(button="right")
        page.get_by_role("menuitem", name="Add as dataset…").click()
        dialog = page.get_by_role("dialog", name="Add as dataset")
        expect(dialog).to_contain_text("1798 files")
        expect(dialog.get_by_label("Name")).to_have_value("digits")
        expect(dialog).to_contain_text(note)
        self.shot("add-as-dataset")
        dialog.get_by_role("button", name="Add", exact=True).click()

    def run_job(self) -> None:
        """Step 2: the notebook beside the first one as a job that reads the dataset; its run is in MLflow."""
        page = self.page
        page.goto(f"{self.url}/user/{self.person.name}/lab/tree/examples/digits.ipynb")
        title = page.get_by_role("heading", name="Reading handwritten digits")
        expect(title).to_be_visible(timeout=90 * SECONDS)
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        page.locator(NOTEBOOK).get_by_role("button", name="Run as job").click()
        form = page.get_by_role("dialog", name="Run “digits.ipynb” as a job")
        form.get_by_label("max_iter").fill("20")
        # The code asks for it by its name.
        expect(form.get_by_label("Dataset")).to_have_value("digits")
        form.get_by_role("button", name="Run", exact=True).click()
        expect(self._state()).to_have_text("Succeeded", timeout=150 * SECONDS)
        self.tab("Metrics")
        expect(page.locator(f"{VIEW} .hm-Plot").first.locator("canvas, svg.marks")).to_be_visible()
        self.shot("job-of-dataset")
        page.locator(VIEW).get_by_role("button", name="MLflow").click()
        pages = page.frame_locator(".hm-MlflowPages >> visible=true")
        expect(pages.get_by_text("accuracy").first).to_be_visible()
        self.shot("mlflow")

    def search(self, trials: int) -> None:
        """Step 3: two parameters ticked, and the plots grow."""
        page = self.page
        page.locator(".lm-TabBar-tab", has_text="digits.ipynb").click()
        page.locator(NOTEBOOK).get_by_role("button", name="Search parameters").click()
        form = page.get_by_role("dialog", name="Search parameters of “digits.ipynb”")
        form.get_by_role("checkbox", name="max_iter").check()
        form.get_by_role("checkbox", name="C", exact=True).check()
        form.get_by_label("Highest max_iter").fill("30")
        expect(form.get_by_label("Metric")).to_have_value("accuracy")
        form.get_by_label("Trials").fill(str(trials))
        expect(form.get_by_label("Dataset")).to_have_value("digits")
        self.shot("search-form")
        form.get_by_role("button", name="Search", exact=True).click()
        expect(self._state()).to_have_text("Complete", timeout=300 * SECONDS)
        for title in ("History", "Parallel coordinates", "Importance"):
            plot = page.locator("figure").filter(has=page.locator("figcaption", has_text=title))
            expect(plot.locator("canvas, svg.marks").first).to_be_visible(timeout=60 * SECONDS)
        self.shot("search")
        page.locator("figure").last.scroll_into_view_if_needed()
        self.shot("search-plots")

    def register(self) -> None:
        """Step 4: the best trial's model, with where it came from."""
        page = self.page
        page.locator(VIEW).get_by_role("button", name="Register model").click()
        form = page.get_by_role("dialog", name="Register model")
        form.get_by_label("Model").fill("digits")
        form.get_by_role("button", name="Register", exact=True).click()
        version = page.locator(VIEW).get_by_label("Version", exact=True)
        expect(version).to_have_value("1", timeout=90 * SECONDS)
        expect(page.locator(VIEW).get_by_text("accuracy")).to_be_visible()
        self.shot("model")
        self.tab("Lineage")
        lineage = page.get_by_role("group", name="Lineage")
        for thing in ("Dataset", "Experiment"):
            expect(lineage.get_by_role("link", name=re.compile(f"^{thing}, digits"))).to_be_visible()
        self.shot("lineage")

    def deploy(self) -> None:
        """Step 5, as far as the first answer."""
        self.page.locator(VIEW).get_by_role("button", name="Deploy").click()
        expect(self._state()).to_have_text("Ready", timeout=150 * SECONDS)
        self.call("1")
        self.shot("endpoint")

    def change_model(self) -> None:
        """Version 2, of the first job, takes over while it is being called, and goes again."""
        page, http, at = self.page, self.person.http, f"/projects/{self.person.project}"
        job = http.get(f"{at}/jobs").json()["items"][0]["name"]
        http.post(f"{at}/models/digits/versions", json={"job": job}, timeout=60).raise_for_status()
        token = http.post(f"{at}/endpoints/digits/tokens", json={}).raise_for_status().json()["token"]
        example = http.get(f"{at}/endpoints/digits/example").raise_for_status().json()
        subtitle = page.locator(f"{VIEW} .hm-Item-subtitle")
        with Callers(example["url"], token, example["body"]) as callers:
            page.get_by_role("button", name="Update…", exact=True).click()
            page.get_by_role("dialog").get_by_role("button", name="Update").click()
            expect(subtitle).to_contain_text("digits@2", timeout=150 * SECONDS)
            self.call("2")
            page.get_by_role("button", name="Roll back", exact=True).click()
            expect(subtitle).to_contain_text("digits@1", timeout=150 * SECONDS)
            self.call("1")
        assert callers.failed == []
        assert callers.calls > 20
        self.tab("Traffic")
        for title in ("Requests", "Time to answer"):
            plot = page.locator("figure").filter(has=page.locator("figcaption", has_text=title))
            expect(plot.locator("canvas, svg.marks").first).to_be_visible()
        self.shot("endpoint-traffic")

    def stop(self) -> None:
        """The endpoint ends."""
        self.page.get_by_role("button", name="Stop", exact=True).click()
        self.page.get_by_role("dialog").get_by_role("button", name="Stop").click()
        expect(self._state()).to_have_text("Stopped")

    def call(self, model: str) -> None:
        """The form with its example: the answer comes back, from this version of the model."""
        self.tab("Call it")
        self.page.get_by_role("button", name="Send").click()
        answer = self.page.locator(f"{VIEW} .hm-TryIt-answer")
        expect(answer).to_contain_text(re.compile(f'"model_version": ?"{model}"'))

    def tab(self, name: str) -> None:
        """Open a tab of the view in front."""
        self.page.locator(VIEW).get_by_role("tab", name=name).click()

    def _state(self) -> Locator:
        return self.page.locator(f"{VIEW} .hm-Item-header .hm-State")
