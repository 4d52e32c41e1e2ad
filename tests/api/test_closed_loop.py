"""The whole way, from pictures to a served model, through the SDK: the notebook that newcomers are led by."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from platforms import ENVIRONMENTS, ROOT, Person, Running

TRIALS = 6


@pytest.fixture(scope="module")
def gwen(himalia: Running) -> Iterator[Person]:
    """Somebody who has just begun."""
    himalia.add_user("gwen")
    person = Person(himalia, "gwen")
    yield person
    person.close()


@pytest.fixture(scope="module")
def walked(gwen: Person, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each cell of the notebook printed, run as a person runs it: with the kernel of an environment."""
    folder = tmp_path_factory.mktemp("gwen")
    for name in ("getting-started.ipynb", "digits.ipynb", "digit_files.py"):
        shutil.copy(ROOT / "examples" / name, folder)
    notebook = nbformat.read(folder / "getting-started.ipynb", as_version=4)
    parameters = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    parameters.source = f"trials = {TRIALS}"
    kernels = folder / "kernels" / "scikit-learn"
    kernels.mkdir(parents=True)
    python = ENVIRONMENTS / "scikit-learn" / "bin" / "python"
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    variables = {
        "HIMALIA_URL": f"{gwen.platform.url}/services/himalia",
        "HIMALIA_TOKEN": gwen.token,
        "HIMALIA_PROFILE": "scikit-learn",
        "PYTHONPATH": str(ROOT / "hub"),
    }
    spec = {"argv": argv, "display_name": "scikit-learn", "language": "python", "env": variables}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = str(folder)
    try:
        NotebookClient(notebook, timeout=150, resources={"metadata": {"path": str(folder)}}).execute()
    finally:
        os.environ.pop("JUPYTER_PATH") if before is None else os.environ.update(JUPYTER_PATH=before)
    return {cell.id: _printed(cell) for cell in notebook.cells if cell.cell_type == "code"}


def _printed(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs if output.output_type == "stream")


def got(person: Person, path: str) -> Any:
    answer = person.http.get(f"/projects/{person.project}/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_dataset_has_two_versions_and_says_what_changed(gwen: Person, walked: dict[str, str]) -> None:
    assert "digits@1" in walked["dataset"]
    assert "digits@2" in walked["second-version"]
    changed = [line.split() for line in walked["second-version"].splitlines()[1:]]
    assert len(changed) == 3
    assert {word for word, _ in changed} == {"changed"}
    versions = got(gwen, "datasets/digits/versions")["items"]
    assert [version["number"] for version in versions] == [2, 1]


def test_the_job_read_the_version_it_was_given(gwen: Person, walked: dict[str, str]) -> None:
    assert walked["job"].startswith("SUCCEEDED\n")
    assert "accuracy" in walked["job"]
    job = got(gwen, "jobs/first-try")
    assert job["status"]["inputs"]["digits"]["version"] == 2
    paths = {output["path"] for output in got(gwen, "jobs/first-try/outputs")["items"]}
    assert {"outputs/model/MLmodel", "outputs/digits.html", "confusion.png"} <= paths


def test_the_search_found_something_better_than_its_worst(gwen: Person, walked: dict[str, str]) -> None:
    search = got(gwen, "experiments/digits-search")
    assert search["status"]["state"] == "COMPLETE"
    assert search["status"]["done"] == TRIALS
    values = [trial["values"][0] for trial in got(gwen, "experiments/digits-search/trials")["items"]]
    assert max(values) == search["status"]["best"][0]["values"][0] > 0.9
    assert f"trial {search['status']['best'][0]['number']}: " in walked["search"]


def test_the_model_knows_where_it_came_from(gwen: Person, walked: dict[str, str]) -> None:
    version = got(gwen, "models/digits/versions/1")
    assert version["spec"]["source"]["experiment"] == "digits-search"
    assert version["status"]["metrics"]["accuracy"] > 0.9
    assert version["status"]["signature"]["inputs"][0]["shape"] == [-1, 64]
    assert "accuracy" in walked["model"]
    graph = got(gwen, f"lineage?of=model:{version['id']}")
    nouns = {node["noun"] for node in graph["nodes"]}
    assert nouns == {"model", "job", "experiment", "dataset", "endpoint"}
    assert {edge["kind"] for edge in graph["edges"]} >= {"source", "trial", "input", "serves"}
    titles = [node["title"] for node in graph["nodes"] if node["noun"] in ("dataset", "model", "endpoint")]
    assert [one for one in titles if not re.fullmatch(r"digits, (version|revision) \d", one)] == []


def test_the_endpoint_answers_before_and_after_each_change(gwen: Person, walked: dict[str, str]) -> None:
    for cell, calls in (("endpoint", 1), ("call", 1), ("update", 2)):
        answered = [line for line in walked[cell].splitlines() if re.fullmatch(r"\[6,? 6\]", line)]
        assert len(answered) == calls, walked[cell]
    assert "curl" in walked["call"]
    endpoint = got(gwen, "endpoints/digits")
    assert endpoint["status"]["state"] == "READY"
    serving = [one for one in endpoint["status"]["revisions"] if one["weight"] == 100]
    assert [one["model"]["version"] for one in serving] == ["1"]


def test_what_a_model_came_from_cannot_be_taken_from_it_by_mistake(
    gwen: Person, walked: dict[str, str]
) -> None:
    users = {
        "datasets/digits/versions/2": "the experiment digits-search, and the jobs first-try and second-try",
        "models/digits/versions/1": "the endpoint digits",
    }
    for path, told in users.items():
        answer = gwen.http.delete(f"/projects/{gwen.project}/{path}")
        assert answer.status_code == 409, path
        assert answer.json()["error"]["code"] == "in_use"
        assert f" by {told}, " in answer.json()["error"]["message"]
    gwen.http.post(f"/projects/{gwen.project}/endpoints/digits/stop").raise_for_status()
