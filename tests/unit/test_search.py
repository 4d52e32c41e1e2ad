"""Searches, their spaces and their ends, without a platform: the ground that a search stands on is kept in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from processes import kill

from himalia.core import clock
from himalia.core.database import metadata
from himalia.core.errors import DiskFull, HimaliaError, NotFound, WrongState
from himalia.engine.states import State
from himalia.experiments import read
from himalia.experiments import search as module
from himalia.experiments.outcome import Outcome, beats, front, outcome
from himalia.experiments.schema import ExperimentSpec
from himalia.experiments.search import Asked, End, Search
from himalia.experiments.space import check_space, grid_points, grid_size, is_active, ordered
from himalia.experiments.study import Study, Workers
from himalia.experiments.tables import experiments
from himalia.testing.samplers import CONDITIONAL, Runs, parameter

SPEC: dict[str, Any] = {
    "job": {"kind": "command", "command": ["true"], "profile": "base"},
    "space": {"x": {"kind": "float", "low": 0, "high": 1}},
    "objectives": [{"metric": "loss"}],
    "sampler": {"kind": "random", "seed": 1},
}


class Memory:
    """Stores trials in a dictionary; each ends when `end` says so."""

    def __init__(self) -> None:
        self.stored: dict[int, dict[str, Any]] = {}
        self.refuse: list[HimaliaError] = []
        self.end: End | None = None
        self.advised: list[tuple[int, int]] = []
        self.changed = asyncio.Event()
        self.full = False

    def check_disk(self) -> None:
        if self.full:
            raise DiskFull("There is no room.")

    async def trials(self, search: Search, with_steps: bool) -> list[dict[str, Any]]:
        return [dict(trial) for trial in self.stored.values()]

    async def submit(self, search: Search, asked: Asked, begun: Callable[[], None]) -> None:
        await asyncio.sleep(0)
        if self.refuse:
            raise self.refuse.pop(0)
        self.stored[asked.number] = {
            "number": asked.number,
            "parameters": asked.parameters,
            "notes": asked.notes,
            "steps": [],
            "state": "WAITING",
            "values": None,
            "message": None,
            "ended_at": None,
        }
        begun()
        self.changed.set()

    async def advise(self, search: Search, number: int, step: int) -> None:
        self.advised.append((number, step))
        self.changed.set()

    async def finish(self, search: Search, end: End) -> None:
        self.end = end

    def finish_trial(self, search: Search, number: int, found: Outcome) -> None:
        self.stored[number] |= {
            "state": found.state,
            "values": found.values,
            "message": found.message,
            "ended_at": clock.now(),
        }
        search.ended(number, found)

    def open(self) -> list[int]:
        return [number for number, trial in self.stored.items() if trial["state"] == "WAITING"]


def made(ground: Memory, workers: Workers | None = None, **changes: Any) -> Search:
    spec = ExperimentSpec.model_validate({**SPEC, **changes}).model_dump(mode="json")
    row = SimpleNamespace(id="abc", name="abc", spec=spec, started_at=clock.now())
    return Search(row, ground, workers or Workers())


@asynccontextmanager
async def running(search: Search) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(search.run())
    try:
        yield task
    finally:
        search.drop()
        await asyncio.wait_for(task, 20)


async def until(ground: Memory, what: Callable[[], bool]) -> None:
    """Wait for something that a trial's beginning brings about."""
    async with asyncio.timeout(20):
        while not what():
            ground.changed.clear()
            await ground.changed.wait()


async def serve(ground: Memory, search: Search, result: Callable[[dict[str, Any]], Outcome]) -> None:
    """End each trial as soon as it is there, until the search is at its end."""
    async with asyncio.timeout(30):
        while ground.end is None:
            for number in ground.open():
                ground.finish_trial(search, number, result(ground.stored[number]))
            await asyncio.sleep(0.001)


def good(trial: dict[str, Any]) -> Outcome:
    return Outcome("COMPLETE", [trial["parameters"]["x"]])


async def test_as_many_as_asked_for_run_at_once() -> None:
    ground = Memory()
    search = made(ground, trials=10, parallel=3)
    async with running(search):
        await until(ground, lambda: len(ground.open()) == 3)
        await asyncio.sleep(0.05)
        assert sorted(ground.open()) == [0, 1, 2]
        ground.finish_trial(search, 1, good(ground.stored[1]))
        await until(ground, lambda: 3 in ground.stored)
        assert sorted(ground.open()) == [0, 2, 3]
        await serve(ground, search, good)
    assert ground.end == End("COMPLETE")
    assert sorted(ground.stored) == list(range(10))


async def test_what_is_tried_is_what_the_study_chooses() -> None:
    ground = Memory()
    search = made(ground, trials=12, parallel=1, sampler={"kind": "tpe", "seed": 4, "startup_trials": 3})
    async with running(search):
        await serve(ground, search, good)
    assert sorted(ground.stored) == list(range(12))
    runs = Runs(search.spec["space"], {"kind": "tpe", "seed": 4, "startup_trials": 3})
    for number, trial in sorted(ground.stored.items()):
        assert runs.ask(number) == trial["parameters"], number
        runs.tell(number, values=trial["values"])


async def test_a_worker_that_is_not_needed_ends_and_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORKER_IDLE_S", 0.2)
    ground = Memory()
    search = made(ground, trials=6, parallel=1, sampler={"kind": "tpe", "seed": 4, "startup_trials": 1})
    async with running(search):
        await until(ground, lambda: len(ground.stored) == 1)
        async with asyncio.timeout(20):
            while search.study is not None:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.02)
        ground.finish_trial(search, 0, good(ground.stored[0]))
        await until(ground, lambda: 1 in ground.stored)
        monkeypatch.setattr(module, "WORKER_IDLE_S", 60.0)
        await serve(ground, search, good)
    assert sorted(ground.stored) == list(range(6))
    runs = Runs(search.spec["space"], {"kind": "tpe", "seed": 4, "startup_trials": 1})
    for number, trial in sorted(ground.stored.items()):
        assert runs.ask(number) == trial["parameters"], number
        runs.tell(number, values=trial["values"])


async def test_a_worker_that_is_killed_comes_again() -> None:
    ground = Memory()
    search = made(ground, trials=8, parallel=2)
    async with running(search):
        await until(ground, lambda: len(ground.stored) == 2)
        assert search.study is not None
        kill(search.study.pid)
        await serve(ground, search, good)
    assert ground.end == End("COMPLETE")
    assert sorted(ground.stored) == list(range(8))


async def test_many_searches_share_a_few_workers() -> None:
    workers = Workers(most=2)
    grounds = [Memory() for _ in range(4)]
    searches = [made(ground, workers, trials=3, parallel=1) for ground in grounds]
    async with AsyncExitStack() as stack:
        for ground, search in zip(grounds, searches, strict=True):
            await stack.enter_async_context(running(search))
            await until(ground, lambda ground=ground: bool(ground.stored))  # type: ignore[misc]
        assert [search.study is not None for search in searches] == [False, False, True, True]
        for ground, search in zip(grounds, searches, strict=True):
            await serve(ground, search, good)
        assert sum(search.study is not None for search in searches) <= 2
    assert [ground.end for ground in grounds] == [End("COMPLETE")] * 4


class Slow(Memory):
    """Its first answer is what was true when it was asked, and comes when `answer` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def trials(self, search: Search, with_steps: bool) -> list[dict[str, Any]]:
        found = await super().trials(search, with_steps)
        if not self.asked.is_set():
            self.asked.set()
            await self.answer.wait()
        return found


async def test_an_end_while_trials_are_loaded_is_not_lost_to_values_of_another() -> None:
    ground = Slow()
    search = made(ground, trials=2, parallel=2, pruner={"kind": "median"})
    for number in range(2):
        await Memory.submit(ground, search, Asked(number, {"x": 0.5}, {}), lambda: None)
    async with running(search):
        await ground.asked.wait()
        ground.finish_trial(search, 0, good(ground.stored[0]))
        search.reported(1, [(0, 0.5)])
        for _ in range(20):  # whatever that sets off has its turn
            await asyncio.sleep(0)
        ground.answer.set()
        await serve(ground, search, good)
    assert ground.end == End("COMPLETE")


async def test_workers_that_are_opened_at_once_are_no_more_than_allowed() -> None:
    workers = Workers(most=1)
    given_up: list[Study] = []
    search = made(Memory(), workers)

    async def open_one() -> None:
        async def give_up() -> None:
            given_up.append(study)
            await workers.close(study)

        study = await workers.open("one", search.spec, [], give_up)

    await asyncio.gather(open_one(), open_one())
    assert len(given_up) == 1
    last = await workers.open("last", search.spec, [], lambda: asyncio.sleep(0))
    await last.close()


async def test_a_full_disk_is_waited_for_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.3)
    ground = Memory()
    ground.refuse, ground.full = [DiskFull("The disk is full.")], True
    search = made(ground, trials=3, parallel=1)
    async with running(search):
        async with asyncio.timeout(20):
            while search.passing is None:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        assert (search.passing, search.study) == ("There is no room.", None)
        ground.full, search.passing = False, None
        async with asyncio.timeout(20):
            while search.passing is None:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        assert search.passing == "The disk is full."
        await serve(ground, search, good)
    assert ground.end == End("COMPLETE")
    assert search.passing is None
    assert sorted(ground.stored) == [0, 1, 2]


async def test_what_cannot_be_submitted_ends_the_search() -> None:
    ground = Memory()
    ground.refuse = [NotFound("The dataset digits is gone.")]
    search = made(ground)
    async with running(search) as task:
        await asyncio.wait_for(task, 20)
    assert ground.end is not None
    assert (ground.end.state, ground.end.reason) == ("FAILED", "cannot_submit")
    assert "The dataset digits is gone." in (ground.end.message or "")


async def test_a_search_that_was_ended_elsewhere_stops_quietly() -> None:
    ground = Memory()
    ground.refuse = [WrongState("The search has been ended.")]
    search = made(ground, parallel=1)
    async with running(search) as task:
        await asyncio.wait_for(task, 20)
    assert ground.end is None
    assert ground.stored == {}


async def test_failures_count_in_a_row_and_over_a_restart() -> None:
    ground = Memory()
    search = made(ground, parallel=1, max_failures=4)
    ends = iter(["FAILED", "FAILED", "COMPLETE", "FAILED", "STOPPED", "FAILED", "FAILED"])

    def result(trial: dict[str, Any]) -> Outcome:
        state = next(ends)
        return Outcome(state, [1.0] if state == "COMPLETE" else None, f"trial {trial['number']}")

    async with running(search):
        await until(ground, lambda: 0 in ground.stored)
        while len(ground.stored) < 8:
            for number in ground.open():
                if number < 7:
                    ground.finish_trial(search, number, result(ground.stored[number]))
            await asyncio.sleep(0.001)
    assert ground.end is None
    again = made(ground, parallel=1, max_failures=4)
    again.started_at = search.started_at
    async with running(again) as task:
        ground.finish_trial(again, 7, Outcome("FAILED", message="the last of all"))
        await asyncio.wait_for(task, 20)
    assert ground.end == End(
        "FAILED", "too_many_failures", "4 trials failed in a row. The last one: the last of all"
    )


async def test_failures_before_a_search_was_resumed_do_not_count() -> None:
    ground = Memory()
    search = made(ground, parallel=1, max_failures=2)
    async with running(search) as task:
        for number in (0, 1):
            await until(ground, lambda number=number: number in ground.stored)
            ground.finish_trial(search, number, Outcome("FAILED", message="bad data"))
        await asyncio.wait_for(task, 20)
    assert ground.end is not None
    assert ground.end.reason == "too_many_failures"
    ground.end = None
    resumed = made(ground, parallel=1, max_failures=2, trials=3)
    async with running(resumed) as task:
        await until(ground, lambda: 2 in ground.stored)
        ground.finish_trial(resumed, 2, Outcome("COMPLETE", [1.0]))
        await asyncio.wait_for(task, 20)
    assert ground.end == End("COMPLETE")


async def test_the_time_of_a_search_is_over() -> None:
    ground = Memory()
    search = made(ground, parallel=2, timeout_s=1000)
    async with running(search) as task:
        await until(ground, lambda: len(ground.open()) == 2)
        search.started_at -= timedelta(seconds=2000)
        for number in ground.open():
            ground.finish_trial(search, number, good(ground.stored[number]))
        await asyncio.wait_for(task, 20)
    assert ground.end == End("COMPLETE", "time_limit", "The time of 1000 s was over after 2 trials.")


async def test_bad_values_are_judged_and_the_trial_is_told_once() -> None:
    ground = Memory()
    search = made(
        ground, parallel=2, pruner={"kind": "median", "startup_trials": 1, "warmup_steps": 0}, trials=3
    )
    async with running(search):
        await until(ground, lambda: len(ground.open()) == 2)
        # Its values may come together with its end, or after it.
        ground.finish_trial(search, 0, Outcome("COMPLETE", [0.1], steps=[[0, 1.0], [1, 0.5], [2, 0.1]]))
        search.reported(0, [(2, 0.1)])
        search.reported(1, [(0, 9.0)])
        search.reported(1, [(1, 9.0)])
        await until(ground, lambda: bool(ground.advised))
    assert ground.advised == [(1, 1)]


# Spaces


def test_a_grid_leaves_out_what_conditions_exclude() -> None:
    points = list(grid_points(CONDITIONAL))
    assert len(points) == grid_size(CONDITIONAL) == 9
    assert {"kind": "line"} in points
    assert {"kind": "tree", "depth": 2} in points
    assert {"kind": "tree", "depth": 4, "leaves": 3} in points


def test_steps_are_not_lost_to_rounding() -> None:
    space = {"x": parameter("float", low=0.0, high=0.3, step=0.1)}
    assert [point["x"] for point in grid_points(space)] == [0.0, 0.1, 0.2, 0.3]


def test_a_grid_that_is_too_large_is_refused() -> None:
    space = {name: parameter("int", low=1, high=100) for name in "abc"}
    with pytest.raises(ValueError, match="at most 100000 points"):
        grid_size(space)


def test_conditions_in_a_circle_are_refused() -> None:
    space = {
        "a": parameter("int", low=1, high=2, when={"b": 1}),
        "b": parameter("int", low=1, high=2, when={"a": 1}),
    }
    with pytest.raises(ValueError, match="in a circle"):
        check_space(space)
    assert ordered(
        {"b": CONDITIONAL["leaves"] | {"when": {"c": 1}}, "c": parameter("int", low=1, high=2)}
    ) == [
        "c",
        "b",
    ]


def test_true_is_not_one() -> None:
    one = parameter("int", low=1, high=2, when={"flag": True})
    assert is_active(one, {"flag": True})
    assert not is_active(one, {"flag": 1})
    assert not is_active(one, {})


# Ends


@pytest.mark.parametrize(
    ("state", "reported", "pruned", "found"),
    [
        (State.SUCCEEDED, {"loss": 1.5, "more": 2.0}, False, Outcome("COMPLETE", [1.5])),
        (State.SUCCEEDED, {"loss": 1.5}, True, Outcome("PRUNED", [1.5])),
        (State.FAILED, {"loss": 1.5}, True, Outcome("FAILED", None, "why")),
        (State.STOPPED, {"loss": 1.5}, False, Outcome("STOPPED", None, "why")),
    ],
)
def test_how_a_trial_ends(state: State, reported: dict[str, float], pruned: bool, found: Outcome) -> None:
    assert outcome(state, "why", ["loss"], reported, pruned) == found


def test_a_result_that_is_none_says_what_there_is() -> None:
    assert outcome(State.SUCCEEDED, None, ["loss"], {}, False).message == (
        "It never reported loss. It reported no metric: log one with himalia.run.log(name, value)."
    )
    many = {f"m{number:02}": 1.0 for number in range(30)}
    message = outcome(State.SUCCEEDED, None, ["loss", "f1"], many, False).message or ""
    assert message.startswith("It never reported loss, f1. It reported m00, m01,")
    assert message.endswith("m19 and 10 more.")
    endless = outcome(State.SUCCEEDED, None, ["loss"], {"loss": float("inf")}, False)
    assert (endless.state, endless.values) == ("FAILED", None)


def test_the_front_holds_what_nothing_beats() -> None:
    values = [[1.0, 5.0], [2.0, 4.0], [2.0, 5.0], [3.0, 3.0], [1.0, 5.0], [9.0, 9.0]]
    assert front(values, ["minimize", "minimize"]) == [0, 4, 1, 3]
    assert front(values, ["minimize", "maximize"]) == [0, 4, 5]
    assert front([[3.0], [1.0], [1.0]], ["minimize"]) == [1]
    assert front([], ["maximize"]) == []
    assert beats([1.0, 1.0], [1.0, 2.0], ["minimize", "minimize"])
    assert not beats([1.0, 1.0], [1.0, 1.0], ["minimize", "minimize"])


def test_the_code_of_a_search_is_held_before_its_first_trial(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'searches.sqlite'}", json_serializer=json.dumps)
    metadata.create_all(engine, tables=[experiments])
    common = {"project_id": "p", "labels": {}, "version": 1, "state": "RUNNING", "run_by": "ada"}
    common |= {"created_by": "ada", **dict.fromkeys(("started_at", "created_at", "updated_at"), clock.now())}
    with engine.begin() as connection:
        for name, snapshot in (("with", "d" * 64), ("without", None)):
            row = {"id": name, "name": name, "spec": {"job": {"snapshot": snapshot}}, **common}
            connection.execute(experiments.insert(), row)
        assert read.held(connection).trees == {"d" * 64}
    engine.dispose()
