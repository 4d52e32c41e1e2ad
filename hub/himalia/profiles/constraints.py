"""Which machines a workload may be put on: by labels that they have, and taints that keep others away. Pure.

Words and rules are Kubernetes' (https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/); a
single machine has labels and no taints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Taint:
    """What keeps everybody away from a machine who does not tolerate it."""

    key: str
    value: str
    effect: str

    @property
    def words(self) -> str:
        """As kubectl writes it: `dedicated=training:NoSchedule`."""
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


@dataclass(frozen=True, slots=True)
class Toleration:
    """What lets a workload go to a machine all the same; what is empty fits everything."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Self:
        """One as it is written in a pod (core/v1)."""
        said = {name: str(item.get(name) or "") for name in ("key", "value", "effect")}
        return cls(operator=str(item.get("operator") or "Equal"), **said)

    def covers(self, taint: Taint) -> bool:
        """Whether it is about this taint."""
        if self.effect not in ("", taint.effect) or self.key not in ("", taint.key):
            return False
        return self.operator == "Exists" or (bool(self.key) and self.value == taint.value)


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a profile says of the machines: labels that they must have, and taints that do not matter."""

    labels: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[Toleration, ...] = ()

    @classmethod
    def of(cls, labels: Mapping[str, str], tolerations: Iterable[Mapping[str, Any]] = ()) -> Self:
        """Those of a pod's node selector and tolerations."""
        return cls(tuple(sorted(labels.items())), tuple(map(Toleration.of, tolerations)))

    def select(self, labels: Mapping[str, str]) -> bool:
        """Whether a machine with these labels is one of those that are meant."""
        return all(labels.get(name) == value for name, value in self.labels)

    def tolerate(self, taint: Taint) -> bool:
        """Whether this taint does not matter."""
        return any(one.covers(taint) for one in self.tolerations)


ANYWHERE = Constraints()
"""No wish; taints count."""
