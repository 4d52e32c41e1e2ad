"""A runner's messages (runner protocol, version 1) as reports.

User code shares its runner's account, so nothing is taken on trust.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from himalia.core.database import storable
from himalia.engine.backends.base import Ended, LogPiece, Metrics, Progress, Recalled, Report, Started
from himalia.engine.states import REASONS

OUTPUTS_LIMIT = 100_000
MESSAGE_LIMIT = 10_000
DEVICES_LIMIT = 64


class BadReport(ValueError):
    """A message that is none of the protocol's; the text says what is wrong."""


def report_of(message: Mapping[str, Any]) -> Report | None:
    """The report that a message makes, None for one that makes none. Raises BadReport."""
    try:
        return _report(str(message.get("name", "")), message)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BadReport(f"A report of the kind {str(message.get('op'))[:20]!r} is not whole.") from error


def _report(name: str, message: Mapping[str, Any]) -> Report | None:
    op = message.get("op")
    if op == "started":
        return Started(name, float(message["at"]), devices=_devices(message.get("devices") or {}))
    if op == "log":
        return LogPiece(name, int(message["offset"]), str(message["text"]))
    if op == "progress":
        return Progress(name, dict(message["data"]))
    if op == "metrics":
        items = [
            (storable(str(m), 255), int(step), float(value), float(at))
            for m, step, value, at in message["items"]
        ]
        return Metrics(name, items)
    if op == "ended":
        return _ended(name, message)
    return None


def _devices(data: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        storable(str(resource), 255): tuple(storable(str(one), 255) for one in named[:DEVICES_LIMIT])
        for resource, named in list(data.items())[:DEVICES_LIMIT]
    }


def _ended(name: str, message: Mapping[str, Any]) -> Report:
    usage = {key: float(value) for key, value in (message.get("usage") or {}).items() if value is not None}
    code, reason = message.get("exit_code"), message.get("reason")
    if reason == "recalled":
        return Recalled(name)
    if reason is not None and reason not in REASONS:
        reason = "user_error"
    return Ended(
        name,
        reason,
        None if message.get("message") is None else storable(str(message["message"]), MESSAGE_LIMIT),
        None if code is None else int(code),
        usage,
        _outputs((message.get("outputs") or [])[:OUTPUTS_LIMIT]),
        int(message.get("log_bytes") or 0),
        int(message.get("log_dropped_bytes") or 0),
    )


def _outputs(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each path once."""
    return list({output["path"]: output for output in map(_output, data)}.values())


def _output(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "path": storable(str(data["path"]), 1024),
        "size": int(data["size"]),
        "digest": str(data["digest"])[:64],
    }
