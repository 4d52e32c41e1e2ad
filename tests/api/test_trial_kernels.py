"""Trials of a search in one kernel, and in a kernel each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from platforms import Person
from test_experiments import X, begin, ended, trials
from test_jobs import notebook, snapshot


@pytest.fixture(scope="module")
def person(people: Callable[..., Person]) -> Person:
    return people("kernels")


def searched(person: Person, *cells: str, count: int, **spec: Any) -> list[list[str]]:
    """The words that each trial of a search has printed, one trial after the other."""
    content = notebook(*cells, parameters="x = 0.0")
    job = {"notebook": "n.ipynb", "snapshot": snapshot(person, {"n.ipynb": content}), "profile": "base"}
    experiment = begin(person, job=job, space={"x": X}, trials=count, parallel=1, **spec)
    found = ended(person, experiment)
    assert found["status"]["counts"]["complete"] == count, found["status"]
    logs = [
        person.http.get(f"/projects/{person.project}/jobs/{trial['job']}/log").text
        for trial in trials(person, experiment)
    ]
    return [log.split() for log in logs]


def test_each_trial_in_a_kernel_has_a_tracking_run_of_its_own(person: Person) -> None:
    """What the notebook leaves open is MLflow's active run."""
    printed = searched(
        person,
        "import os, mlflow\nprint(os.getpid(), 'left' in globals(), x)\nleft = 1",
        "mlflow.log_metric('loss', x)\nprint(mlflow.active_run().info.run_id)",
        count=3,
    )
    pids, leftovers, values, runs = (set(words) for words in zip(*printed, strict=True))
    assert (len(pids), leftovers) == (1, {"False"})
    assert len(values) == len(runs) == 3


def test_a_fresh_kernel_for_each_trial(person: Person) -> None:
    cell = "import os, himalia.run as run\nprint(os.getpid())\nrun.log('loss', x);"
    printed = searched(person, cell, count=2, fresh_kernel=True)
    assert printed[0] != printed[1]
