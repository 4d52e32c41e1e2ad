"""What a runner runs: attempts, each under its own name, and the ranks of groups, each under one of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, KeysView


def rank_name(attempt: str, rank: int, replicas: int) -> str:
    """What a runner calls one rank; an attempt that is no group goes by its own name."""
    return attempt if replicas == 1 else f"{attempt}-{rank}"


class Members:
    """The names that one runner may speak of and whose last word is not stored."""

    def __init__(self) -> None:
        self._whose: dict[str, tuple[str, int]] = {}
        self._open: Counter[str] = Counter()

    def add(self, attempt: str, replicas: int = 1, ended: Container[int] = ()) -> None:
        """Expect the ranks of an attempt, but for those that have `ended`; twice is as good as once."""
        for rank in range(replicas):
            name = rank_name(attempt, rank, replicas)
            if rank not in ended and name not in self._whose:
                self._whose[name] = attempt, rank
                self._open[attempt] += 1

    def whose(self, name: str) -> tuple[str, int] | None:
        """The attempt and rank of a runner's name; None when it may not speak of it."""
        return self._whose.get(name)

    def names(self, attempt: str) -> list[str]:
        """The runner's names of the ranks of an attempt that have not ended."""
        if attempt in self._whose:
            return [attempt]
        return [name for name, (one, _) in self._whose.items() if one == attempt]

    def remove(self, name: str) -> str | None:
        """Forget a rank; answers its attempt when that was its last one."""
        attempt, _ = self._whose.pop(name, (None, 0))
        if attempt is None:
            return None
        self._open[attempt] -= 1
        if self._open[attempt]:
            return None
        del self._open[attempt]
        return attempt

    @property
    def attempts(self) -> KeysView[str]:
        """Attempts of which some rank has not ended."""
        return self._open.keys()

    def clear(self) -> None:
        """Forget all."""
        self._whose.clear()
        self._open.clear()
