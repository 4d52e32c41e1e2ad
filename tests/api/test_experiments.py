"""Searches over HTTP, against a running platform."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
from platforms import Person
from test_jobs import notebook, snapshot

PARABOLA = """
import argparse, himalia.run as run
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--kind", default="plain")
given = parser.parse_args()
run.log("loss", (given.x - 0.3) ** 2 + (given.kind == "worse"))
"""
X = {"kind": "float", "low": 0, "high": 1}


@pytest.fixture(scope="module")
def person(people: Callable[..., Person]) -> Person:
    return people("searcher")


def base(person: Person) -> str:
    return f"/projects/{person.project}/experiments"


def begin(person: Person, code: str = PARABOLA, **spec: Any) -> dict[str, Any]:
    """Begin a search over a Python command."""
    job = {"kind": "command", "command": ["python", "-c", code], "profile": "base"}
    body = {
        "spec": {
            "job": job,
            "space": {"x": X},
            "objectives": [{"metric": "loss"}],
            "sampler": {"kind": "random", "seed": 1},
            **spec,
        }
    }
    answer = person.http.post(base(person), json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def shown(person: Person, name: str) -> dict[str, Any]:
    answer = person.http.get(f"{base(person)}/{name}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def until(
    person: Person, experiment: dict[str, Any], what: Callable[[dict[str, Any]], bool], timeout_s: float = 90
) -> dict[str, Any]:
    """Wait until something is true of an experiment, told by its topic."""
    name = experiment["name"]
    deadline = time.monotonic() + timeout_s
    with person.http.stream(
        "GET", f"/events/stream?topic=experiment:{experiment['id']}", timeout=timeout_s
    ) as lines:
        found = shown(person, name)
        for line in lines.iter_lines():
            if line.startswith("data:"):
                found = shown(person, name)
            if what(found):
                return found
            assert time.monotonic() < deadline, found["status"]
    raise AssertionError(found)


def ended(person: Person, experiment: dict[str, Any]) -> dict[str, Any]:
    return until(person, experiment, lambda one: one["status"]["state"] != "RUNNING")


def trials(person: Person, experiment: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    answer = person.http.get(f"{base(person)}/{experiment['name']}/trials", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_a_search_finds_what_is_best(person: Person) -> None:
    experiment = begin(person, trials=6, sampler={"kind": "tpe", "seed": 3})
    assert experiment["status"]["state"] == "RUNNING"
    assert experiment["spec"]["job"]["size"] == "small"
    found = ended(person, experiment)
    assert found["status"]["state"] == "COMPLETE", found["status"]
    assert found["status"]["counts"]["complete"] == 6
    tried = trials(person, experiment)
    assert [one["number"] for one in tried] == [0, 1, 2, 3, 4, 5]
    for one in tried:
        assert one["values"] == [pytest.approx((one["parameters"]["x"] - 0.3) ** 2)]
    best = min(tried, key=lambda one: one["values"][0])
    assert found["status"]["best"] == [
        {"number": best["number"], "values": best["values"], "parameters": best["parameters"]}
    ]
    items = person.http.get(f"{base(person)}/{experiment['name']}/best").json()["items"]
    assert [one["number"] for one in items] == [best["number"]]


def test_a_trial_is_a_job_that_is_listed_with_its_experiment(person: Person) -> None:
    experiment = begin(person, trials=1)
    ended(person, experiment)
    trial = trials(person, experiment)[0]
    job = person.job(trial["job"])
    assert job["part_of"] == f"experiment:{experiment['id']}"
    assert job["labels"] == {"himalia/experiment": experiment["name"]}
    assert job["status"]["metrics"] == {"loss": trial["values"][0]}
    jobs = f"/projects/{person.project}/jobs"
    assert job["name"] not in [one["name"] for one in person.http.get(jobs).json()["items"]]
    with_trials = person.http.get(jobs, params={"trials": True}).json()["items"]
    assert job["name"] in [one["name"] for one in with_trials]
    graph = person.http.get(f"/projects/{person.project}/lineage", params={"of": f"job:{job['id']}"}).json()
    assert f"experiment:{experiment['id']}" in [node["id"] for node in graph["nodes"]]


def test_the_same_seed_tries_the_same(person: Person) -> None:
    made = [begin(person, trials=4, sampler={"kind": "random", "seed": 5}, parallel=n) for n in (1, 3)]
    tried = [[one["parameters"] for one in trials(person, ended(person, one))] for one in made]
    assert tried[0] == tried[1]


def test_a_notebook_gets_values_as_parameters(person: Person) -> None:
    content = notebook("import himalia.run as run\nrun.log('score', x * 2 + y)", parameters="x = 1\ny = 0")
    job = {"notebook": "n.ipynb", "snapshot": snapshot(person, {"n.ipynb": content}), "profile": "base"}
    experiment = begin(
        person,
        job={**job, "parameters": {"y": 100}},
        objectives=[{"metric": "score", "direction": "maximize"}],
        sampler={"kind": "grid"},
        space={"x": {"kind": "int", "low": 1, "high": 3}},
    )
    found = ended(person, experiment)
    assert found["status"]["message"] == "All 3 points of the grid were tried."
    assert found["status"]["best"][0]["parameters"] == {"x": 3}
    assert found["status"]["best"][0]["values"] == [106.0]


def test_conditions_leave_parameters_out(person: Person) -> None:
    space = {
        "kind": {"kind": "categorical", "choices": ["plain", "worse"]},
        "x": {"kind": "float", "low": 0.25, "high": 0.75, "step": 0.5, "when": {"kind": "plain"}},
    }
    code = PARABOLA.replace("type=float", "type=float, default=9")
    experiment = begin(person, code, space=space, sampler={"kind": "grid", "seed": 1})
    found = ended(person, experiment)
    assert found["status"]["counts"]["complete"] == 3, found["status"]
    tried = sorted(json.dumps(one["parameters"]) for one in trials(person, experiment))
    assert tried == ['{"kind": "plain", "x": 0.25}', '{"kind": "plain", "x": 0.75}', '{"kind": "worse"}']


def test_several_objectives_have_a_front(person: Person) -> None:
    code = PARABOLA + 'run.log("size", given.x)'
    objectives = [{"metric": "loss"}, {"metric": "size"}]
    experiment = begin(person, code, objectives=objectives, sampler={"kind": "nsga2", "seed": 2}, trials=6)
    found = ended(person, experiment)
    best = found["status"]["best"]
    # Above 0.3 both get worse, so nothing there is on the front but for the best of all.
    assert [one["values"] for one in best] == sorted(one["values"] for one in best)
    assert all(one["parameters"]["x"] <= 0.3 for one in best[1:])
    rows = person.http.get(f"{base(person)}/{experiment['name']}/plots/pareto").json()["rows"]
    assert {row["number"] for row in rows if row["is_best"]} == {one["number"] for one in best}


def test_plots_have_rows(person: Person) -> None:
    space = {"x": X, "kind": {"kind": "categorical", "choices": ["plain", "worse"]}}
    experiment = begin(person, trials=8, parallel=4, space=space)
    ended(person, experiment)
    plots = {
        kind: person.http.get(f"{base(person)}/{experiment['name']}/plots/{kind}").json()
        for kind in ("history", "parallel", "importance", "slice", "pareto", "intermediate")
    }
    best = [row["best"] for row in plots["history"]["rows"]]
    assert len(best) == 8
    assert best == sorted(best, reverse=True)
    assert {row["axis"] for row in plots["parallel"]["rows"]} == {"x", "kind", "loss"}
    assert all(0 <= row["position"] <= 1 for row in plots["parallel"]["rows"])
    shares = plots["importance"]["rows"]
    assert sum(row["importance"] for row in shares) == pytest.approx(1)
    assert {row["parameter"] for row in shares} == {"x", "kind"}
    assert {row["parameter"] for row in plots["slice"]["rows"]} == {"x", "kind"}
    assert plots["pareto"]["note"]
    assert len(plots["intermediate"]["rows"]) == 8


# Bad days


def test_an_objective_that_always_fails_ends_the_search(person: Person) -> None:
    experiment = begin(person, "raise SystemExit(3)", trials=30, max_failures=3)
    found = ended(person, experiment)
    assert (found["status"]["state"], found["status"]["reason"]) == ("FAILED", "too_many_failures")
    assert "3 trials failed in a row" in found["status"]["message"]
    assert "3" in found["status"]["message"].split("The last one:")[1]
    assert found["status"]["done"] <= 4


def test_a_metric_that_is_never_reported_names_those_that_were(person: Person) -> None:
    code = PARABOLA + 'run.log("f1", 1); run.log("accuracy", 1)'
    experiment = begin(person, code.replace('run.log("loss"', 'run.log("lost"'), trials=1)
    ended(person, experiment)
    trial = trials(person, experiment)[0]
    assert trial["state"] == "FAILED"
    assert trial["message"] == "It never reported loss. It reported accuracy, f1, lost."


def test_nan_is_a_failure_and_no_best(person: Person) -> None:
    code = PARABOLA.replace("(given.x - 0.3) ** 2", "float('nan')")
    found = ended(person, begin(person, code, trials=2))
    assert found["status"]["state"] == "COMPLETE"
    assert found["status"]["counts"]["failed"] == 2
    assert found["status"]["best"] == []
    assert "nan" in trials(person, found)[0]["message"]


def test_stop_and_resume(person: Person) -> None:
    slow = PARABOLA + "import time\nif run.id and given.x > 0: time.sleep(60)"
    experiment = begin(person, slow, trials=3, parallel=2)
    until(person, experiment, lambda one: one["status"]["counts"]["running"] == 2)
    path = f"{base(person)}/{experiment['name']}"
    stopped = person.http.post(f"{path}/stop").json()
    assert (stopped["status"]["state"], stopped["status"]["reason"]) == ("STOPPED", "stopped_by_user")
    assert person.http.post(f"{path}/stop").json()["error"]["code"] == "wrong_state"
    found = until(person, experiment, lambda one: one["status"]["counts"]["stopped"] == 2)
    assert found["status"]["done"] == 0
    resumed = person.http.post(f"{path}/resume", json={"parallel": 1}).json()
    assert resumed["status"]["state"] == "RUNNING"
    until(person, experiment, lambda one: one["status"]["counts"]["running"] == 1)
    assert [one["number"] for one in trials(person, experiment, state="RUNNING")] == [2]
    one = person.http.post(f"{path}/trials/2/stop").json()
    assert one["number"] == 2
    until(
        person,
        experiment,
        lambda one: one["status"]["counts"]["running"] == 1 and len(trials(person, one)) == 4,
    )
    refused = person.http.delete(path)
    assert refused.json()["error"]["code"] == "in_use"
    assert person.http.delete(path, params={"cascade": True}).status_code == 204
    back = person.http.post(f"{path}/restore", json={}).json()
    assert back["status"]["state"] == "STOPPED"
    assert len(trials(person, experiment)) == 4


def test_a_dataset_may_be_renamed_while_it_is_searched_with(person: Person) -> None:
    datasets = f"/projects/{person.project}/datasets"
    person.http.post(datasets, json={"name": "before"}).raise_for_status()
    draft = person.http.post(f"{datasets}/before/drafts", json={}).raise_for_status().json()["id"]
    listed = json.dumps({"files": [{"path": "1.txt", "size": 3}]}).encode()
    body = len(listed).to_bytes(4, "big") + listed + b"one"
    person.http.put(f"{datasets}/before/drafts/{draft}/bundle", content=body).raise_for_status()
    person.http.post(f"{datasets}/before/drafts/{draft}/commit", json={}).raise_for_status()
    waits = f"import os, time\nwhile not os.path.exists('/shared/{person.project}/go'): time.sleep(0.05)"
    job = {"kind": "command", "command": ["python", "-c", PARABOLA + waits], "profile": "base"}
    experiment = begin(person, trials=2, parallel=1, job={**job, "inputs": {"x": "before"}})
    until(person, experiment, lambda one: one["status"]["counts"]["running"] == 1)
    person.http.patch(f"{datasets}/before", json={"name": "after"}).raise_for_status()
    go = person.submit("touch", f"/shared/{person.project}/go")
    person.ended(go["name"])
    assert ended(person, experiment)["status"]["counts"]["complete"] == 2
    again = f"{base(person)}/{experiment['name']}/resume"
    person.http.post(again, json={"trials": 3}).raise_for_status()
    assert ended(person, experiment)["status"]["counts"]["complete"] == 3


def test_all_done_needs_a_larger_number(person: Person) -> None:
    experiment = begin(person, trials=2)
    ended(person, experiment)
    path = f"{base(person)}/{experiment['name']}/resume"
    refused = person.http.post(path, json={}).json()["error"]
    assert "All 2 trials are done" in refused["message"]
    person.http.post(path, json={"trials": 3}).raise_for_status()
    found = ended(person, experiment)
    assert found["status"]["counts"]["complete"] == 3
    assert found["spec"]["trials"] == 3


def test_the_time_is_over(person: Person) -> None:
    experiment = begin(person, PARABOLA + "import time; time.sleep(1)", trials=100, timeout_s=2)
    found = ended(person, experiment)
    assert (found["status"]["state"], found["status"]["reason"]) == ("COMPLETE", "time_limit")
    # A busy machine may take all of it to begin.
    assert found["status"]["done"] < 100
    assert found["status"]["message"] == f"The time of 2 s was over after {found['status']['done']} trials."


def test_bad_trials_are_pruned(person: Person) -> None:
    code = """
import sys, time, himalia.run as run
x = float(sys.argv[2])
for step in range(200):
    if run.log("loss", x + 1 / (step + 1), step=step):
        sys.exit(0)
    time.sleep(0.01 if x < 0.5 else 0.1)
"""
    experiment = begin(
        person,
        code,
        space={"x": {"kind": "categorical", "choices": [0.1, 0.2, 0.8, 0.9]}},
        sampler={"kind": "grid", "seed": 4},
        pruner={"kind": "median", "startup_trials": 1, "warmup_steps": 1},
        parallel=2,
    )
    found = ended(person, experiment)
    states = {one["parameters"]["x"]: one for one in trials(person, found)}
    assert found["status"]["counts"]["pruned"] >= 1, found["status"]
    for one in states.values():
        if one["state"] == "PRUNED":
            assert one["pruned_step"] >= 1
            assert one["values"][0] > one["parameters"]["x"]
    assert found["status"]["best"][0]["parameters"]["x"] == 0.1


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"space": {"x": {"kind": "float", "low": 2, "high": 1}}}, "spec.space.x", "low must not be greater"),
        (
            {"space": {"x": {"kind": "float", "low": 0, "high": 1, "log": True}}},
            "spec.space.x",
            "greater than 0",
        ),
        ({"space": {"x": {"kind": "categorical"}}}, "spec.space.x", "needs choices"),
        ({"space": {"x": {**X, "when": {"y": 1}}}}, "spec", "no such parameter"),
        ({"sampler": {"kind": "grid"}}, "spec", "needs a step for x"),
        ({"objectives": [{"metric": "a"}, {"metric": "a"}]}, "spec", "of its own"),
        (
            {"objectives": [{"metric": "a"}, {"metric": "b"}], "pruner": {"kind": "median"}},
            "spec",
            "cannot prune",
        ),
        ({"trials": 0}, "spec.trials", "at least 1"),
        ({"job": {"kind": "command", "command": ["true"], "profile": "nix"}}, "spec.job.profile", "nix"),
        ({"job": {"kind": "command", "profile": "base"}}, "spec.job", "needs the field command"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    person: Person, change: dict[str, Any], field: str, words: str
) -> None:
    job = {"kind": "command", "command": ["true"], "profile": "base"}
    spec = {"job": job, "space": {"x": X}, "objectives": [{"metric": "loss"}], **change}
    answer = person.http.post(base(person), json={"spec": spec})
    assert answer.status_code == 422, answer.text
    fields = answer.json()["error"]["details"]["fields"]
    assert [(one["field"]) for one in fields] == [field], fields
    assert words in fields[0]["message"]


def test_samplers_without_their_packages_are_not_offered(person: Person) -> None:
    offered = person.http.get("/samplers").json()["items"]
    assert {"tpe", "random", "grid", "qmc", "nsga2", "cmaes"} <= set(offered)
    assert ("gp" in offered) == (find_spec("torch") is not None)
    if "gp" not in offered:
        job = {"kind": "command", "command": ["true"], "profile": "base"}
        spec = {"job": job, "space": {"x": X}, "objectives": [{"metric": "a"}], "sampler": {"kind": "gp"}}
        error = person.http.post(base(person), json={"spec": spec}).json()["error"]
        assert error["details"]["fields"][0]["field"] == "spec.sampler.kind"
        assert "not installed here" in error["message"]


def test_others_see_nothing_of_it(person: Person, bob: Person) -> None:
    experiment = begin(person, trials=1)
    ended(person, experiment)
    assert bob.http.get(f"{base(person)}/{experiment['name']}").status_code in (403, 404)
    assert bob.http.post(f"{base(person)}/{experiment['name']}/stop").status_code in (403, 404)


def test_who_leaves_a_project_searches_there_no_more(person: Person, people: Callable[..., Person]) -> None:
    guest = people("searching-guest")
    project = person.http.post("/projects", json={"name": "searched-together"}).json()["name"]
    member = f"/projects/{project}/members/person/{guest.name}"
    person.http.put(member, json={"role": "editor"}).raise_for_status()
    job = {"kind": "command", "command": ["sleep", "60"], "profile": "base"}
    spec = {"job": job, "space": {"x": X}, "objectives": [{"metric": "loss"}]}
    path = f"/projects/{project}/experiments"
    made = guest.http.post(path, json={"spec": spec}).raise_for_status().json()
    person.http.delete(member).raise_for_status()
    found = person.http.get(f"{path}/{made['name']}").json()
    assert (found["status"]["state"], found["status"]["reason"]) == ("STOPPED", "access_removed")
    with person.http.stream("GET", f"/events/stream?topic=experiment:{made['id']}", timeout=60) as lines:
        for _ in lines.iter_lines():
            found = person.http.get(f"{path}/{made['name']}").json()
            if found["status"]["counts"]["waiting"] + found["status"]["counts"]["running"] == 0:
                break
    # Whoever resumes it runs it: nothing is the guest's any more.
    person.http.post(f"{path}/{made['name']}/resume", json={}).raise_for_status()
    newest: dict[str, Any] = {}
    while newest.get("created_by", {}).get("name") != person.name:
        jobs = person.http.get(f"/projects/{project}/jobs", params={"trials": True}).json()["items"]
        newest = next(iter(jobs), {})
        time.sleep(0.05)
    person.http.post(f"{path}/{made['name']}/stop").raise_for_status()
    # A project whose searches run is deleted only if that is meant.
    person.http.post(f"{path}/{made['name']}/resume", json={}).raise_for_status()
    assert person.http.delete(f"/projects/{project}").json()["error"]["code"] == "in_use"
    assert person.http.delete(f"/projects/{project}", params={"cascade": True}).status_code == 204


def test_what_the_service_wrote_of_it_is_no_complaint(person: Person) -> None:
    log = person.platform.log("service")
    assert "Pydantic" not in log
    assert "search" not in "\n".join(line for line in log.splitlines() if '"ERROR"' in line)
