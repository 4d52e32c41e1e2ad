"""Rows for plots of a search, in the long form that Vega-Lite reads: one object a mark."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core.database import Database
from himalia.core.errors import Unavailable
from himalia.experiments.outcome import front
from himalia.experiments.records import stored
from himalia.experiments.schema import Plot
from himalia.experiments.study import StudyError, StudyLost
from himalia.experiments.tables import trials

Row = dict[str, Any]
Importances = Callable[[Any], Awaitable[list[dict[str, float]]]]
TOO_FEW = "There is nothing to show yet: it needs trials that ended with a value."
TOO_FEW_TO_TELL = "There is too little to tell yet: it needs more trials with different values."
KEPT = 100
"""Experiments whose importances are remembered."""


class Plots:
    """Makes the rows. `importances` works out shares in a study worker, never here."""

    def __init__(self, database: Database, importances: Importances) -> None:
        self.database = database
        self._importances = importances
        self._known: dict[str, tuple[int, list[dict[str, float]]]] = {}
        self._working = asyncio.Lock()

    async def make(self, row: Any, kind: str) -> Plot:
        """One plot of the experiment in `row`. Raises Unavailable."""
        if kind == "pareto" and len(row.spec["objectives"]) < 2:
            return Plot(
                kind="pareto", rows=[], note="This search has one objective, so one trial is the best."
            )
        if kind == "importance":
            rows = await self._importance(row)
            note = None if rows else TOO_FEW_TO_TELL
        elif kind == "intermediate":
            rows = await self.database.read(lambda c: _intermediate(c, row))
            note = None if rows else "No trial has reported its metric yet."
        else:
            rows = await self.database.read(lambda c: _ROWS[kind](row.spec, _ended(c, row.id)))
            note = None if rows else TOO_FEW
        return Plot.model_validate({"kind": kind, "rows": rows, "note": note})

    async def _importance(self, row: Any) -> list[Row]:
        count = await self.database.read(lambda c: _complete(c, row.id))
        async with self._working:  # one at a time: it may take a process of its own
            known = self._known.get(row.id)
            if known is None or known[0] != count:
                known = count, await self._shares(row) if count > 1 else []
                if len(self._known) >= KEPT:
                    self._known.clear()
                self._known[row.id] = known
        return [
            {"objective": objective["metric"], "parameter": name, "importance": share}
            for objective, shares in zip(row.spec["objectives"], known[1], strict=False)
            for name, share in sorted(shares.items(), key=lambda one: -one[1])
        ]

    async def _shares(self, row: Any) -> list[dict[str, float]]:
        try:
            return await self._importances(row)
        except (StudyError, StudyLost) as error:
            raise Unavailable("The importances could not be worked out. Try again in a moment.") from error


def _complete(connection: Connection, experiment_id: str) -> int:
    query = sa.select(sa.func.count()).where(
        trials.c.experiment_id == experiment_id, trials.c.state == "COMPLETE"
    )
    return int(connection.execute(query).scalar_one())


def _ended(connection: Connection, experiment_id: str) -> list[Any]:
    """Trials that have values, in the order of their ends."""
    query = (
        sa.select(
            trials.c.number,
            trials.c.state,
            trials.c.parameters,
            trials.c["values"].label("results"),
            trials.c.ended_at,
        )
        .where(trials.c.experiment_id == experiment_id, trials.c.state.in_(("COMPLETE", "PRUNED")))
        .order_by(trials.c.ended_at, trials.c.number)
    )
    return list(connection.execute(query))


def _metrics(spec: Mapping[str, Any]) -> list[str]:
    return [objective["metric"] for objective in spec["objectives"]]


def _history(spec: Mapping[str, Any], ended: Sequence[Any]) -> list[Row]:
    """`best` is the best value of complete trials up to then."""
    rows: list[Row] = []
    for index, objective in enumerate(spec["objectives"]):
        better = min if objective["direction"] == "minimize" else max
        best: float | None = None
        for trial in ended:
            value = trial.results[index]
            if trial.state == "COMPLETE":
                best = value if best is None else better(best, value)
            rows.append(
                {
                    "number": trial.number,
                    "objective": objective["metric"],
                    "value": value,
                    "best": best,
                    "state": trial.state,
                    "ended_at": trial.ended_at.isoformat(),
                }
            )
    return rows


def _parallel(spec: Mapping[str, Any], ended: Sequence[Any]) -> list[Row]:
    """A line a trial, a point an axis; `position` is from 0 to 1 on the axis, `shade` that of the first objective."""
    names = [*spec["space"], *_metrics(spec)]
    lines = [{**trial.parameters, **dict(zip(_metrics(spec), trial.results, strict=True))} for trial in ended]
    places = {name: _axis(spec, name, [line[name] for line in lines if name in line]) for name in names}
    shade = _metrics(spec)[0]
    return [
        {
            "number": trial.number,
            "state": trial.state,
            "axis": name,
            "value": line[name],
            "position": places[name](line[name]),
            "shade": line[shade],
        }
        for trial, line in zip(ended, lines, strict=True)
        for name in names
        if name in line
    ]


def _axis(spec: Mapping[str, Any], name: str, values: Sequence[Any]) -> Callable[[Any], float]:
    """Where a value lies on an axis that reaches from its least to its greatest."""
    parameter = spec["space"].get(name)
    if parameter is not None and parameter["kind"] == "categorical":
        choices, most = parameter["choices"], max(len(parameter["choices"]) - 1, 1)
        return lambda value: choices.index(value) / most
    scale: Callable[[float], float] = math.log if parameter is not None and parameter["log"] else float
    low = min((scale(value) for value in values), default=0.0)
    width = max((scale(value) for value in values), default=0.0) - low
    return lambda value: (scale(value) - low) / width if width else 0.5


def _slice(spec: Mapping[str, Any], ended: Sequence[Any]) -> list[Row]:
    return [
        {
            "number": trial.number,
            "state": trial.state,
            "parameter": name,
            "value": value,
            "objective": metric,
            "result": result,
            "log": spec["space"][name]["log"],
        }
        for trial in ended
        for metric, result in zip(_metrics(spec), trial.results, strict=True)
        for name, value in trial.parameters.items()
    ]


def _pareto(spec: Mapping[str, Any], ended: Sequence[Any]) -> list[Row]:
    """A point a complete trial; `is_best` where no other beats it. `x` and `y` are the first two objectives."""
    complete = [trial for trial in ended if trial.state == "COMPLETE"]
    directions = [objective["direction"] for objective in spec["objectives"]]
    best = set(front([trial.results for trial in complete], directions))
    return [
        {
            "number": trial.number,
            "x": trial.results[0],
            "y": trial.results[1],
            "values": trial.results,
            "is_best": index in best,
        }
        for index, trial in enumerate(complete)
    ]


_ROWS: dict[str, Callable[[Mapping[str, Any], Sequence[Any]], list[Row]]] = {
    "history": _history,
    "parallel": _parallel,
    "slice": _slice,
    "pareto": _pareto,
}


def _intermediate(connection: Connection, row: Any) -> list[Row]:
    """A line a trial: the first objective's values as they came."""
    metric = _metrics(row.spec)[0]
    return [
        {"number": trial["number"], "state": trial["state"], "step": step, "value": value}
        for trial in stored(connection, row.id, metric)
        for step, value in trial["steps"]
    ]
