"""A study: Optuna's, in memory, filled with what is stored and asked and told from there on."""

from __future__ import annotations

import hashlib
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from himalia.experiments.samplers import PRUNERS, SAMPLERS, STOPPED, Options, distributions
from himalia.experiments.space import is_active, ordered

_STATES = {"COMPLETE": TrialState.COMPLETE, "PRUNED": TrialState.PRUNED}
_BETTER = 5
_PARENTS = "parent"
"""In the name of a study's attribute that holds Optuna's ids of trials (NSGA-II's parents of a generation)."""

Spec = Mapping[str, Any]
"""`space`, `objectives`, `sampler` and `pruner` of `schema.ExperimentSpec`, as JSON."""


class Optimizer:
    """Chooses values and judges trials. Its numbers are the caller's, which may have gaps."""

    def __init__(self, name: str, spec: Spec) -> None:
        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(logging.ERROR)
        self.space = spec["space"]
        self.sampler = spec["sampler"]
        self._order = ordered(self.space)
        self._distributions = distributions(self.space)
        self._ids: dict[int, int] = {}
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(
            study_name=name,  # Hyperband divides trials by it
            storage=self._storage,
            sampler=self._sampler(0),
            pruner=PRUNERS[spec["pruner"]["kind"]](spec["pruner"]),
            directions=[objective["direction"] for objective in spec["objectives"]],
        )
        self._study_id = self._storage.get_study_id_from_name(name)

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        seed = self.sampler["seed"]
        own = int.from_bytes(hashlib.sha256(f"{seed}/{number}".encode()).digest()[:4])
        options = Options(self.space, seed, own, self.sampler["startup_trials"], self.sampler["population"])
        return SAMPLERS[self.sampler["kind"]](options)

    def add(self, stored: Mapping[str, Any]) -> None:
        """Take over a stored trial: `number`, `parameters`, `notes`, `steps` as for `report`, `state`, `values`."""
        notes = stored["notes"]
        for key, value in notes.get("study", {}).items():
            if _PARENTS not in key:
                self._storage.set_study_system_attr(self._study_id, key, value)
            elif set(value) <= self._ids.keys():
                self._storage.set_study_system_attr(
                    self._study_id, key, [self._ids[number] for number in value]
                )
        parameters = stored["parameters"]
        trial = create_trial(
            state=TrialState.RUNNING,
            params=parameters,
            distributions={name: self._distributions[name] for name in parameters},
            system_attrs=notes.get("trial", {}),
        )
        self._ids[stored["number"]] = len(self._study.get_trials(deepcopy=False))
        self._study.add_trial(trial)
        self.report(stored["number"], stored["steps"])
        if stored["state"] not in ("WAITING", "RUNNING"):
            self.tell(stored["number"], stored["state"], stored["values"])

    def ask(self, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values for a new trial, and notes to be stored beside them."""
        self._study.sampler = self._sampler(number)
        before = self._storage.get_study_system_attrs(self._study_id)
        trial = self._study.ask()
        self._ids[number] = trial.number
        values: dict[str, Any] = {}
        for name in self._order:
            if is_active(self.space[name], values):
                values[name] = self._suggest(trial, name)
        return values, self._notes(trial, before)

    def _suggest(self, trial: Trial, name: str) -> Any:
        found = self._distributions[name]
        if isinstance(found, optuna.distributions.CategoricalDistribution):
            return trial.suggest_categorical(name, found.choices)
        if isinstance(found, optuna.distributions.IntDistribution):
            return trial.suggest_int(name, found.low, found.high, step=found.step, log=found.log)
        assert isinstance(found, optuna.distributions.FloatDistribution)
        return trial.suggest_float(name, found.low, found.high, step=found.step, log=found.log)

    def _notes(self, trial: Trial, before: Mapping[str, Any]) -> dict[str, Any]:
        """What the sampler wrote down while it was asked, and would miss in a study that is built again."""
        of_study = {}
        for key, value in self._storage.get_study_system_attrs(self._study_id).items():
            if before.get(key) != value:
                of_study[key] = self._numbers(value) if _PARENTS in key else value
        notes = {"trial": self._frozen(trial.number).system_attrs, "study": of_study}
        return {name: found for name, found in notes.items() if found}

    def _numbers(self, ids: Sequence[int]) -> list[int]:
        numbers = {known: number for number, known in self._ids.items()}
        return [numbers[one] for one in ids]

    def report(self, number: int, steps: Sequence[tuple[int, float]]) -> int | None:
        """Take a running trial's values; the step at which it should end early, else None.

        The first value is never a reason: a trial that reports its result alone has come to its end with it.
        """
        pruned = None
        for step, value in steps:
            trial = self._running(number)
            if trial is None:
                return None
            if step < 0 or step in trial.intermediate_values or not math.isfinite(value):
                continue
            self._storage.set_trial_intermediate_value(trial._trial_id, step, value)
            trial = self._frozen(trial.number)
            if len(trial.intermediate_values) > 1 and self._study.pruner.prune(self._study, trial):
                pruned = step if pruned is None else pruned
        return pruned

    def tell(self, number: int, state: str, values: Sequence[float] | None) -> None:
        """Take a trial's end; one that is known already is left as it is."""
        trial = self._running(number)
        if trial is None:
            return
        if state == "STOPPED":
            self._storage.set_trial_system_attr(trial._trial_id, STOPPED, True)
        if state == "PRUNED" and not trial.intermediate_values and values:
            self._storage.set_trial_intermediate_value(trial._trial_id, 0, values[0])
        given = values if state == "COMPLETE" else None
        self._study.tell(trial.number, given, _STATES.get(state, TrialState.FAIL))

    def _running(self, number: int) -> FrozenTrial | None:
        known = self._ids.get(number)
        trial = None if known is None else self._frozen(known)
        return trial if trial is not None and trial.state == TrialState.RUNNING else None

    def _frozen(self, number: int) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[number]

    def importances(self) -> list[dict[str, float]]:
        """By objective, how much each parameter matters among the better trials (PED-ANOVA, Watanabe et al. 2023).

        Parameters that some trials lack are left out; all are, while there is too little to tell.
        """
        complete = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        # The best tenth is looked at, or five trials where there are fewer; half of them at most.
        share = min(0.5, max(0.1, _BETTER / max(len(complete), 1)))
        found = []
        for index in range(len(self._study.directions)):
            try:
                shares = optuna.importance.get_param_importances(
                    self._study,
                    evaluator=optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share),
                    target=partial(_value, index),
                )
            except (ValueError, RuntimeError):
                shares = {}
            found.append({name: share for name, share in shares.items() if math.isfinite(share)})
        return found


def _value(index: int, trial: FrozenTrial) -> float:
    return float(trial.values[index])
