"""Bookkeeping of searches: trials per second, durable, against Optuna on SQLite.

    python benchmarks/experiments.py [--trials 300] [--at-once 16] [--rounds 5] [--json]

A search with two parameters whose trials end as soon as they begin, having logged one metric. Himalia: the
service's own parts on SQLite and the study's worker, with a backend that ends what it is given: from the search's
creation until its end is stored, each trial with its job, workload, attempt, metric, links and events, and nothing
run. Optuna: a study on SQLite, the same number of threads, and an objective that returns at once. Both with the
random sampler, then with TPE.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import _report
import uvloop
from _platform import ENVIRONMENTS
from _report import Goal, Series, at_least_one, options

from himalia.core import people
from himalia.core.access import Access
from himalia.core.identity import Identity
from himalia.core.migrate import migrate
from himalia.core.permissions import Role
from himalia.core.settings import Settings
from himalia.engine.backends.base import (
    Backend,
    Batch,
    Ended,
    Known,
    Launch,
    Metrics,
    Report,
    Seen,
    Started,
)
from himalia.engine.folders import Folders
from himalia.engine.reconciler import Reconciler
from himalia.engine.resources import Machine, Resources
from himalia.environments.local import create
from himalia.experiments.schema import ExperimentCreate
from himalia.parts import Platform
from himalia.projects import service as projects

SPACE = {"x": {"kind": "float", "low": 0, "high": 1}, "y": {"kind": "float", "low": 0, "high": 1}}
LONGEST_S = 120.0

PEER = """
import json, sys, time, warnings
import optuna
warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
kind, trials, threads, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
sampler = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}[kind](seed=1)
study = optuna.create_study(storage=f"sqlite:///{folder}/optuna.sqlite", sampler=sampler)
begun = time.perf_counter()
study.optimize(
    lambda trial: (trial.suggest_float("x", 0, 1) - 0.3) ** 2 + trial.suggest_float("y", 0, 1),
    n_trials=trials,
    n_jobs=threads,
)
seconds = time.perf_counter() - begun
assert len([t for t in study.trials if t.state.name == "COMPLETE"]) == trials
print(json.dumps(trials / seconds))
"""


class AtOnce(Backend):
    """Ends each attempt as soon as it is started, having logged one metric."""

    def __init__(self, at_once: int) -> None:
        self._machine = Machine("here", Resources.of(at_once, 2**50))
        self._reports: asyncio.Queue[list[Report]] = asyncio.Queue()

    async def open(self, known: Sequence[Known]) -> None:
        pass

    async def close(self) -> None:
        pass

    def start(self, launch: Launch) -> None:
        words, now = launch.task["command"], time.time()
        x, y = (float(words[words.index(name) + 1]) for name in ("--x", "--y"))
        said = [
            Started(launch.name, now),
            Metrics(launch.name, [("loss", 0, (x - 0.3) ** 2 + y, now)]),
            Ended(launch.name, None, exit_code=0, usage={"wall_s": 10.0}),
        ]
        self._reports.put_nowait(said)

    def stop(self, name: str, grace_s: float, reason: str) -> None:
        pass

    def advise_stop(self, name: str) -> None:
        pass

    def observe(self, names: Sequence[str]) -> dict[str, Seen]:
        return dict.fromkeys(names, Seen.RUNNING)

    async def changes(self) -> AsyncIterator[Batch]:
        while True:
            said = await self._reports.get()
            while not self._reports.empty():
                said += self._reports.get_nowait()
            yield Batch(said, lambda: None)

    def machines(self) -> list[Machine]:
        return [self._machine]

    def addresses(self, name: str) -> list[str]:
        return []

    async def logs(self, name: str, rank: int = 0) -> bytes:
        return b""


def make_home(folder: Path) -> Settings:
    """A home as `himalia up` would have made it, as far as these parts need one."""
    for name in ("secrets", "s/service"):
        (folder / name).mkdir(parents=True)
    for name in ("service-token", "service-key"):
        (folder / "secrets" / name).write_text("of no service")
    settings = Settings(home=folder)
    Folders(settings.home).prepare()
    (folder / "environments").mkdir(exist_ok=True)
    (folder / "environments" / "base").symlink_to(ENVIRONMENTS / "base")
    return settings


async def access(platform: Platform) -> Access:
    """Somebody with a project of their own."""
    person = await platform.database.write(lambda tx: people.ensure(tx, "ada", "now", []))
    project = await platform.database.write(lambda tx: projects.ensure_personal(tx, person))
    return Access(Identity("hub", person, frozenset({"write"})), project, Role.owner)


async def search(settings: Settings, kind: str, trials: int, at_once: int) -> float:
    """Trials per second of one search."""
    platform, backend = Platform(settings), AtOnce(at_once)
    platform.engine.machines = backend.machines
    platform.reconciler = Reconciler(
        platform.database, platform.engine, backend, platform.logs, platform.launcher.launch, lambda *_: None
    )
    over = asyncio.Event()

    def listen(events: list[dict[str, Any]]) -> None:
        if any(event["kind"] == "experiment.changed" and "state" in event["data"] for event in events):
            over.set()

    await asyncio.to_thread(migrate, platform.database)
    platform.database.on_events(listen)
    platform.database.start()
    await platform.searcher.load()
    await platform.reconciler.start()
    await platform.searcher.start()
    spec = {
        "job": {"kind": "command", "command": ["/bin/true"], "profile": "base"},
        "space": SPACE,
        "objectives": [{"metric": "loss"}],
        "sampler": {"kind": kind, "seed": 1},
        "trials": trials,
        "parallel": at_once,
    }
    try:
        who = await access(platform)
        begun = time.perf_counter()
        made, _ = await platform.experiments.create(who, ExperimentCreate.model_validate({"spec": spec}))
        await asyncio.wait_for(over.wait(), LONGEST_S)
        seconds = time.perf_counter() - begun
        found = await platform.experiments.get(who, made.name)
        if found.status.counts.complete != trials:
            raise RuntimeError(f"Of {trials} trials there are {found.status.counts}.")
        return trials / seconds
    finally:
        await platform.searcher.close()
        await platform.reconciler.close()
        await platform.hub.close()
        platform.store.close()
        await asyncio.to_thread(platform.database.close)


def himalia(kind: str, trials: int, at_once: int) -> float:
    """One round here, on a home of its own."""
    with tempfile.TemporaryDirectory(prefix="h", dir="/tmp") as folder:
        return uvloop.run(search(make_home(Path(folder) / "h"), kind, trials, at_once))


def optuna(kind: str, trials: int, at_once: int) -> float:
    """One round of the peer, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="h", dir="/tmp") as folder:
        command = [sys.executable, "-c", PEER, kind, str(trials), str(at_once), folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=LONGEST_S, check=True)
        return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--trials", type=at_least_one, default=300)
    parser.add_argument("--at-once", type=at_least_one, default=16)
    arguments = parser.parse_args()
    create("base", ENVIRONMENTS.parent)
    ours = {kind: Series("himalia") for kind in ("random", "tpe")}
    theirs = {
        "random": Series("Optuna on SQLite", Goal("at least", 5)),
        "tpe": Series("Optuna on SQLite"),
    }
    for _ in range(arguments.rounds):
        for kind in ours:
            ours[kind].values.append(himalia(kind, arguments.trials, arguments.at_once))
            theirs[kind].values.append(optuna(kind, arguments.trials, arguments.at_once))
    for kind, words in (("random", "random sampler"), ("tpe", "TPE")):
        title = f"Searches, {words}, {arguments.at_once} at once, {arguments.trials} trials"
        _report.Report(title, "trials per second", ours[kind], [theirs[kind]]).show(arguments.json)


if __name__ == "__main__":
    main()
