"""Samplers and pruners by the names that the API gives them.

Only study workers import this: Optuna takes a second.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from optuna import pruners, samplers
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from himalia.experiments.space import Parameter, Space, grid_points, is_conditional

STOPPED = "himalia:stopped"
"""Attribute of a trial that somebody stopped: Optuna takes it for failed, and its point is still to be tried."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a sampler is made of. `study_seed` is the same for all trials, `seed` this trial's own."""

    space: Space
    study_seed: int
    seed: int
    startup_trials: int | None = None
    population: int | None = None


def _given(**options: int | None) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _tpe(options: Options) -> BaseSampler:
    return samplers.TPESampler(
        seed=options.seed,
        multivariate=True,
        group=is_conditional(options.space),
        constant_liar=True,
        **_given(n_startup_trials=options.startup_trials),
    )


def _cmaes(options: Options) -> BaseSampler:
    more = _given(n_startup_trials=options.startup_trials, popsize=options.population)
    return samplers.CmaEsSampler(seed=options.seed, warn_independent_sampling=False, **more)


def _qmc(options: Options) -> BaseSampler:
    return samplers.QMCSampler(
        seed=options.study_seed,
        scramble=True,
        independent_sampler=samplers.RandomSampler(options.seed),
        warn_independent_sampling=False,
    )


def _nsga2(options: Options) -> BaseSampler:
    return samplers.NSGAIISampler(seed=options.seed, **_given(population_size=options.population))


def _gp(options: Options) -> BaseSampler:
    return samplers.GPSampler(seed=options.seed, **_given(n_startup_trials=options.startup_trials))


class GridSampler(BaseSampler):
    """Every point of a grid once, in an order that the seed decides; points of stopped trials again.

    Unlike Optuna's own it knows conditions, and does not try a point twice while it is being tried.
    """

    def __init__(self, space: Space, study_seed: int) -> None:
        self._points = _order(json.dumps(space), study_seed)
        self._point: Mapping[str, Any] = {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Take the first point that is not tried yet; when all are, the first."""
        tried = {
            _key(other.params)
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and STOPPED not in other.system_attrs
        }
        self._point = next((one for one in self._points if _key(one) not in tried), self._points[0])

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._point[param_name]


@lru_cache(maxsize=1)
def _order(space: str, seed: int) -> list[dict[str, Any]]:
    """The points of a grid: of the one study that a worker has, for every trial again."""
    points = list(grid_points(json.loads(space)))
    random.Random(seed).shuffle(points)  # noqa: S311 - an order, no secret
    return points


def _key(values: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset(
        (name, round(value, 10) if isinstance(value, float) else value) for name, value in values.items()
    )


SAMPLERS: dict[str, Callable[[Options], BaseSampler]] = {
    "tpe": _tpe,
    "cmaes": _cmaes,
    "random": lambda options: samplers.RandomSampler(options.seed),
    "grid": lambda options: GridSampler(options.space, options.study_seed),
    "qmc": _qmc,
    "nsga2": _nsga2,
    "gp": _gp,
}
"""By kind; `schema.SamplerSpec` names the same. One is made for every trial, from that trial's own seed, so that a
study which is built again from what is stored goes on as it would have."""

PRUNERS: dict[str, Callable[[Mapping[str, Any]], pruners.BasePruner]] = {
    "none": lambda spec: pruners.NopPruner(),
    # Compared with one or two that came as far, all later trials would end as soon as they are a little behind.
    "median": lambda spec: pruners.MedianPruner(
        spec["startup_trials"], spec["warmup_steps"], n_min_trials=max(1, spec["startup_trials"])
    ),
    "hyperband": lambda spec: pruners.HyperbandPruner(
        spec["min_resource"], spec["max_resource"] or "auto", spec["reduction_factor"]
    ),
    "halving": lambda spec: pruners.SuccessiveHalvingPruner(spec["min_resource"], spec["reduction_factor"]),
}
"""By kind; `schema.PrunerSpec` names the same."""


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space in Optuna's terms, less its conditions."""
    return {name: _distribution(parameter) for name, parameter in space.items()}


def _distribution(parameter: Parameter) -> BaseDistribution:
    if parameter["kind"] == "categorical":
        choices: Sequence[Any] = parameter["choices"]
        return CategoricalDistribution(choices)
    low, high, log, step = (parameter[name] for name in ("low", "high", "log", "step"))
    if parameter["kind"] == "int":
        return IntDistribution(int(low), int(high), log=log, step=int(step or 1))
    return FloatDistribution(low, high, log=log, step=step)
