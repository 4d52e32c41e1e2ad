"""MLflow and TensorBoard from a notebook server of a whole platform, with nothing set up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hub_platform import Browser, Lab, until
from platforms import PASSWORD, Person, Running
from tensorboard_events import events
from tensorboard_runs import WRITES, runs


@pytest.fixture(scope="module")
def lena(himalia: Running) -> Iterator[Person]:
    himalia.add_user("lena")
    person = Person(himalia, "lena")
    yield person
    person.close()


@pytest.fixture(scope="module")
def lab(himalia: Running, lena: Person) -> Iterator[Lab]:
    """Lena's notebook server."""
    with Browser(himalia, "lena") as browser:  # type: ignore[arg-type]
        assert browser.sign_in(PASSWORD).status_code == 200
        browser.start_server()
        yield Lab(himalia, "lena", browser.hub_token())  # type: ignore[arg-type]
        browser.hub_api("DELETE", "/users/lena/server")


NOTEBOOK = """
import mlflow, os, pathlib
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
    pathlib.Path("note.txt").write_text("kept")
    mlflow.log_artifact("note.txt")
print(run.info.run_id, os.environ["MLFLOW_WORKSPACE"])
"""


def test_a_notebook_logs_to_mlflow(lab: Lab, lena: Person) -> None:
    with lab.kernel() as kernel:
        told = kernel.run(NOTEBOOK).split()
        assert told[-1] == "lena", told
        run_id = next(word for word in told if len(word) == 32)
        found = kernel.run(f"print(mlflow.get_run({run_id!r}).to_dictionary()['data'])")
        assert "'loss': 0.5" in found


def test_tensorboard_shows_any_set_of_runs(lab: Lab, lena: Person, tmp_path: Path) -> None:
    written = events(tmp_path)
    names = [lena.submit("python", "-c", WRITES, written)["name"] for _ in range(2)]
    plain = lena.submit("true")["name"]
    for name in (*names, plain):
        assert lena.ended(name)["status"]["state"] == "SUCCEEDED", lena.text(name)
    live = (
        "import base64, pathlib, himalia\n"
        "place = pathlib.Path('live'); place.mkdir()\n"
        f"data = base64.b64decode({written!r})\n"
        "(place / 'events.out.tfevents.1.live').write_bytes(data)\n"
        "tracking = himalia.Client().tracking\n"
    )
    with lab.kernel() as kernel:
        shown = kernel.run(f"{live}print(tracking.tensorboard({names[0]!r}, {names[1]!r}, place))")
        assert shown.strip().endswith("himalia/tensorboard"), shown
        wanted = sorted([f"{names[0]}/outputs/board", f"{names[1]}/outputs/board", "live"])
        until(lambda: runs(lab) == wanted, f"the runs {wanted}")
        points = lab.call("GET", f"/tensorboard/data/plugin/scalars/scalars?run={wanted[0]}&tag=loss").json()
        assert [(step, value) for _, step, value in points] == [(1, 0.5)]
        refused = kernel.run(f"tracking.tensorboard({plain!r})")
        assert "has no event files" in refused
    # As the panel of jobs asks for it.
    assert show(lab, names[1]).status_code == 204
    until(lambda: runs(lab) == [f"{names[1]}/outputs/board"], "the one run")
    for jobs, status, words in (
        ([plain], 422, "has no event files"),
        (["nobody"], 404, "nobody"),
        (["../x"], 422, "names of jobs"),
        (None, 422, "list of texts"),
    ):
        answer = show(lab, *jobs) if jobs else show(lab, jobs=None)
        assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text


def show(lab: Lab, *jobs: str, **body: Any) -> httpx.Response:
    asked = {"project": "lena", "jobs": jobs, **body}
    answer: httpx.Response = lab.call("POST", "/himalia/tensorboard", json=asked)
    return answer
