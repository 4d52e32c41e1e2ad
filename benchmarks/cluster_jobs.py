"""Thousands of jobs on a cluster: what they cost the service, and whether it still answers.

    python benchmarks/cluster_jobs.py [--jobs 5000] [--nodes 100] [--json]

Starts a real control plane with nodes of KWOK's, whose pods run without a machine, and a platform beside it. For each
pod that runs, the benchmark speaks in place of its runner, with that attempt's token: it tells the start and the end.
A tenth of the jobs is done first and a tenth last, each by itself; what they cost, in processor time and in calls of
the Kubernetes API (from the API server's audit log), shows whether that grows with the jobs that are known. The rest
is submitted at once, and meanwhile somebody lists jobs five times a second. Everything shares this machine; control
plane and KWOK, which have machines of their own elsewhere, have what the platform leaves.

Needs root, and what `make test-cluster` installs; without them it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from multiprocessing.connection import Connection as Line
from typing import Any

import sqlalchemy as sa
import uvloop
from _load import request_of
from _on_cluster import NAMESPACE, Audit, OnCluster, audited
from _platform import Person, cpu_s
from _report import at_least_one, options
from machinery.cluster import NEEDED, Cluster
from machinery.kwok import PODS, fake_nodes
from machinery.layout import Layout
from pods import API, LOOK_S, Connection, _p99

from himalia.core.tokens import WorkTokens
from himalia.engine.backends.kubernetes.client import Api, Object
from himalia.engine.backends.kubernetes.watch import Watch
from himalia.runner.processes import peak_bytes

CONNECTIONS = 16
GOAL_P99_MS, GOAL_MB, GOAL_CALLS = 100, 500, 6
LONGEST_S = 1500
_LEFT = "SELECT count(*) FROM workloads WHERE state NOT IN ('SUCCEEDED', 'FAILED', 'STOPPED')"
_WELL = "SELECT count(*) FROM workloads WHERE state = 'SUCCEEDED' AND attempt = 1"


@dataclass
class Part:
    """What some of the jobs took."""

    jobs: int
    seconds: float
    cpu_ms_a_job: float


def look_on(port: int, path: str, token: str, line: Line[list[float], None]) -> None:
    """Ask for `path` five times a second, on a new connection each, until there is word on the line."""
    looks: list[float] = []
    while not line.poll(LOOK_S):
        with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.connect()
            begun = time.perf_counter()
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answer.read()
            looks.append(time.perf_counter() - begun)
            assert answer.status == 200, answer.status
    line.send(looks)


@dataclass
class Seen:
    """All of it: parts by name, the onlooker's waiting in seconds, the most resident memory in MB, calls by kind."""

    parts: dict[str, Part] = field(default_factory=dict)
    looks: list[float] = field(default_factory=list)
    memory_mb: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    well: int = 0


class Runners:
    """Speaks for the runner of each pod that runs, once."""

    def __init__(self, port: int, tokens: WorkTokens) -> None:
        self._port = port
        self._tokens = tokens
        self._pods: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    @staticmethod
    def keep(item: Object) -> tuple[str, int] | None:
        """Workload and attempt of a pod that runs."""
        labels = item["metadata"].get("labels", {})
        if item.get("status", {}).get("phase") != "Running" or "himalia/workload" not in labels:
            return None
        return labels["himalia/workload"], int(labels["himalia/attempt"])

    def changed(self, before: tuple[str, int] | None, now: tuple[str, int] | None) -> None:
        """A pod runs, or does not any more."""
        if now is not None and before is None:
            self._pods.put_nowait(now)

    async def speak(self) -> None:
        """Report of one pod after the other, on one connection, for ever."""
        connection = await Connection.to(self._port)
        while True:
            workload, attempt = await self._pods.get()
            token = self._tokens.make(workload, attempt)
            ended = {"op": "ended", "exit_code": 0, "reason": None, "message": None}
            for number, said in enumerate(({"op": "started", "at": time.time()}, ended), 1):
                report = {"n": number, "name": f"{workload}-{attempt}", **said}
                body = {"attempt": attempt, "rank": 0, "runner": "bench", "reports": [report]}
                await connection.call("POST", f"{API}/workloads/{workload}/reports", token, body)


class Bench:
    """One platform on one cluster."""

    def __init__(self, running: OnCluster, person: Person) -> None:
        self.running = running
        self.person = person
        self.port = int(running.service_url.rpartition(":")[2])
        self.seen = Seen()
        self._database = sa.create_engine(running.accounts_url, isolation_level="AUTOCOMMIT")

    async def run(self, jobs: int) -> None:
        """All of it."""
        key = (self.running.secrets / "service-key").read_text().strip().encode()
        runners = Runners(self.port, WorkTokens(key))
        api = await Api.connect()
        path = f"/api/v1/namespaces/{NAMESPACE}/pods"
        watch = Watch(api, path, runners.keep, runners.changed)
        works = [watch.run(), *(runners.speak() for _ in range(CONNECTIONS))]
        tasks = [asyncio.create_task(work) for work in works]
        tenth = max(1, jobs // 10)
        try:
            await self.part("first", tenth, tasks)
            with self.onlooker() as line:
                await self.part("at once", max(1, jobs - 2 * tenth), tasks)
                line.send(None)
                self.seen.looks = await asyncio.to_thread(line.recv)
            await self.part("last", tenth, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await api.close()
        self.seen.well = self.ask(_WELL)
        self.seen.memory_mb = peak_bytes(self.running.service.pid) / 1e6

    async def part(self, name: str, jobs: int, tasks: list[asyncio.Task[None]]) -> None:
        """Submit some jobs and wait until none is left, and the service is done with them."""
        pid = self.running.service.pid
        cpu, begun = cpu_s(pid)[0], time.perf_counter()
        await self.submit(jobs)
        while await asyncio.to_thread(self.ask, _LEFT):
            for task in tasks:
                if task.done():
                    task.result()  # none ends but by an error
            if time.perf_counter() - begun > LONGEST_S:
                raise TimeoutError(f"Some jobs had not ended {LONGEST_S} s after the first was submitted.")
            await asyncio.sleep(0.1)
        seconds = time.perf_counter() - begun
        await self.quiet(pid)
        self.seen.parts[name] = Part(jobs, seconds, 1000 * (cpu_s(pid)[0] - cpu) / jobs)

    async def quiet(self, pid: int) -> None:
        """Wait until the Jobs are removed: the service uses next to nothing."""
        before = -1.0
        while (now := cpu_s(pid)[0]) - before > 0.1:
            before = now
            await asyncio.sleep(1)

    async def submit(self, jobs: int) -> None:
        """Submit that many."""
        body = {"spec": {"kind": "command", "command": ["/bin/true"], "profile": "base"}}
        path = f"{API}/projects/{self.person.project}/jobs"
        address = f"127.0.0.1:{self.port}"
        what = {"address": address, "path": path, "token": self.person.token, "body": body}
        request, left = request_of(what), jobs

        async def some() -> None:
            nonlocal left
            connection = await Connection.to(self.port)
            while left > 0:
                left -= 1
                await connection.post(request)
            connection.close()

        await asyncio.gather(*(some() for _ in range(CONNECTIONS)))

    @contextmanager
    def onlooker(self) -> Iterator[Line[None, list[float]]]:
        """Somebody opens the list of jobs, again and again; told to stop, they say how long they waited each time."""
        ours, theirs = multiprocessing.Pipe()
        path = f"{API}/projects/{self.person.project}/jobs?limit=20"
        # In a process of its own: what this one does for the runners is no time of the service's.
        there = multiprocessing.get_context("spawn").Process(
            target=look_on, args=(self.port, path, self.person.token, theirs)
        )
        there.start()
        theirs.close()  # else nobody would notice that the other side has ended
        try:
            yield ours
        finally:
            there.terminate()
            there.join()

    def ask(self, question: str) -> int:
        """A number from the database: what is seen there is durable."""
        with self._database.connect() as connection:
            return int(connection.exec_driver_sql(question).scalar_one())


def measured(cluster: Cluster, jobs: int, nodes: int) -> Seen:
    """Bring up nodes and a platform on a cluster, and do it."""
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
    # All share two cores: nodes whose heartbeats come late must not be taken to be lost.
    patient = cluster.nodes_lost_after(3600)
    with ExitStack() as there:
        with yielding():
            audit = there.enter_context(audited(cluster))
            there.enter_context(patient)
            there.enter_context(fake_nodes(cluster, nodes))
        running = there.enter_context(OnCluster(cluster, PODS))
        running.add_user("ada")
        with closing(Person(running, "ada")) as person:
            bench = Bench(running, person)
            uvloop.run(bench.run(jobs))
            bench.seen.calls = of_jobs(audit)
            return bench.seen


def of_jobs(audit: Audit) -> Counter[str]:
    """The calls that are made again and again; the runner is brought once."""
    return Counter({call: number for call, number in audit.calls().items() if number > 1})


def figures(seen: Seen, jobs: int) -> dict[str, Any]:
    """What is told of it."""
    calls = sum(seen.calls.values()) / jobs
    first, last = seen.parts["first"], seen.parts["last"]
    p99 = 1000 * _p99(seen.looks) if seen.looks else 0.0
    good = p99 <= GOAL_P99_MS and seen.memory_mb < GOAL_MB and calls <= GOAL_CALLS
    return {
        "jobs": jobs,
        "ended_well": seen.well,
        "jobs_a_second": seen.parts["at once"].jobs / seen.parts["at once"].seconds,
        "cpu_ms_a_job": {name: part.cpu_ms_a_job for name, part in seen.parts.items()},
        "cpu_last_to_first": last.cpu_ms_a_job / first.cpu_ms_a_job,
        "calls_a_job": calls,
        "calls": dict(seen.calls),
        "memory_mb": seen.memory_mb,
        "answer_p99_ms": p99,
        "met": good and seen.well == jobs,
    }


def why_not() -> str:
    """Why this machine cannot do it; empty when it can."""
    if os.geteuid():
        return "a cluster needs root"
    missing = [program for program in NEEDED if not shutil.which(program)]
    return f"missing: {', '.join(missing)}; `make test-cluster` installs them" if missing else ""


@contextmanager
def yielding() -> Iterator[None]:
    """What is started meanwhile has what others leave (sched(7)): a control plane has machines of its own."""
    before, settings = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        yield
    finally:
        os.sched_setscheduler(0, before, settings)


@contextmanager
def a_cluster() -> Iterator[Cluster]:
    """A cluster of this program's own; nothing of it is left behind."""
    cluster = Cluster(Layout.chosen("bench", 76))
    with yielding():
        cluster.start({})
    try:
        yield cluster
    finally:
        cluster.stop()


def main() -> None:
    """Measure, and print."""
    parser = options(__doc__, rounds=0)
    parser.add_argument("--jobs", type=at_least_one, default=5000)
    parser.add_argument("--nodes", type=at_least_one, default=100)
    given: argparse.Namespace = parser.parse_args()
    if reason := why_not():
        print(f"Not measured: {reason}.", file=sys.stderr)
        return
    with a_cluster() as cluster:
        found = figures(measured(cluster, given.jobs, given.nodes), given.jobs)
    if given.json:
        print(json.dumps(found, indent=1))
        return
    goals = f"{GOAL_CALLS} calls a job, {GOAL_P99_MS} ms, less than {GOAL_MB} MB"
    print(f"{given.jobs} jobs on {given.nodes} nodes; goal: at most {goals}, and no growth")
    for name, value in found.items():
        print(f"  {name}: {value:.2f}" if isinstance(value, float) else f"  {name}: {value}")


if __name__ == "__main__":
    main()
