"""Many workloads in pods, which call the service themselves: what it costs, and whether it still answers.

    python benchmarks/pods.py [--jobs 1000] [--seconds 30] [--json]

Submits that many jobs to a platform whose pods never start (`_silent_pods.py`), and speaks in place of their runners:
each tells its start, waits for orders on a connection of its own, hands in a line of log and five metrics as often as
the service wishes, and at last its end. Meanwhile somebody lists jobs five times a second. Client and service
share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop
from _load import Client, request_of
from _platform import ENVIRONMENTS, ROOT, Person, Running, cpu_s, database, processes, signed_in
from _report import at_least_one, options
from job_throughput import order

from himalia.core.processes import memory
from himalia.core.tokens import WorkTokens
from himalia.environments.local import create

API = "/services/himalia/api/v1"
CONNECTIONS = 32
LOOK_S = 0.2
GOAL_P99_MS, GOAL_MB = 100, 500


class Connection(Client):
    """One kept connection of a runner."""

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def call(self, method: str, path: str, token: str, body: Any = None) -> dict[str, Any]:
        """The JSON that the service answers. Raises RuntimeError for anything but 200."""
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        self._writer.write(head.encode() + data)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split("\r\n", 1)[0])
        text = await self._reader.readexactly(length)
        if " 200 " not in head.split("\r\n", 1)[0]:
            raise RuntimeError(f"The service answered {head.splitlines()[0]}: {text[:300]!r}")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def close(self) -> None:
        self._writer.close()


@dataclass
class Seen:
    """What the runners and the onlooker saw, in seconds, and what the service used."""

    posts: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    memory_mb: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)


@dataclass
class Bench:
    """One platform, one person, and the service's process."""

    person: Person
    port: int
    pid: int
    tokens: WorkTokens
    seen: Seen = field(default_factory=Seen)

    def weigh(self, when: str) -> None:
        """Note the service's memory and CPU so far."""
        self.seen.memory_mb[when] = memory([self.pid]) / 1e6
        self.seen.cpu[when] = cpu_s(self.pid)[0]

    async def submit(self, jobs: int) -> list[str]:
        """Ids of that many jobs that were started."""
        what = order(self.person, jobs, CONNECTIONS, "service")
        left = jobs

        async def some() -> None:
            nonlocal left
            connection, request = await Connection.to(self.port), request_of(what)
            while left > 0:
                left -= 1
                await connection.post(request)
            connection.close()

        await asyncio.gather(*(some() for _ in range(CONNECTIONS)))
        with database(self.person.platform) as rows:
            while True:
                found = rows.execute("SELECT id FROM workloads WHERE state = 'STARTING'").fetchall()
                if len(found) == jobs:
                    return [row[0] for row in found]
                await asyncio.sleep(0.1)

    async def run(self, jobs: int, seconds: float) -> None:
        """All of it."""
        self.weigh("idle")
        runners = [Runner(self, workload) for workload in await self.submit(jobs)]
        self.weigh("submitted")
        await asyncio.gather(*(runner.begin() for runner in runners))
        await asyncio.sleep(2)
        self.weigh("waiting")
        await self.look()
        looking = asyncio.create_task(self.look_on())
        begun = time.perf_counter()
        self.seen.posts.clear()
        await asyncio.gather(*(runner.report(begun + seconds) for runner in runners))
        self.weigh("reported")
        if looking.done():
            looking.result()  # it never ends but by an error
        looking.cancel()
        await asyncio.gather(*(runner.end() for runner in runners))
        self.weigh("ended")

    async def look(self) -> None:
        """Somebody opens the list of jobs."""
        connection = await Connection.to(self.port)
        begun = time.perf_counter()
        path = f"{API}/projects/{self.person.project}/jobs?limit=20"
        await connection.call("GET", path, self.person.token)
        self.seen.looks.append(time.perf_counter() - begun)
        connection.close()

    async def look_on(self) -> None:
        """The same again and again."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)


class Runner:
    """What a pod's runner says, without a pod."""

    def __init__(self, bench: Bench, workload: str) -> None:
        self.bench = bench
        self.path = f"{API}/workloads/{workload}"
        self.name = f"{workload}-1"
        self.token = bench.tokens.make(workload, 1)
        self.n = 0
        self.pause = 0.0
        self.polling: asyncio.Task[None] | None = None
        self.connection: Connection

    async def begin(self) -> None:
        self.connection = await Connection.to(self.bench.port)
        self.pause = (await self.hand_in({"op": "started", "at": time.time()}))["pause_s"]
        self.polling = asyncio.create_task(self.poll())

    async def poll(self) -> None:
        connection = await Connection.to(self.bench.port)
        while True:
            await connection.call("GET", f"{self.path}/orders?attempt=1&wait_s=50", self.token)

    async def report(self, until: float) -> None:
        step = 0
        while (left := until - time.perf_counter()) > 0:
            await asyncio.sleep(min(self.pause, left))
            text = f"Step {step}: the loss is less than before, as it ought to be.\n"
            points = [[f"metric{number}", step, 0.5, time.time()] for number in range(5)]
            said = {"op": "log", "offset": step * len(text), "text": text}
            self.pause = (await self.hand_in(said, {"op": "metrics", "items": points}))["pause_s"]
            step += 1

    async def end(self) -> None:
        if self.polling is not None:
            self.polling.cancel()
        await self.hand_in({"op": "ended", "exit_code": 0, "reason": None, "message": None})
        self.connection.close()

    async def hand_in(self, *messages: dict[str, Any]) -> dict[str, Any]:
        reports = []
        for message in messages:
            self.n += 1
            reports.append({"n": self.n, "name": self.name, **message})
        body = {"attempt": 1, "rank": 0, "runner": "bench", "reports": reports}
        begun = time.perf_counter()
        answer = await self.connection.call("POST", f"{self.path}/reports", self.token, body)
        self.bench.seen.posts.append(time.perf_counter() - begun)
        return answer


def measured(jobs: int, seconds: float) -> Seen:
    """Start a platform and do it."""
    create("base", ENVIRONMENTS.parent)
    variables = {"HIMALIA_BACKEND": "_silent_pods:SilentPods", "PYTHONPATH": str(ROOT / "benchmarks")}
    with Running(("base",), **variables) as running, signed_in(running) as person:
        (pid,) = (pid for pid, name in processes(running).items() if name == "service")
        port = json.loads((running.home / "run" / "ports.json").read_text())["service"]
        tokens = WorkTokens((running.home / "secrets" / "service-key").read_text().strip().encode())
        bench = Bench(person, port, pid, tokens)
        uvloop.run(bench.run(jobs, seconds))
        return bench.seen


def figures(seen: Seen, given: argparse.Namespace) -> dict[str, Any]:
    """What is told of it."""
    ms = [1000 * second for second in seen.posts]
    looks = [1000 * second for second in seen.looks]
    used = seen.cpu["reported"] - seen.cpu["waiting"]
    most = max(seen.memory_mb.values())
    p99 = _p99(looks)
    return {
        "jobs": given.jobs,
        "posts_a_second": len(ms) / given.seconds,
        "post_p50_ms": statistics.median(ms),
        "post_p99_ms": _p99(ms),
        "cpu_ms_a_post": 1000 * used / len(ms),
        "answer_p50_ms": statistics.median(looks),
        "answer_p99_ms": p99,
        "memory_mb": seen.memory_mb,
        "kb_a_waiting_runner": 1000 * (seen.memory_mb["waiting"] - seen.memory_mb["submitted"]) / given.jobs,
        "met": p99 <= GOAL_P99_MS and most < GOAL_MB,
    }


def _p99(values: list[float]) -> float:
    """The value that one in a hundred exceeds; of a few, the largest."""
    return sorted(values)[int(len(values) * 0.99)]


def main() -> None:
    """Measure, and print."""
    parser = options(__doc__, rounds=0)
    parser.add_argument("--jobs", type=at_least_one, default=1000)
    parser.add_argument("--seconds", type=at_least_one, default=30, help="for which all of them report")
    given = parser.parse_args()
    found = figures(measured(given.jobs, given.seconds), given)
    if given.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{given.jobs} runners; goal: answers p99 at most {GOAL_P99_MS} ms, less than {GOAL_MB} MB")
    for name, value in found.items():
        print(f"  {name}: {value:.1f}" if isinstance(value, float) else f"  {name}: {value}")


if __name__ == "__main__":
    main()
