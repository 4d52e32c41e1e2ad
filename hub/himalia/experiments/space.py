"""The space of a search: plain dictionaries, as `schema.Parameter` dumps them, that service and worker both read.

Standard library only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

MOST_POINTS = 100_000
"""Points that a grid may have."""

Parameter = Mapping[str, Any]
Space = Mapping[str, Parameter]


def check_parameter(parameter: Parameter) -> None:
    """Raise ValueError, with what to do, for a parameter that has no values or too few words about them."""
    if parameter["kind"] == "categorical":
        _check_choices(parameter)
        return
    low, high, step = parameter["low"], parameter["high"], parameter["step"]
    if parameter["choices"] is not None:
        raise ValueError("choices are for the kind categorical; give low and high")
    if low is None or high is None:
        raise ValueError("a range needs low and high")
    if low > high:
        raise ValueError("low must not be greater than high")
    if parameter["log"] and low <= 0:
        raise ValueError("with log, low must be greater than 0")
    if parameter["log"] and step is not None:
        raise ValueError("log and step do not go together; leave one out")
    if parameter["kind"] == "int":
        if any(bound != int(bound) or abs(bound) > 2**53 for bound in (low, high, step or 1)):
            raise ValueError("low, high and step of an int must be whole numbers")
        if parameter["log"] and low < 1:
            raise ValueError("with log, low of an int must be at least 1")


def _check_choices(parameter: Parameter) -> None:
    choices = parameter["choices"]
    if choices is None:
        raise ValueError("a categorical parameter needs choices")
    if len(set(choices)) < len(choices):
        raise ValueError("each choice may be there once; true counts as 1, and false as 0")
    if any(parameter[name] not in (None, False) for name in ("low", "high", "step", "log")):
        raise ValueError("low, high, log and step are for ranges; a categorical parameter has choices")


def _key(choice: object) -> tuple[str, object]:
    """True and 1 are different choices."""
    return type(choice).__name__, choice


def check_space(space: Space) -> None:
    """Raise ValueError for a condition on what is not there, on impossible values, or in a circle."""
    for name, parameter in space.items():
        for other, wanted in parameter["when"].items():
            if other not in space:
                raise ValueError(f"{name} depends on {other}, and there is no such parameter")
            for value in wanted if isinstance(wanted, list) else [wanted]:
                if not _may_be(space[other], value):
                    raise ValueError(f"{name} depends on {other} being {value!r}, which it never is")
    ordered(space)


def _may_be(parameter: Parameter, value: Any) -> bool:
    if parameter["kind"] == "categorical":
        return _key(value) in {_key(choice) for choice in parameter["choices"]}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(parameter["low"] <= value <= parameter["high"])


def ordered(space: Space) -> list[str]:
    """Names so that each comes after those that it depends on, else as given. Raises ValueError for a circle."""
    order: list[str] = []
    waiting = list(space)
    while waiting:
        ready = [name for name in waiting if all(other in order for other in space[name]["when"])]
        if not ready:
            raise ValueError(f"{', '.join(waiting)} depend on each other in a circle")
        order += ready
        waiting = [name for name in waiting if name not in ready]
    return order


def is_active(parameter: Parameter, values: Mapping[str, Any]) -> bool:
    """Whether the conditions of a parameter hold with the `values` of others."""
    for other, wanted in parameter["when"].items():
        if other not in values:
            return False
        if not any(
            _same(values[other], value) for value in (wanted if isinstance(wanted, list) else [wanted])
        ):
            return False
    return True


def _same(value: object, wanted: object) -> bool:
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


def is_conditional(space: Space) -> bool:
    """Whether some parameters are there only with values of others."""
    return any(parameter["when"] for parameter in space.values())


# Grids


def check_grid(space: Space) -> None:
    """Raise ValueError where a grid cannot be laid over the space: a range without steps, or too many points."""
    for name, parameter in space.items():
        if grid_values(parameter) is None:
            raise ValueError(f"a grid needs a step for {name}, or choices")
    grid_size(space)


def grid_values(parameter: Parameter) -> list[Any] | None:
    """All values of a parameter; None for a range without steps."""
    if parameter["kind"] == "categorical":
        return list(parameter["choices"])
    low, high, step = parameter["low"], parameter["high"], parameter["step"]
    if low == high:
        return [_number(parameter, low)]
    if parameter["kind"] == "int":
        step = step or 1
    if step is None:
        return None
    count = math.floor((high - low) / step + 1e-9) + 1
    if count > MOST_POINTS:
        raise ValueError(f"a grid has at most {MOST_POINTS} points; use larger steps")
    return [_number(parameter, low + index * step) for index in range(count)]


def _number(parameter: Parameter, value: float) -> float:
    return int(value) if parameter["kind"] == "int" else float(f"{value:.12g}")


def grid_points(space: Space) -> Iterator[dict[str, Any]]:
    """Every combination of values, a parameter whose conditions do not hold left out."""
    names = ordered(space)

    def below(index: int, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if index == len(names):
            yield dict(values)
            return
        parameter = space[names[index]]
        if not is_active(parameter, values):
            yield from below(index + 1, values)
            return
        for value in grid_values(parameter) or ():
            yield from below(index + 1, {**values, names[index]: value})

    return below(0, {})


def grid_size(space: Space) -> int:
    """How many points a grid has. Raises ValueError when it has too many."""
    count = sum(1 for _ in itertools.islice(grid_points(space), MOST_POINTS + 1))
    if count > MOST_POINTS:
        raise ValueError(f"a grid has at most {MOST_POINTS} points; use larger steps or fewer parameters")
    return count
