"""What the platform adds to trials of one second, in milliseconds.

    python benchmarks/trials.py [--rounds 5] [--trials 20] [--at-once 2] [--busy] [--json]

A search with the random sampler over a notebook whose one cell sleeps for a second (with `--busy`: computes for one)
and logs a metric, on a platform started for this. From each trial's submission until its end and its outputs are in
the database, less that second; a round is the median of its trials. `fresh kernel`: the same search with
`fresh_kernel: true`. The notes tell the pace: seconds of the search for each trial and each of those at once, less
the trial's own. The first round starts the person's runner and is not counted.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from _platform import Person, database, fresh_home, signed_in
from _report import Report, Series, at_least_one, options

import himalia

OWN_S = 1.0
LONGEST_S = 300
_WAIT = {
    False: f"time.sleep({OWN_S})",
    True: f"begun = time.perf_counter()\nwhile time.perf_counter() < begun + {OWN_S}:\n    x * x",
}
_CELL = """import time
import himalia.run as run
{wait}
run.log("loss", (x - 0.3) ** 2)"""


def job_spec(client: himalia.Client, folder: Path, busy: bool) -> dict[str, Any]:
    """What each trial runs. Submits it once, which sends the code and starts the runner."""
    parameters = nbformat.v4.new_code_cell("x = 0.5", metadata={"tags": ["parameters"]})
    cell = nbformat.v4.new_code_cell(_CELL.format(wait=_WAIT[busy]))
    file = folder / "trial.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[parameters, cell]), file)
    job = client.jobs.submit(file, profile="base")
    job = client.jobs.wait(job, timeout=LONGEST_S)
    if job.status.state != "SUCCEEDED":
        raise RuntimeError(f"The notebook is {job.status.state}: {job.status.message}")
    return {"kind": "notebook", "notebook": file.name, "profile": "base", "snapshot": job.spec.snapshot}


def search(person: Person, job: dict[str, Any], trials: int, at_once: int, fresh: bool) -> str:
    """The id of a search that has ended well."""
    spec = {
        "job": job,
        "space": {"x": {"kind": "float", "low": 0, "high": 1}},
        "objectives": [{"metric": "loss"}],
        "sampler": {"kind": "random"},
        "trials": trials,
        "parallel": at_once,
        "fresh_kernel": fresh,
    }
    path = f"/projects/{person.project}/experiments"
    made = person.http.post(path, json={"spec": spec}).raise_for_status().json()
    deadline = time.monotonic() + LONGEST_S
    while (shown := person.http.get(f"{path}/{made['name']}").json())["status"]["state"] == "RUNNING":
        if time.monotonic() > deadline:
            raise TimeoutError(f"The search has not ended after {LONGEST_S} s: {shown['status']}")
        time.sleep(0.5)
    if shown["status"]["counts"]["complete"] != trials:
        raise RuntimeError(f"The search has ended with {shown['status']}")
    found: str = made["id"]
    return found


def added_ms(stored: sqlite3.Connection, search_id: str) -> tuple[list[float], float]:
    """For each trial, and by the pace of all of them."""
    query = "SELECT created_at, ended_at FROM trials WHERE experiment_id = ?"
    rows = [(created / 1e6, ended / 1e6) for created, ended in stored.execute(query, (search_id,))]
    each = [1000 * (ended - created - OWN_S) for created, ended in rows]
    return each, max(ended for _, ended in rows) - min(created for created, _ in rows)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--trials", type=at_least_one, default=20)
    parser.add_argument("--at-once", type=at_least_one, default=2)
    parser.add_argument("--busy", action="store_true", help="compute for a second instead of sleeping")
    chosen = parser.parse_args()
    kept, fresh = Series("himalia"), Series("fresh kernel")
    pace: dict[str, list[float]] = {kept.name: [], fresh.name: []}
    with (
        fresh_home() as running,
        signed_in(running.up()) as person,
        himalia.Client(running.url, person.token) as client,
        database(running) as stored,
        tempfile.TemporaryDirectory(prefix="nb", dir="/tmp") as folder,
    ):
        job = job_spec(client, Path(folder), chosen.busy)
        for number in range(chosen.rounds + 1):
            for series in (kept, fresh):
                count = chosen.trials if number else chosen.at_once
                found = search(person, job, count, chosen.at_once, series is fresh)
                each, whole_s = added_ms(stored, found)
                if number:
                    series.values.append(statistics.median(each))
                    pace[series.name].append(1000 * (whole_s * chosen.at_once / count - OWN_S))
    notes = {
        "trials a round": chosen.trials,
        "at once": chosen.at_once,
        "by pace": {name: statistics.median(values) for name, values in pace.items()},
        "goal": "at most 150",
    }
    Report("Added to a trial of one second", "ms", kept, (fresh,), notes).show(chosen.json)


if __name__ == "__main__":
    main()
