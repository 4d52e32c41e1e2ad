"""One attempt as the backend knows it: its Job, its pods by rank, and what has been told of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from himalia.core import clock
from himalia.engine.backends.base import Batch
from himalia.engine.backends.kubernetes import reasons
from himalia.engine.backends.kubernetes.reasons import Finding, When
from himalia.engine.backends.kubernetes.seen import Job, Pod, Queued, Said

FRESH_S = 180.0
"""Time for which a warning counts: what it is about is tried, and warned of, more often than that."""


@dataclass(slots=True, eq=False)
class Attempt:
    """`spoke` and `ended` are ranks: whose runner has reported something, and whose end has been told.

    While it is `offered` it waits in Kueue's queue; `admitted` is whether it was told that it need not any more.
    `gone` are ranks whose pod was there and is not any more; `stored` those whose end is durable. `held` are reports
    that are not passed on yet.
    """

    name: str
    kind: str
    replicas: int = 1
    job: Job | None = None
    uid: str | None = None
    offered: bool = False
    admitted: bool = False
    queued: Queued | None = None
    making: asyncio.Task[None] | None = None
    stopping: str | None = None
    pods: dict[int, Pod] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    spoke: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    stored: set[int] = field(default_factory=set)
    held: list[Batch] = field(default_factory=list)
    told: str = ""
    warnings: dict[str, tuple[Said, float]] = field(default_factory=dict)
    trouble_since: float | None = None
    look: asyncio.TimerHandle | None = None

    @property
    def ranks(self) -> range:
        """All of its ranks."""
        return range(self.replicas)

    @property
    def left(self) -> list[int]:
        """The ranks whose end has not been told."""
        return [rank for rank in self.ranks if rank not in self.ended]

    def runs(self, rank: int) -> bool:
        """Whether this rank's runner is there, as far as is seen."""
        pod = self.pods.get(rank)
        return rank in self.spoke or (pod is not None and pod.phase == "Running" and not pod.deleted)

    def is_located(self) -> bool:
        """Whether the addresses of its pods are known, of those that are there; one that is gone has none."""
        return all(pod.ip or rank in self.gone for rank, pod in self.pods.items()) and bool(self.pods)

    def has_begun(self) -> bool:
        """Whether any of its ranks runs, or has run."""
        return bool(self.ended) or any(self.runs(rank) for rank in self.ranks)

    def warn(self, about: str, said: Said) -> None:
        """Remember the last warning about its Job or one of its pods."""
        self.warnings[about] = (said, clock.monotonic())

    def warned(self, about: str) -> Said | None:
        """The last warning about something of it, if that is not too long ago."""
        said, at = self.warnings.get(about, (None, 0.0))
        return said if clock.monotonic() - at < FRESH_S else None

    @property
    def taken_back(self) -> str:
        """What Kueue says of it where it has begun, and Kueue has suspended its Job again; empty where it has not."""
        if self.offered or self.job is None or not self.job.suspended:
            return ""
        return (self.queued.evicted if self.queued else "") or reasons.TAKEN_BACK

    def end_of(self, rank: int) -> Finding | None:
        """Why a rank has ended, if it has and no report said so."""
        pod, spoke, taken_back = self.pods.get(rank), rank in self.spoke, self.taken_back
        if pod is None:
            return Finding("preempted", taken_back) if taken_back else None
        found = reasons.gone(pod, spoke=spoke) if rank in self.gone else reasons.ended(pod, spoke=spoke)
        if found is not None and found.reason == "lost" and taken_back:
            return Finding("preempted", taken_back)
        return found

    def trouble(self) -> Finding | None:
        """What keeps it from beginning: of several ranks, what is worst."""
        found = [self._trouble_of(rank) for rank in self.left]
        worst = {When.NOW: 0, When.LATER: 1, When.NEVER: 2}
        return min((one for one in found if one is not None), key=lambda one: worst[one.when], default=None)

    def _trouble_of(self, rank: int) -> Finding | None:
        if rank in self.spoke:
            return None
        pod = self.pods.get(rank)
        if pod is not None:
            return reasons.waits(pod, self.warned(pod.name))
        return reasons.not_made(self.job, self.warned(self.name)) if self.job is not None else None
