"""Every sampler and pruner, with the common suites; and the worker that keeps a study."""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest

from himalia.core.processes import Process
from himalia.experiments.outcome import Outcome
from himalia.experiments.schema import PrunerSpec, SamplerSpec
from himalia.experiments.space import grid_points, grid_size
from himalia.experiments.study import Study, StudyError, StudyLost, samplers
from himalia.testing.samplers import CONDITIONAL, PLAIN, STEPS, PrunerSuite, Runs, SamplerSuite, parameter


class TestTpe(SamplerSuite):
    sampler: ClassVar = {"kind": "tpe", "startup_trials": 8}


class TestRandom(SamplerSuite):
    sampler: ClassVar = {"kind": "random"}


class TestCmaes(SamplerSuite):
    sampler: ClassVar = {"kind": "cmaes", "population": 5}
    objectives: ClassVar = 1


class TestQmc(SamplerSuite):
    sampler: ClassVar = {"kind": "qmc"}


class TestNsga2(SamplerSuite):
    sampler: ClassVar = {"kind": "nsga2", "population": 6}


class TestGrid(SamplerSuite):
    sampler: ClassVar = {"kind": "grid"}
    space: ClassVar = STEPS

    def test_every_point_comes_once_and_a_stopped_one_again(self) -> None:
        runs = Runs(CONDITIONAL, self.sampler)
        points = [str(sorted(one.items())) for one in grid_points(CONDITIONAL)]
        assert len(points) == grid_size(CONDITIONAL) == 9
        stopped = runs.ask(0)
        runs.tell(0, "STOPPED")
        runs.again()
        tried = runs.run(1, 10)
        assert sorted(str(sorted(one.items())) for one in tried) == sorted(points)
        assert stopped in tried


@pytest.mark.skipif("gp" not in samplers(), reason="PyTorch is not installed here")
class TestGp(SamplerSuite):
    sampler: ClassVar = {"kind": "gp"}


class TestMedian(PrunerSuite):
    pruner: ClassVar = {"kind": "median"}


class TestHyperband(PrunerSuite):
    pruner: ClassVar = {"kind": "hyperband", "max_resource": 9}


class TestHalving(PrunerSuite):
    pruner: ClassVar = {"kind": "halving"}


def test_the_median_pruner_by_itself_leaves_most_trials_alone_and_the_best_gets_better() -> None:
    """Noisy curves that cross, as the example's: what fits more freely begins worse and ends better."""
    space = {"free": parameter("float", low=-3.0, high=2.0)}
    pruner = PrunerSpec(kind="median").model_dump()
    for seed in range(3):
        noise = random.Random(seed)
        runs = Runs(space, {"kind": "tpe", "seed": seed}, ("maximize",), pruner)
        ends: list[tuple[float, float | None]] = []
        for number in range(30):
            free = runs.ask(number)["free"]
            for step in range(25):
                begins = 0.12 * math.exp(-step / (2.7 + free / 2.5))
                value = 0.97 - 0.014 * abs(free - 1.2) - begins + noise.gauss(0, 0.004)
                if runs.report(number, value) is not None:
                    runs.tell(number, "PRUNED", [value])
                    break
            else:
                runs.tell(number, "COMPLETE", [value])
            ends.append((free, value if runs.stored[number]["state"] == "COMPLETE" else None))
        complete = [value for _, value in ends if value is not None]
        assert 14 <= len(complete) <= 27, ends
        assert max(complete) > max(value for _, value in ends[:5] if value is not None)
        bad = [value for free, value in ends[5:] if free < -1.5]
        assert bad.count(None) >= len(bad) - 1, ends


def test_every_kind_has_an_implementation_and_a_suite() -> None:
    from himalia.experiments.samplers import PRUNERS, SAMPLERS

    assert set(get_args(SamplerSpec.model_fields["kind"].annotation)) == set(SAMPLERS)
    assert set(get_args(PrunerSpec.model_fields["kind"].annotation)) == set(PRUNERS)
    suites = (SamplerSuite, PrunerSuite)
    checked = [one for one in globals().values() if isinstance(one, type) and issubclass(one, suites)]
    kinds = {
        getattr(one, "sampler", getattr(one, "pruner", {})).get("kind")
        for one in checked
        if one not in suites
    }
    assert kinds == {*SAMPLERS, *PRUNERS} - {"none"}


def spec(kind: str = "random") -> dict[str, Any]:
    return Runs(PLAIN, {"kind": kind}).spec


async def test_a_worker_answers_in_order() -> None:
    study = await Study.open("s", spec(kind="random"), [])
    try:
        first, notes = await study.ask(0)
        study.tell(0, Outcome("COMPLETE", [1.0]))
        more = await asyncio.gather(*(study.ask(number) for number in range(1, 5)))
        expected = Runs(PLAIN, {"kind": "random"})
        assert [first, *(values for values, _ in more)] == [expected.ask(number) for number in range(5)]
        assert notes == {}
    finally:
        await study.close()
    with pytest.raises(StudyLost):
        await study.ask(9)


async def test_what_goes_wrong_in_a_worker_is_told() -> None:
    with pytest.raises(StudyError, match="KeyError"):
        await Study.open("s", {**spec(), "sampler": {"kind": "none such", "seed": 1}}, [])
    study = await Study.open("s", spec(kind="random"), [])
    try:
        with pytest.raises(StudyError, match="TypeError"):
            await study.report(0, 5)  # type: ignore[arg-type]
        assert await study.report(0, []) is None
    finally:
        await study.close()


async def test_a_killed_worker_is_noticed() -> None:
    study = await Study.open("s", spec(kind="tpe"), [])
    os.kill(study.pid, signal.SIGSTOP)
    asked = asyncio.gather(study.ask(0), study.ask(1), return_exceptions=True)
    await asyncio.sleep(0)
    os.kill(study.pid, signal.SIGKILL)
    answers = await asyncio.wait_for(asked, 10)
    assert [type(answer) for answer in answers] == [StudyLost, StudyLost]
    with pytest.raises(StudyLost):
        await study.ask(2)
    await study.close()


def test_a_worker_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Also when that is killed in the middle of something, and cannot tell."""
    code = f"""
import asyncio, json, sys
from himalia.experiments.study import Study
async def main():
    study = await Study.open("s", json.loads({json.dumps(json.dumps(spec(kind="random")))}), [])
    print(study.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        worker = Process.of(int(starter.stdout.readline()))
        assert worker is not None
        starter.kill()
    deadline = time.monotonic() + 10
    while worker.alive():
        assert time.monotonic() < deadline
        time.sleep(0.02)
