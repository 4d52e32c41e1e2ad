"""`client.models` and `himalia models` against the real service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from client_harness import Run

from himalia.client import AsyncClient, Client
from himalia.client.errors import NotFound

# A model that any environment can hold, and no package has to be imported to write it.
SCRIPT = """
mkdir -p outputs/model
cat > outputs/model/MLmodel <<'END'
flavors:
  python_function: {loader_module: twice}
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
END
echo mlflow > outputs/model/requirements.txt
"""


@pytest.fixture
def job(client: Client) -> str:
    """A job that has left a model."""
    made = client.jobs.submit(command=["sh", "-c", SCRIPT], profile="base", name="train")
    assert made.wait().status.state == "SUCCEEDED"
    return made.name


def test_a_model_from_its_registration_to_its_end(client: Client, job: str, tmp_path: Path, run: Run) -> None:
    version = client.models.register("Twice 1.0", job=client.jobs.get(job), description="Doubles.")
    assert (version.name, version.spec.source.job) == ("Twice 1.0@1", job)
    assert version.status.signature is not None
    assert version.status.signature.inputs[0].name == "x"
    assert client.models.set_alias(version, "best").status.aliases == ["best"]
    assert client.models.version("Twice 1.0@best").number == 1
    assert "Doubles." in client.models.card("Twice 1.0")
    assert client.models.describe(version, "Doubles **it**.").spec.description == "Doubles **it**."
    updated = client.models.update("Twice 1.0", description="All of them", labels={"team": "a"})
    assert (updated.spec.description, updated.labels) == ("All of them", {"team": "a"})
    assert [one.name for one in client.models.list(text="twice", label={"team": "a"})] == ["Twice 1.0"]
    folder = client.models.download("Twice 1.0@1", tmp_path / "saved")
    assert sorted(one.name for one in folder.iterdir()) == ["MLmodel", "requirements.txt"]

    shown = json.loads(run("models", "list", "--json").stdout)
    assert [one["status"]["aliases"] for one in shown] == [{"best": 1}]
    second = run("models", "register", "Twice 1.0", "--job", job, "--path", "model").stdout
    assert second == "Twice 1.0@2\n"
    table = run("models", "versions", "Twice 1.0").stdout.splitlines()
    assert [line.split()[0] for line in table[1:]] == ["2", "1"]
    assert "best is Twice 1.0@2" in run("models", "alias", "Twice 1.0", "best").stdout
    assert "# Twice 1.0@2" in run("models", "show", "Twice 1.0@best").stdout
    assert "is not of the form" in run("models", "register", "x", "--trial", "three", code=2).stderr
    run("models", "delete", "Twice 1.0@1")
    assert [one.number for one in client.models.versions("Twice 1.0")] == [2]
    client.models.delete("Twice 1.0")
    with pytest.raises(NotFound, match=r"There is no model named Twice 1\.0"):
        client.models.get("Twice 1.0")


TRIAL = """
import pathlib, sys
import himalia.run as run

folder = pathlib.Path("outputs/model")
folder.mkdir(parents=True)
(folder / "MLmodel").write_text("flavors: {python_function: {loader_module: " + sys.argv[2] + "}}")
run.log("score", float(sys.argv[2]))
"""


def test_the_best_trial_of_a_search_is_registered(client: Client, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "trial.py").write_text(TRIAL)
    search = client.experiments.search(
        script=tmp_path / "code" / "trial.py",
        profile="base",
        space={"x": [3]},
        metric="score",
        direction="maximize",
        trials=1,
    )
    for seen in search.follow():
        assert seen.status.state != "FAILED", seen.status
    best = search.best()[0]
    version = client.models.register("found", trial=(search, best.number))
    source = version.spec.source
    assert (source.experiment, source.trial, source.job) == (search.name, best.number, best.job)
    assert version.status.parameters == {"x": 3}
    assert version.status.metrics == {"score": 3.0}
    assert version.status.environment == "base"


async def test_awaited_verbs_are_the_same(client: Client, environment: None) -> None:
    async with AsyncClient() as awaited:
        made = await awaited.models.create("later")
        assert [one.id async for one in awaited.models.list()] == [made.id]
        assert await awaited.models.get("later") == made
        await awaited.models.delete(made)
