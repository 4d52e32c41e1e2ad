"""Experiments and trials as people read them on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from himalia.cli.output import complain, print_table, printable, say
from himalia.cli.session import ago

if TYPE_CHECKING:
    from himalia.client.experiments import ExperimentRecord, Trial


def metrics(experiment: ExperimentRecord) -> list[str]:
    """Names of the objectives."""
    return [objective["metric"] for objective in experiment.spec.objectives]


def assignments(names: Iterable[str], values: Iterable[Any]) -> str:
    """`loss = 0.25, size = 3`."""
    return ", ".join(f"{name} = {plain(value)}" for name, value in zip(names, values, strict=False))


def plain(value: Any) -> str:
    """A value in few characters."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def best(experiment: ExperimentRecord) -> str:
    """The best values, and whose they are."""
    found = experiment.status.best
    if not found:
        return ""
    more = f", and {len(found) - 1} more that no other beats" if len(found) > 1 else ""
    return f"{assignments(metrics(experiment), found[0].values)} (trial {found[0].number}{more})"


def progress(experiment: ExperimentRecord) -> str:
    """`7 of 30, 2 running, 1 pruned`."""
    status = experiment.status
    others = [
        f"{status.counts[state]} {state}"
        for state in ("running", "waiting", "pruned", "failed", "stopped")
        if status.counts[state]
    ]
    return ", ".join([f"{status.done} of {status.total}", *others])


def experiment_list(experiments: Sequence[ExperimentRecord]) -> None:
    """A table of experiments."""
    rows = [
        (one.name, one.state, ago(one.created_at), progress(one), best(one), one.created_by.name)
        for one in experiments
    ]
    if rows:
        print_table(("NAME", "STATE", "BEGUN", "TRIALS", "BEST", "BY"), rows)
    else:
        say("There are no such experiments. Begin one with: himalia experiments create NOTEBOOK --search …")


def in_full(experiment: ExperimentRecord) -> None:
    """Everything worth knowing of one experiment."""
    spec, status = experiment.spec, experiment.status
    job = spec.job
    runs = job.get("notebook") or " ".join([job.get("script") or "", *job.get("arguments", [])]).strip()
    goals = [f"{one['direction']} {one['metric']}" for one in spec.objectives]
    lines = [
        ("Name", f"{experiment.project}/{experiment.name}"),
        ("State", experiment.state + (f" ({status.reason})" if status.reason else "")),
        ("", status.message or ""),
        ("Runs", runs or " ".join(job.get("command", []))),
        *_space(spec.space),
        ("To", ", ".join(goals)),
        ("Sampler", f"{spec.sampler['kind']}, seed {spec.sampler['seed']}"),
        ("Pruner", spec.pruner["kind"]),
        ("Trials", f"{progress(experiment)}; {spec.parallel} at once"),
        ("Best", best(experiment)),
        (
            "",
            assignments(status.best[0].parameters, status.best[0].parameters.values()) if status.best else "",
        ),
        ("Labels", ", ".join(f"{key}={value}" for key, value in experiment.labels.items())),
        ("Begun", f"{ago(experiment.created_at)} by {experiment.created_by.name}"),
    ]
    for title, text in lines:
        if text:
            say(f"{title + ':' if title else '':<14}{printable(text)}")


def _space(space: dict[str, Any]) -> list[tuple[str, str]]:
    titles = ["Searches", *[""] * len(space)]
    return [
        (title, f"{name}: {values(one)}") for title, (name, one) in zip(titles, space.items(), strict=False)
    ]


def values(parameter: dict[str, Any]) -> str:
    """What a parameter may be, as `whole numbers from 1 to 9`."""
    when = parameter.get("when")
    condition = (
        f", when {', '.join(f'{key} is {_either(value)}' for key, value in when.items())}" if when else ""
    )
    if parameter["kind"] == "categorical":
        return _either(parameter["choices"]) + condition
    numbers = "whole numbers" if parameter["kind"] == "int" else "numbers"
    words = f"{numbers} from {plain(parameter['low'])} to {plain(parameter['high'])}"
    if parameter.get("step") not in (None, 1):
        words += f" in steps of {plain(parameter['step'])}"
    return words + (", on a log scale" if parameter.get("log") else "") + condition


def _either(values: Any) -> str:
    return " or ".join(plain(value) for value in (values if isinstance(values, list) else [values]))


def trial_list(experiment: ExperimentRecord, trials: Sequence[Trial]) -> None:
    """A table of trials: their values and parameters, a column each."""
    parameters = list(experiment.spec.space)
    names = metrics(experiment)
    rows = []
    for one in trials:
        values = [plain(value) for value in one.values or []] or [""] * len(names)
        given = [plain(one.parameters[name]) if name in one.parameters else "" for name in parameters]
        rows.append((one.number, one.state, *values, *given, one.job, one.message or ""))
    print_table(("TRIAL", "STATE", *names, *parameters, "JOB", ""), rows)


class Screen:
    """A search as it goes on, on standard error: one line that is written over on a terminal, else one a change."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last = ""

    def show(self, experiment: ExperimentRecord) -> None:
        """The search as it is now."""
        words = [f"{experiment.name}: {experiment.state}", progress(experiment), best(experiment)]
        line = printable("; ".join(word for word in words if word))
        if line == self._last:
            return
        self._last = line
        if self._is_terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
        else:
            complain(line)

    def close(self) -> None:
        """Leave the line."""
        if self._is_terminal and self._last:
            sys.stderr.write("\n")
