"""What every sampler and pruner of a search must do, in a study that may be built again at any trial.

A sampler's tests make a subclass that says what it is, and override what it cannot do:

    class TestMine(SamplerSuite):
        sampler = {"kind": "mine"}

It has its place in `himalia.experiments.samplers.SAMPLERS` by then. A pruner's do the same with `PrunerSuite`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from himalia.experiments.optimizer import Optimizer
from himalia.experiments.space import grid_values, is_active

Stored = dict[str, Any]
_PARAMETER: dict[str, Any] = {
    "low": None,
    "high": None,
    "log": False,
    "step": None,
    "choices": None,
    "when": {},
}
_SAMPLER: dict[str, Any] = {"seed": 11, "startup_trials": None, "population": None}
_PRUNER: dict[str, Any] = {
    "kind": "none",
    "startup_trials": 2,
    "warmup_steps": 0,
    "min_resource": 1,
    "max_resource": None,
    "reduction_factor": 3,
}
MINIMIZE = ("minimize",)


def parameter(kind: str, **fields: Any) -> dict[str, Any]:
    """A parameter as the API stores it."""
    return {**_PARAMETER, "kind": kind, **fields}


PLAIN = {
    "rate": parameter("float", low=0.001, high=1.0, log=True),
    "depth": parameter("int", low=1, high=9, step=2),
    "share": parameter("float", low=0.0, high=1.0, step=0.25),
    "kind": parameter("categorical", choices=["a", "b", None, 3]),
}
STEPS = {name: PLAIN[name] for name in ("depth", "share", "kind")}
CONDITIONAL = {
    "kind": parameter("categorical", choices=["tree", "line"]),
    "depth": parameter("int", low=1, high=4, when={"kind": "tree"}),
    "leaves": parameter("int", low=1, high=3, when={"depth": [3, 4]}),
}


def result(values: Mapping[str, Any]) -> float:
    """What is minimised here; it has one least point in each space of this module."""
    loss = (values.get("depth", 5) - 3) ** 2 / 10 + (values.get("share", 0.5) - 0.25) ** 2
    loss += abs(math.log10(values.get("rate", 0.1)) + 2) / 2
    return float(loss + (values.get("kind") not in ("b", "tree")) + values.get("leaves", 0) / 10)


class Runs:
    """A study that is asked and told, and what would be stored of it meanwhile."""

    def __init__(
        self,
        space: Mapping[str, Any],
        sampler: Mapping[str, Any],
        directions: tuple[str, ...] = MINIMIZE,
        pruner: Mapping[str, Any] | None = None,
    ) -> None:
        self.spec: dict[str, Any] = {
            "space": space,
            "objectives": [{"metric": f"m{index}", "direction": way} for index, way in enumerate(directions)],
            "sampler": {**_SAMPLER, **sampler},
            "pruner": {**_PRUNER, **(pruner or {})},
        }
        self.stored: dict[int, Stored] = {}
        self.study = Optimizer("study", self.spec)

    def again(self) -> None:
        """The worker was killed: a new study from what is stored."""
        self.study = Optimizer("study", self.spec)
        for number in sorted(self.stored):
            self.study.add(self.stored[number])

    def ask(self, number: int) -> dict[str, Any]:
        """Values for a trial, which is stored as running."""
        values, notes = self.study.ask(number)
        self.stored[number] = {
            "number": number,
            "parameters": values,
            "notes": notes,
            "steps": [],
            "state": "RUNNING",
            "values": None,
        }
        return values

    def report(self, number: int, value: float) -> int | None:
        """One more value of a running trial."""
        steps = self.stored[number]["steps"]
        steps.append([len(steps), value])
        return self.study.report(number, steps[-1:])

    def tell(self, number: int, state: str = "COMPLETE", values: list[float] | None = None) -> None:
        """A trial's end; complete, it has what `result` says."""
        if values is None and state == "COMPLETE":
            values = [result(self.stored[number]["parameters"])] * len(self.spec["objectives"])
        self.stored[number] |= {"state": state, "values": values}
        self.study.tell(number, state, values)

    def run(self, first: int, last: int) -> list[dict[str, Any]]:
        """Trials one after the other, of which one in seven fails; their values."""
        found = []
        for number in range(first, last):
            found.append(self.ask(number))
            self.tell(number, "FAILED" if number % 7 == 3 else "COMPLETE")
        return found


class SamplerSuite:
    """Tests of a sampler. `trials` should be enough for it to have left its first random ones."""

    sampler: ClassVar[dict[str, Any]]
    space: ClassVar[dict[str, Any]] = PLAIN
    conditional: ClassVar[dict[str, Any]] = CONDITIONAL
    trials: ClassVar[int] = 30
    objectives: ClassVar[int] = 2
    """How many it can do at once; with more than one, two are tried."""

    def runs(self, **options: Any) -> Runs:
        return Runs(options.pop("space", self.space), self.sampler, **options)

    def test_values_are_in_the_space(self) -> None:
        for values in self.runs().run(0, self.trials):
            assert set(values) == set(self.space)
            for name, value in values.items():
                assert fits(self.space[name], value), (name, value)

    def test_the_same_seed_chooses_the_same(self) -> None:
        assert self.runs().run(0, self.trials) == self.runs().run(0, self.trials)

    def test_another_seed_chooses_otherwise(self) -> None:
        others = Runs(self.space, {**self.sampler, "seed": 12}).run(0, self.trials)
        assert self.runs().run(0, self.trials) != others

    @pytest.mark.parametrize("at", [1, 13, 22])
    def test_built_again_it_goes_on_as_it_would_have(self, at: int) -> None:
        """Whatever a sampler learns must be in the trials, or in the notes that are stored with them."""
        runs = self.runs()
        before = runs.run(0, at)
        runs.again()
        assert before + runs.run(at, self.trials) == self.runs().run(0, self.trials)

    def test_trials_at_once_differ(self) -> None:
        runs = self.runs()
        runs.run(0, 12)
        values = [runs.ask(number) for number in range(12, 16)]
        assert len({str(sorted(one.items())) for one in values}) > 1

    def test_built_again_while_trials_run(self) -> None:
        runs = self.runs()
        runs.run(0, 12)
        for number in range(12, 16):
            runs.ask(number)
        runs.again()
        for number in (15, 12, 14, 13):
            runs.tell(number)
        runs.run(16, self.trials)
        assert len(runs.stored) == self.trials

    def test_numbers_may_have_gaps(self) -> None:
        runs = self.runs()
        runs.run(0, 5)
        runs.run(8, 12)
        del runs.stored[9]
        runs.again()
        assert runs.run(20, 25)

    def test_told_twice_counts_once(self) -> None:
        runs = self.runs()
        runs.run(0, 3)
        runs.study.tell(1, "COMPLETE", [99.0])
        runs.study.tell(77, "COMPLETE", [99.0])
        again = self.runs()
        again.run(0, 3)
        assert runs.ask(3) == again.ask(3)

    def test_stopped_trials_teach_nothing_wrong(self) -> None:
        runs = self.runs()
        runs.run(0, 10)
        runs.ask(10)
        runs.tell(10, "STOPPED")
        runs.again()
        for values in runs.run(11, 20):
            assert all(fits(self.space[name], value) for name, value in values.items())

    def test_conditions_hold(self) -> None:
        for values in self.runs(space=self.conditional).run(0, self.trials):
            for name, one in self.conditional.items():
                assert (name in values) == is_active(one, values), values

    def test_it_does_several_objectives(self) -> None:
        if self.objectives < 2:
            pytest.skip("it has one objective")
        runs = self.runs(directions=("minimize", "maximize"))
        for number in range(self.trials):
            values = runs.ask(number)
            runs.tell(number, values=[result(values), float(len(str(values)))])
        assert len(runs.stored) == self.trials

    def test_greater_is_better_where_it_is_asked_for(self) -> None:
        """A study that maximises the negative of a result tries what one that minimises it does."""
        runs = self.runs(directions=("maximize",))
        found = []
        for number in range(self.trials):
            found.append(runs.ask(number))
            runs.tell(number, values=[-result(found[-1])])
        straight = self.runs()
        for number, values in enumerate(found):
            assert straight.ask(number) == values, number
            straight.tell(number)

    def test_shares_of_importance(self) -> None:
        runs = self.runs()
        assert runs.study.importances() == [{}]
        runs.run(0, self.trials)
        shares = runs.study.importances()[0]
        assert set(shares) <= set(self.space)
        assert sum(shares.values()) == pytest.approx(1)


class PrunerSuite:
    """Tests of a pruner: trials of four steps, of which one in five is good from the beginning."""

    pruner: ClassVar[dict[str, Any]]

    def runs(self) -> Runs:
        return Runs(PLAIN, {"kind": "random"}, pruner=self.pruner)

    def one(self, runs: Runs, number: int, level: float, steps: int = 9) -> str:
        runs.ask(number)
        for step in range(steps):
            if runs.report(number, level + 1 / (step + 1)) is not None:
                runs.tell(number, "PRUNED", [level])
                return "PRUNED"
        runs.tell(number, "COMPLETE", [level])
        return "COMPLETE"

    def test_bad_trials_end_early_and_the_best_does_not(self) -> None:
        runs = self.runs()
        levels = [5.0, 4.0, 0.0, 7.0, 6.0, 9.0, 8.0, 7.5, 6.5, 9.5]
        ends = {level: self.one(runs, number, level) for number, level in enumerate(levels)}
        assert ends[0.0] == "COMPLETE"
        assert list(ends.values()).count("PRUNED") >= 3, ends

    def test_the_first_value_is_no_reason(self) -> None:
        runs = self.runs()
        for number in range(6):
            self.one(runs, number, float(number))
        assert self.one(runs, 6, 99.0, steps=1) == "COMPLETE"

    def test_built_again_it_judges_as_it_would_have(self) -> None:
        runs, again = self.runs(), self.runs()
        for number in range(8):
            self.one(runs, number, float(-number % 5))
            self.one(again, number, float(-number % 5))
        again.again()
        for number in range(8, 14):
            assert self.one(runs, number, float(number % 4)) == self.one(again, number, float(number % 4))

    def test_a_value_that_is_none_is_passed_over(self) -> None:
        runs = self.runs()
        self.one(runs, 0, 1.0)
        runs.ask(1)
        assert runs.study.report(1, [(0, math.nan), (-3, 1.0), (0, 0.5)]) is None
        assert runs.study.report(77, [(0, 1.0)]) is None


def fits(one: Mapping[str, Any], value: Any) -> bool:
    """Whether a parameter may have this value."""
    if one["kind"] == "categorical":
        return value in one["choices"]
    if one["kind"] == "int" and not isinstance(value, int):
        return False
    if one["step"] is not None:
        return any(value == pytest.approx(allowed) for allowed in grid_values(one) or [])
    return bool(one["low"] <= value <= one["high"])
