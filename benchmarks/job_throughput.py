"""Jobs per second, against HyperQueue.

    python benchmarks/job_throughput.py [--jobs 1000] [--connections 32] [--rounds 5] [--to proxy|service] [--json]

Himalia: `/bin/true` as that many jobs of one person, one POST each over connections that stay open, on a platform
started for this; from the first POST until the last exit code is in the database. Each answer waits until its job is
durable, and each job is a process in that person's sandbox. HyperQueue: the engine of PyPI's `hyperqueue`, a local
cluster with two cores, as many tasks of one job, output to files.

HyperQueue's client notices the end of a job up to a second late, so two figures stand for it: `hyperqueue` until its
client returned, and `hyperqueue, last start` until its last task had been started, which is to its favour.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _platform import Person, Running, cpu_s, database, fresh_home, processes, signed_in, wait_until_quiet
from _report import Goal, Report, Series, at_least_one, options

HERE = Path(__file__).parent
CORES = 2
WARM_UP = 64
_LONGEST_S = 400


def order(person: Person, jobs: int, connections: int, to: str) -> dict[str, Any]:
    """What the client is to do; `to` the service leaves out the proxy."""
    running = person.platform
    address = running.address
    if to == "service":
        ports = json.loads((running.home / "run" / "ports.json").read_text())
        address = f"127.0.0.1:{ports['service']}"
    return {
        "address": address,
        "path": f"/services/himalia/api/v1/projects/{person.project}/jobs",
        "token": person.token,
        "body": {"spec": {"kind": "command", "command": ["/bin/true"], "profile": "base"}},
        "jobs": jobs,
        "connections": connections,
        "database": str(running.home / "service" / "himalia.sqlite"),
    }


def load(what: dict[str, Any]) -> dict[str, float]:
    """Have the client do it, in a process of its own."""
    client = subprocess.run(
        [sys.executable, str(HERE / "_load.py")],
        input=json.dumps(what).encode(),
        stdout=subprocess.PIPE,
        timeout=_LONGEST_S,
        check=True,
    )
    measured: dict[str, float] = json.loads(client.stdout)
    return measured


def himalia(running: Running, what: dict[str, Any]) -> dict[str, Any]:
    """One round: what the client measured, and CPU milliseconds per job of each kind of process."""
    known = processes(running)
    before, stored = usage(known), exit_codes(running)
    measured: dict[str, Any] = load(what)
    used = {name: seconds - before[name] for name, seconds in usage(known).items()}
    right, all_of_them = (now - then for now, then in zip(exit_codes(running), stored, strict=True))
    if right != what["jobs"] or all_of_them != what["jobs"]:
        raise RuntimeError(f"{what['jobs']} jobs made {all_of_them} attempts, {right} with exit code 0.")
    used["client"] = measured["cpu_s"]
    measured["cpu_ms_a_job"] = {name: 1000 * seconds / what["jobs"] for name, seconds in used.items()}
    return measured


def usage(known: dict[int, str]) -> dict[str, float]:
    """CPU seconds so far by kind of process; `jobs` are what the runners have started."""
    total = dict.fromkeys([*known.values(), "jobs"], 0.0)
    for pid, name in known.items():
        own, children = cpu_s(pid)
        total[name] += own
        if name == "runner":
            total["jobs"] += children
    return total


def exit_codes(running: Running) -> tuple[int, int]:
    """How many attempts have ended with 0, and how many there are."""
    with database(running) as connection:
        query = "SELECT count(*) FILTER (WHERE exit_code = 0), count(*) FROM attempts"
        right, all_of_them = connection.execute(query).fetchone()
    return right, all_of_them


def hyperqueue(tasks: int) -> dict[str, float]:
    """One round of the peer, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="hq", dir="/tmp") as folder:
        command = [sys.executable, str(HERE / "_hyperqueue.py"), str(tasks), str(CORES), folder]
        # It leaves a socket in the folder for temporary files.
        surroundings = {**os.environ, "TMPDIR": folder}
        done = subprocess.run(command, capture_output=True, timeout=_LONGEST_S, check=True, env=surroundings)
        measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return measured


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--jobs", type=at_least_one, default=1000)
    parser.add_argument("--connections", type=at_least_one, default=32)
    parser.add_argument(
        "--to", choices=("proxy", "service"), default="proxy", help="where the client connects"
    )
    chosen = parser.parse_args()
    ours = Series("himalia")
    waited = Series("hyperqueue", Goal("at least", 1.5))
    started = Series("hyperqueue, last start", Goal("at least", 1.5))
    rounds: list[dict[str, Any]] = []
    with fresh_home() as running, signed_in(running.up()) as person:
        # The first job starts the person's runner.
        load(order(person, WARM_UP, chosen.connections, chosen.to))
        for _ in range(chosen.rounds):
            wait_until_quiet(processes(running))
            rounds.append(himalia(running, order(person, chosen.jobs, chosen.connections, chosen.to)))
            ours.values.append(chosen.jobs / rounds[-1]["seconds"])
            wait_until_quiet(processes(running))
            peer = hyperqueue(chosen.jobs)
            waited.values.append(chosen.jobs / peer["waited_s"])
            started.values.append(chosen.jobs / peer["last_start_s"])
            rounds[-1]["hyperqueue_cpu_ms_a_job"] = 1000 * peer["cpu_s"] / chosen.jobs
    title = f"{chosen.jobs:,} jobs of /bin/true over {chosen.connections} connections to the {chosen.to}"
    Report(title, "jobs/s", ours, (waited, started), notes(rounds)).show(chosen.json)


def notes(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the rounds."""

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    kinds = {
        kind: mean([one["cpu_ms_a_job"].get(kind, 0.0) for one in rounds])
        for kind in rounds[0]["cpu_ms_a_job"]
    }
    return {
        "seconds until the last 201": mean([one["answered_s"] for one in rounds]),
        "CPU ms a job": {kind: used for kind, used in kinds.items() if used >= 0.005},
        "CPU ms a task of HyperQueue": mean([one["hyperqueue_cpu_ms_a_job"] for one in rounds]),
    }


if __name__ == "__main__":
    main()
