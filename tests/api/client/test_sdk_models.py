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
    came: list[int] = []
    folder = client.models.download(
        "Twice 1.0@1", tmp_path / "saved", progress=lambda sent: came.append(sent.files_done)
    )
    assert came[-1] == 2
    assert sorted(one.name for one in folder.iterdir()) == ["MLmodel", "requirements.txt"]

    shown = json.loads(run("models", "list", "--json").stdout)
    assert [one["status"]["aliases"] for one in shown] == [{"best": 1}]
    assert (
        run("models", "create", "empty", "--description", "Of none", "--label", "team=b").stdout == "empty\n"
    )
    assert run("models", "list", "--label", "team=b").stdout.splitlines()[1].split()[0] == "empty"
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


def test_the_best_trial_of_a_search_is_registered(client: Client, tmp_path: Path, run: Run) -> None:
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
    assert source.code is not None
    assert source.code.entry == "trial.py"
    shown = json.loads(run("experiments", "show", search.name, "--json").stdout)
    assert shown["status"]["best"][0]["number"] == best.number
    trial = f"{search.name}:{best.number}"
    second = json.loads(run("models", "register", "found", "--trial", trial, "--json").stdout)
    assert (second["name"], second["spec"]["source"]["trial"]) == ("found@2", best.number)
    versions = json.loads(run("models", "versions", "found", "--json").stdout)
    assert [one["status"]["parameters"] for one in versions] == [{"x": 3}, {"x": 3}]
    assert json.loads(run("models", "show", "found@2", "--json").stdout) == second
    assert "| code | trial.py |" in run("models", "show", "found").stdout
    run("models", "code", "found", str(tmp_path / "kept"))
    assert (tmp_path / "kept" / "trial.py").read_text() == TRIAL
    with pytest.raises(NotFound):
        client.models.code("found@3", tmp_path)
    assert [
        one["number"] for one in json.loads(run("experiments", "trials", search.name, "--json").stdout)
    ] == [0]


async def test_awaited_verbs_are_the_same(client: Client, environment: None) -> None:
    async with AsyncClient() as awaited:
        made = await awaited.models.create("later")
        assert [one.id async for one in awaited.models.list()] == [made.id]
        assert await awaited.models.get("later") == made
        async with AsyncClient(project="elsewhere") as other:
            assert await other.models.get(made) == made, "it is of its own project"
        await awaited.models.delete(made)
