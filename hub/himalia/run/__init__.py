"""What code in a job says about itself, and asks for::

    import himalia.run as run

    for epoch in range(run.parameters.get("epochs", 10)):
        ...
        if run.log("accuracy", accuracy, step=epoch):
            break
    run.output("confusion.png")

Outside a job everything here works too, and records nothing: :func:`log` and :func:`progress` do nothing,
``parameters`` is empty, ``id`` is None, :func:`input` and :func:`output` look in the current folder.
"""

from __future__ import annotations

import decimal
import json
import math
import numbers
import os
import time
from pathlib import Path
from typing import Any, Dict, Optional, Union

from himalia.run._channel import Channel

__all__ = ["id", "input", "is_job", "log", "output", "parameters", "progress", "should_stop"]

#: The id of this job's workload, None outside a job.
id: Optional[str]
#: The parameters that the job was submitted with.
parameters: Dict[str, Any]

_LONGEST_NAME = 250
_channel = Channel()
_next_step: Dict[str, int] = {}


def is_job() -> bool:
    """Whether this code runs in a job."""
    return "HIMALIA_RUN_SOCKET" in os.environ


def log(name: str, value: Any, step: Optional[int] = None) -> bool:
    """Record that the metric ``name`` has ``value`` at ``step``; answers whether the job should stop now.

    ``value`` is a number, NaN and infinities included, or what has one as ``.item()``, such as a scalar tensor.
    Without ``step``, the values of a metric count up from 0. Outside a job nothing is recorded.

    Raises TypeError for what is no number, no name or no whole step, also outside a job.
    """
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise TypeError(f"The name of a metric is text of 1 to {_LONGEST_NAME} characters, not {name!r}.")
    number = _number(name, value)
    if step is None:
        step = _next_step.get(name, 0)
    elif isinstance(step, bool) or not isinstance(step, numbers.Integral):
        raise TypeError(f"The step of the metric {name!r} is a whole number, not {step!r}.")
    _next_step[name] = int(step) + 1
    if is_job():
        shown: Union[float, str] = number if math.isfinite(number) else str(number)
        _channel.send({"op": "metrics", "items": [[name, int(step), shown, time.time()]]})
    return _channel.should_stop


def should_stop() -> bool:
    """Whether the platform asks this job to end early. It is told to a job that has called this module before."""
    _channel.poll()
    return _channel.should_stop


def output(path: Union[str, "os.PathLike[str]"]) -> Path:
    """Keep the file or folder ``path`` as an output of the job; answers its absolute path.

    It is stored as it is when the job ends, so it may be written after this call. Files under ``outputs/`` are
    kept without being named.

    Raises ValueError when ``path`` does not lie in the job's working folder.
    """
    absolute = Path(path).absolute()
    if is_job():
        root = Path(os.environ.get("HIMALIA_DIRECTORY") or os.getcwd()).resolve()
        if root not in absolute.resolve().parents:
            raise ValueError(f"{os.fspath(path)!r} is not inside the job's working folder {root}.")
        _channel.send({"op": "output", "path": str(absolute)})
    return absolute


def progress(message: Optional[str] = None, fraction: Optional[float] = None) -> bool:
    """Show in the Jobs panel what the job does; ``fraction`` is the part done, from 0 to 1.

    Answers whether the job should stop now. Only the latest call counts.

    Raises TypeError for a message that is no text and a fraction that is no number.
    """
    data: Dict[str, Any] = {}
    if message is not None:
        if not isinstance(message, str):
            raise TypeError(f"The message is text, not {message!r}.")
        data["message"] = message
    if fraction is not None:
        share = _number("fraction", fraction)
        data["fraction"] = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    if data and is_job():
        _channel.send({"op": "progress", "data": data})
    return _channel.should_stop


def input(name: str) -> Path:
    """The folder or file of the job's input ``name``, read-only.

    Raises FileNotFoundError, naming the inputs that there are.
    """
    folder = Path(os.environ.get("HIMALIA_DIRECTORY") or os.getcwd()) / "inputs"
    path = folder / name
    if path.exists():
        return path
    known = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    has = "It has " + ", ".join(known) + "." if known else "It has none."
    raise FileNotFoundError(f"This job has no input {name!r}. {has}")


def _number(name: str, value: Any) -> float:
    if not isinstance(value, (str, bytes)) and not isinstance(value, numbers.Number):
        item = getattr(value, "item", None)
        try:
            value = item() if callable(item) else value
        except (ValueError, RuntimeError):  # more than one element
            raise TypeError(f"The value of {name!r} has more than one element.") from None
    if isinstance(value, (numbers.Real, decimal.Decimal)):
        try:
            return float(value)
        except OverflowError:
            raise TypeError(f"The value of {name!r} is too large for a floating-point number.") from None
    raise TypeError(f"The value of {name!r} is a number, not {type(value).__name__}.")


def _begin_anew() -> None:
    """Another job begins in this process."""
    _next_step.clear()
    _channel.end()


def __getattr__(name: str) -> Any:
    if name == "id":
        return os.environ.get("HIMALIA_WORKLOAD") if is_job() else None
    if name == "parameters":
        return json.loads(os.environ.get("HIMALIA_PARAMETERS", "{}")) if is_job() else {}
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
