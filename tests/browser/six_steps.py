"""The whole way in the browser, as a newcomer presses it: a folder of pictures becomes a model that answers."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from platforms import PASSWORD, ROOT, Running
from playwright.sync_api import Locator, Page, expect

SECONDS = 1000
VIEW = ".hm-View:not(.lm-mod-hidden)"
NOTEBOOK = ".jp-NotebookPanel:not(.lm-mod-hidden)"
Shot = Callable[[str], None]


class SixSteps:
    """One person's way through the panels; `shot` is called with the name of each picture worth taking."""

    def __init__(self, page: Page, himalia: Running, person: str, pictures: Path, shot: Shot) -> None:
        self.page = page
        self.himalia = himalia
        self.person = person
        self.pictures = pictures
        self.shot = shot

    def sign_in(self) -> None:
        """From the sign-in page to the notebook that leads newcomers."""
        page = self.page
        page.goto(self.himalia.url)
        page.get_by_label("Username").fill(self.person)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.locator('input[value="scikit-learn/small"]').check(timeout=120 * SECONDS)
        page.locator("[type=submit]").click()
        page.wait_for_url(f"**/user/{self.person}/lab**", timeout=120 * SECONDS)
        title = page.get_by_role("heading", name="From pictures to a served model")
        expect(title).to_be_visible(timeout=120 * SECONDS)
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        tab = page.get_by_role("tab", name="Himalia")
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        self.shot("getting-started")

    def make_dataset(self) -> None:
        """Step 1: upload the folder, see the pictures, replace some, see what changed, use it in the notebook."""
        page = self.page
        self._open_noun("Datasets")
        page.get_by_role("button", name="Upload a dataset", exact=True).click()
        self._upload(self.pictures)
        pictures = page.get_by_role("list", name="Pictures").get_by_role("img")
        expect(pictures.first).to_be_visible(timeout=60 * SECONDS)
        expect(page.get_by_label("Version", exact=True)).to_have_value("1")
        self.shot("dataset")
        page.get_by_role("region", name="First rows of digits.csv").scroll_into_view_if_needed()
        self.shot("dataset-table")
        changed = self.pictures.with_name("changed")
        for number in ("0000", "0010", "0020"):
            target = changed / "images" / "0" / f"{number}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.pictures / "images" / "0" / "0030.png", target)
        page.get_by_role("button", name="New version…").click()
        self._upload(changed)
        expect(page.get_by_label("Version", exact=True)).to_have_value("2", timeout=60 * SECONDS)
        self.tab("Versions")
        expect(page.get_by_role("list", name="Changed files").get_by_role("listitem")).to_have_count(3)
        self.shot("dataset-versions")
        page.get_by_role("button", name="Use in notebook").click()
        expect(page.locator(".jp-Notebook .jp-CodeCell", has_text="digits@2, read-only")).to_be_visible()

    def run_job(self) -> None:
        """Step 2: the notebook beside the first one as a job that reads the dataset; its run is in MLflow."""
        page = self.page
        page.goto(f"{self.himalia.url}/user/{self.person}/lab/tree/examples/digits.ipynb")
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

    def call(self, model: str) -> None:
        """The form with its example: the answer comes back, from this version of the model."""
        self.tab("Call it")
        self.page.get_by_role("button", name="Send").click()
        answer = self.page.locator(f"{VIEW} .hm-TryIt-answer")
        expect(answer).to_contain_text(re.compile(f'"model_version": ?"{model}"'))

    def _open_noun(self, name: str) -> None:
        row = self.page.locator(".hm-Nouns").get_by_role("button", name=re.compile(f"^.?{name}"))
        if row.get_attribute("aria-expanded") != "true":
            row.click()

    def _upload(self, folder: Path) -> None:
        dialog = self.page.get_by_role("dialog")
        with self.page.expect_file_chooser() as chooser:
            dialog.get_by_role("button", name="Choose a folder…").click()
        chooser.value.set_files(folder)
        dialog.get_by_role("button", name="Upload").click()

    def tab(self, name: str) -> None:
        """Open a tab of the view in front."""
        self.page.locator(VIEW).get_by_role("tab", name=name).click()

    def _state(self) -> Locator:
        return self.page.locator(f"{VIEW} .hm-Item-header .hm-State")


def write_pictures(folder: Path) -> Path:
    """The example's pictures, written as a person would write them."""
    python = ROOT / ".cache" / "environments" / "scikit-learn" / "bin" / "python"
    script = ROOT / "examples" / "digit_files.py"
    subprocess.run([str(python), str(script), str(folder)], check=True, capture_output=True, timeout=60)
    return folder
