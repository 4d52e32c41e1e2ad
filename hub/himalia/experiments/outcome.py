"""What becomes of a trial when its job has ended. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from himalia.engine.states import State

MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trial's last state, its values in the order of the objectives, and a sentence where it has none.

    `steps` are the values on the way, [step, value], where a pruner is to know them.
    """

    state: str
    values: list[float] | None = None
    message: str | None = None
    steps: Sequence[Sequence[float]] = ()


def outcome(
    state: State,
    message: str | None,
    objectives: Sequence[str],
    reported: Mapping[str, float],
    pruned: bool,
) -> Outcome:
    """The end of a trial whose job ended in `state`, having reported these last values.

    A trial that was asked to end early, and ended well, is PRUNED, whether or not it had come to its end anyway.
    """
    if state == State.STOPPED:
        return Outcome("STOPPED", message=message)
    if state != State.SUCCEEDED:
        return Outcome("FAILED", message=message or "Its job failed.")
    missing = [name for name in objectives if name not in reported]
    if missing:
        return Outcome("FAILED", message=f"It never reported {', '.join(missing)}. {_seen(reported)}")
    values = [reported[name] for name in objectives]
    for name, value in zip(objectives, values, strict=True):
        if not math.isfinite(value):
            return Outcome("FAILED", message=f"Its {name} was {value}, which nothing can be compared with.")
    return Outcome("PRUNED" if pruned else "COMPLETE", values)


def _seen(reported: Mapping[str, float]) -> str:
    if not reported:
        return "It reported no metric: log one with himalia.run.log(name, value)."
    names = sorted(reported)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"It reported {', '.join(names[:MOST_NAMES])}{more}."


def beats(left: Sequence[float], right: Sequence[float], directions: Sequence[str]) -> bool:
    """Whether `left` is nowhere worse than `right`, and better somewhere."""
    better = False
    for one, other, direction in zip(left, right, directions, strict=True):
        if one == other:
            continue
        if (one < other) != (direction == "minimize"):
            return False
        better = True
    return better


def front(values: Sequence[Sequence[float]], directions: Sequence[str]) -> list[int]:
    """Indexes of those that no other beats, the best in the first objective first; of equal ones, all.

    With one objective, the first that is best.
    """
    signs = [1 if direction == "minimize" else -1 for direction in directions]
    keys = [tuple(sign * one for sign, one in zip(signs, row, strict=True)) for row in values]
    order = sorted(range(len(values)), key=lambda index: (keys[index], index))
    if len(directions) == 1:
        return order[:1]
    found: list[int] = []
    for index in order:
        if not any(beats(values[other], values[index], directions) for other in found):
            found.append(index)
    return found
