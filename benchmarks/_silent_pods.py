"""A backend whose pods never start: the benchmark speaks in place of their runners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from himalia.core.settings import Settings
from himalia.engine.backends.base import Backend, Batch, Ended, Known, Launch, Seen
from himalia.engine.reception import Reception
from himalia.engine.resources import Machine, Resources

CLUSTER = Resources.of(1_000_000, 2**60)


class SilentPods(Backend):
    """Whatever is started is expected to report."""

    reception: Reception

    def __init__(self, _: Settings) -> None:
        self.reception = Reception(self._pass_on)
        self._batches: asyncio.Queue[Batch] = asyncio.Queue()
        self._names: set[str] = set()

    async def open(self, known: Sequence[Known]) -> None:
        for one in known:
            self._expect(one.name)

    async def close(self) -> None:
        self.reception.close()

    def start(self, launch: Launch) -> None:
        self._expect(launch.name)

    def stop(self, name: str, grace_s: float, reason: str) -> None:
        self.reception.stop(name, grace_s, reason)

    def advise_stop(self, name: str) -> None:
        self.reception.advise_stop(name)

    def observe(self, names: Sequence[str]) -> dict[str, Seen]:
        return {name: Seen.RUNNING if name in self._names else Seen.GONE for name in names}

    async def changes(self) -> AsyncIterator[Batch]:
        while True:
            yield await self._batches.get()

    def machines(self) -> list[Machine]:
        return [Machine("cluster", CLUSTER)]

    def addresses(self, name: str) -> list[str]:
        return []

    async def logs(self, name: str, rank: int = 0) -> bytes:
        return b""

    def _expect(self, name: str) -> None:
        self._names.add(name)
        self.reception.expect(name)

    def _pass_on(self, batch: Batch) -> None:
        def durable() -> None:
            batch.durable()
            for report in batch.reports:
                if isinstance(report, Ended):
                    self._names.discard(report.name)
                    self.reception.forget(report.name)

        self._batches.put_nowait(Batch(batch.reports, durable))
