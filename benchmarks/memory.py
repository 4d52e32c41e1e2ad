"""Memory of an idle platform that has worked.

    python benchmarks/memory.py [--jobs 1000] [--wait-s 600] [--json]

Starts a platform, has a person run that many jobs of `/bin/true` and one notebook, and waits. Then adds up the
proportional set sizes (`Pss` of smaps_rollup in proc(5)) of all its processes, sandboxes included. Nobody has a
notebook server, so none is counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _platform import Person, Running, commands, fresh_home, processes, signed_in
from _report import at_least_one, options
from job_throughput import load, order
from notebook_start import write_notebook

import himalia
from himalia.core.processes import memory

GOAL_MB = 450
CONNECTIONS = 32
_LONGEST_NAME = 60


def work(person: Person, jobs: int) -> None:
    """Run everything to its end. Raises RuntimeError when the notebook fails."""
    load(order(person, jobs, CONNECTIONS, "proxy"))
    with (
        tempfile.TemporaryDirectory(prefix="nb", dir="/tmp") as folder,
        himalia.Client(person.platform.url, person.token) as client,
    ):
        notebook = Path(folder, "cell.ipynb")
        write_notebook(notebook)
        job = client.jobs.wait(client.jobs.submit(notebook, profile="base"))
        if job.state != "SUCCEEDED":
            raise RuntimeError(f"The notebook's job is {job.state}: {job.status.message}")


def weigh(running: Running) -> list[dict[str, Any]]:
    """`{"pid", "is", "command", "pss_mb"}` of each process, the largest first; megabytes of 10^6 bytes."""
    lines = commands()
    found = [
        {"pid": pid, "is": name, "command": " ".join(lines.get(pid, [])), "pss_mb": memory([pid]) / 1e6}
        for pid, name in processes(running).items()
    ]
    return sorted(found, key=lambda one: -one["pss_mb"])


def parsed(doc: str | None) -> argparse.Namespace:
    """What the command line says."""
    parser = options(doc, rounds=0)
    parser.add_argument("--jobs", type=at_least_one, default=1000)
    parser.add_argument("--wait-s", type=float, default=600, help="seconds after the last work")
    return parser.parse_args()


def wait(seconds: float) -> None:
    """Let the platform idle."""
    print(f"Waiting for {seconds:g} s.", file=sys.stderr, flush=True)
    time.sleep(seconds)


def show(title: str, found: list[dict[str, Any]], goal_mb: int, as_json: bool) -> None:
    """Print the sum against its goal, and each process."""
    total = sum(one["pss_mb"] for one in found)
    if as_json:
        result = {"title": title, "unit": "MB", "himalia": total, "goal": f"at most {goal_mb}"}
        print(json.dumps({**result, "met": total <= goal_mb, "processes": found}, indent=1))
        return
    verdict = "met" if total <= goal_mb else "missed"
    print(f"{title}: {total:.0f} MB, goal at most {goal_mb}: {verdict}")
    for one in found:
        print(f"  {one['pss_mb']:7.1f} MB  {one['is']:<10} {one['pid']:>8}  {one['command'][:_LONGEST_NAME]}")


def main() -> None:
    chosen = parsed(__doc__)
    with fresh_home() as running, signed_in(running.up()) as person:
        work(person, chosen.jobs)
        wait(chosen.wait_s)
        found = weigh(running)
    title = f"Memory {chosen.wait_s:g} s after the last of {chosen.jobs:,} jobs and a notebook"
    show(title, found, GOAL_MB, chosen.json)


if __name__ == "__main__":
    main()
