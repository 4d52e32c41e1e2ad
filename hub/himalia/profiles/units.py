"""Amounts as people write them: memory, cores, durations."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

_MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?(B|[kKMGTP]B|[KMGTP]iB)", re.ASCII)
_CPUS = re.compile(r"(\d+(?:\.\d+)?)(m?)", re.ASCII)
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(s|m|h|d)", re.ASCII)
_PREFIXES = "KMGTP"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

MAX_MEMORY_BYTES = 1 << 60
MAX_CPUS = 65536


class UnitError(ValueError):
    """Not an amount; the message says how one is written."""


def parse_memory(text: str) -> int:
    """Bytes of a text such as "2GiB" (powers of 1024) or "500MB" (powers of 1000).

    The unit must be there. Raises UnitError for anything else, for zero, and beyond 2^60 bytes.
    """
    match = _MEMORY.fullmatch(text)
    amount = int(Decimal(match[1]) * _factor(match[2])) if match else 0
    if not 0 < amount <= MAX_MEMORY_BYTES:
        raise UnitError(
            f"{text!r} is no amount of memory. Write a number and its unit, for example 2GiB or 500MB."
        )
    return amount


def _factor(unit: str) -> int:
    base = 1024 if "i" in unit else 1000
    factor = 1
    for _ in range(0 if unit == "B" else _PREFIXES.index(unit[0].upper()) + 1):
        factor *= base
    return factor


def parse_cpus(value: float | str) -> float:
    """Cores, in thousandths: 2, 1.5, "1.5", or "500m" as Kubernetes writes half a core.

    Raises UnitError for anything else, for zero, and beyond 65,536 cores.
    """
    match = _CPUS.fullmatch(str(value)) if not isinstance(value, bool) else None
    amount = round(float(match[1]) / (1000 if match[2] else 1), 3) if match else 0.0
    if not 0 < amount <= MAX_CPUS:
        raise UnitError(f"{value!r} is no number of cores. Write for example 2, 1.5 or 500m.")
    return amount


def parse_duration(text: str) -> int:
    """Seconds of a text such as "90s", "30m", "1.5h" or "7d". Raises UnitError for anything else and for zero."""
    match = _DURATION.fullmatch(text)
    seconds = round(float(match[1]) * _SECONDS[match[2]]) if match else 0
    if seconds <= 0:
        raise UnitError(
            f"{text!r} is no duration. Write a number and its unit, for example 90s, 30m, 8h or 7d."
        )
    return seconds


def parse_reserved_cpus(value: float | str) -> float | Literal["all"]:
    """As `parse_cpus`, or 0 for none, or "all" for as many as there may be."""
    if value == "all":
        return "all"
    return 0.0 if value in (0, "0") else parse_cpus(value)


def parse_timeout(text: str) -> int | None:
    """As `parse_duration`, or None for "never"."""
    return None if text == "never" else parse_duration(text)
