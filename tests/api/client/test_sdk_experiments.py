"""Searches through the SDK and the command, against a real platform."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from client_harness import Run
from platforms import Person

import himalia
from himalia.cli import experiment_views
from himalia.cli.experiments import parameter_of
from himalia.client import errors
from himalia.client.experiments import space_of

CODE = """
import sys, himalia.run as run
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
run.log("loss", (float(given["--x"]) - 0.25) ** 2)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    place = tmp_path / "search"
    place.mkdir()
    (place / "go.py").write_text(CODE)
    return place / "go.py"


def test_a_search_from_beginning_to_best(client: himalia.Client, script: Path) -> None:
    search = client.experiments.search(
        script=script,
        profile="base",
        space={"x": {"kind": "float", "low": 0, "high": 1, "step": 0.25}},
        metric="loss",
        sampler="grid",
        trials=10,
        labels={"kind": "test"},
    )
    assert (search.name, search.state, search.ended) == ("go", "RUNNING", False)
    seen = [one.status.done for one in search.follow(timeout=60)]
    assert seen == sorted(seen)
    assert seen[-1] == 5
    assert search.state == "COMPLETE", search.status
    best = search.best()
    assert [(one.parameters, one.value) for one in best] == [({"x": 0.25}, 0.0)]
    assert search.status.best[0].number == best[0].number
    trials = search.trials()
    assert [one.number for one in trials] == [0, 1, 2, 3, 4]
    assert client.jobs.get(trials[0].job).spec.arguments == ["--x", str(trials[0].parameters["x"])]
    assert {row["number"] for row in search.plot("history")} == {0, 1, 2, 3, 4}
    assert [one.name for one in client.experiments.list(label={"kind": "test"})] == ["go"]
    assert [one.name for one in client.jobs.list()] == []
    shown = search._repr_html_()
    assert "loss = 0" in shown
    assert "5 of 5" in repr(search)


def test_stop_resume_delete_restore(client: himalia.Client, script: Path) -> None:
    script.write_text(CODE + "import time; time.sleep(30)")
    search = client.experiments.search(script=script, profile="base", space={"x": (0.0, 1.0)}, metric="loss")
    search.stop()
    with pytest.raises(errors.WrongState):
        search.stop()
    with pytest.raises(errors.WaitTimeout, match="not ended in time"):
        search.resume(parallel=1).wait(timeout=1)
    search.update(labels={"a": "b"}, name="other")
    with pytest.raises(errors.InUse):
        search.delete()
    search.delete(cascade=True)
    with pytest.raises(errors.NotFound):
        client.experiments.get("other")
    assert search.restore(name="third").name == "third"
    assert search.state == "STOPPED"


def test_the_awaited_surface(ada: Person, project: str, script: Path) -> None:
    async def search() -> float | None:
        async with himalia.AsyncClient(ada.platform.url, ada.token, project) as client:
            made = await client.experiments.search(
                script=script, profile="base", space={"x": [0.25]}, objectives={"loss": "minimize"}, trials=1
            )
            await made.wait(timeout=60)
            return (await made.best())[0].value

    assert asyncio.run(search()) == 0


def test_what_is_wrong_is_told(client: himalia.Client, script: Path) -> None:
    with pytest.raises(errors.Invalid, match="metric"):
        client.experiments.search(script=script, space={"x": (0, 1)})
    with pytest.raises(errors.Invalid, match="x needs a pair"):
        space_of({"x": 3})
    with pytest.raises(errors.Invalid) as error:
        client.experiments.search(script=script, profile="base", space={"x": (3, 1)}, metric="loss")
    assert "low must not be greater" in str(error.value)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("0.1..1", {"kind": "float", "low": 0.1, "high": 1}),
        ("1..9", {"kind": "int", "low": 1, "high": 9}),
        ("1e-4..1,log", {"kind": "float", "low": 1e-4, "high": 1, "log": True}),
        ("-2..2,step=0.5", {"kind": "float", "low": -2, "high": 2, "step": 0.5}),
        ("rbf|poly", {"kind": "categorical", "choices": ["rbf", "poly"]}),
        ("1|true|null|x y", {"kind": "categorical", "choices": [1, True, None, "x y"]}),
        ("one", {"kind": "categorical", "choices": ["one"]}),
    ],
)
def test_ranges_on_the_command_line(text: str, made: dict[str, object]) -> None:
    assert parameter_of("x", text) == made


def test_the_command(run: Run, script: Path, tmp_path: Path) -> None:
    space = tmp_path / "space.json"
    space.write_text(json.dumps({"y": {"kind": "categorical", "choices": [1, 2]}}))
    words = ["experiments", "create", str(script), "--search", "x=0.25|0.5", "--space", str(space)]
    words += [
        "--minimize",
        "loss",
        "--sampler",
        "grid",
        "--profile",
        "base",
        "--parallel",
        "4",
        "--seed",
        "3",
    ]
    words += ["--time-limit", "2m", "--env", "COLOUR=blue", "--retries", "1"]
    done = run(*words, "--name", "found", "--follow")
    assert "found: COMPLETE; 4 of 4; loss = 0 (trial" in done.stderr
    assert "found" in run("experiments", "list").stdout
    assert "COMPLETE" in run("experiments", "wait", "found").stdout
    seen = json.loads(run("experiments", "show", "found", "--json").stdout)
    assert seen["status"]["done"] == 4
    job = seen["spec"]["job"]
    assert (job["time_limit_s"], job["env"], job["retries"]) == (120, {"COLOUR": "blue"}, 1)
    shown = run("experiments", "show", "found").stdout
    assert "Best:         loss = 0 (trial" in shown
    assert "Searches:     y: 1 or 2\n              x: 0.25 or 0.5\n" in shown
    table = run("experiments", "trials", "found").stdout.splitlines()
    assert table[0].split()[:5] == ["TRIAL", "STATE", "loss", "y", "x"]
    assert len(table) == 5
    best = json.loads(run("experiments", "best", "found", "--json").stdout)
    assert best[0]["parameters"]["x"] == 0.25
    assert "found-trial-0" in run("jobs", "list", "--trials").stdout
    assert "found-trial-0" not in run("jobs", "list").stdout
    assert "All 4 trials are done" in run("experiments", "resume", "found", code=1).stderr
    run("experiments", "delete", "found")
    assert run("experiments", "restore", "found").stdout.strip() == "found"


def test_the_command_says_what_it_lacks(run: Run, script: Path) -> None:
    assert "--minimize loss" in run("experiments", "create", str(script), "--search", "x=1..2", code=2).stderr
    assert "--search" in run("experiments", "create", str(script), "--minimize", "loss", code=2).stderr
    words = ["experiments", "create", str(script), "--minimize", "loss", "--search", "x=1..2,steps=3"]
    assert "step=NUMBER" in run(*words, code=2).stderr
    assert "x=0.01..10" in run(*words[:-1], "x=", code=2).stderr
    words = ["experiments", "create", str(script), "--minimize", "loss", "--maximize", "loss"]
    assert "both smaller and greater" in run(*words, "--search", "x=1..2", code=2).stderr


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ({"kind": "int", "low": 0, "high": 1}, "whole numbers from 0 to 1"),
        ({"kind": "int", "low": 0, "high": 9, "step": 3}, "whole numbers from 0 to 9 in steps of 3"),
        ({"kind": "float", "low": 0.01, "high": 1.0, "log": True}, "numbers from 0.01 to 1, on a log scale"),
        ({"kind": "categorical", "choices": ["a", 1], "when": {"m": "x"}}, "a or 1, when m is x"),
    ],
)
def test_what_a_parameter_may_be_in_words(parameter: dict[str, object], words: str) -> None:
    assert experiment_views.values(parameter) == words
