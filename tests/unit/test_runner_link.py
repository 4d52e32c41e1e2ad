"""The service's end of the runner protocol: what it acknowledges."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

from himalia.engine.backends.base import Batch
from himalia.engine.backends.local.link import RunnerLink


async def test_nothing_is_acknowledged_before_what_came_earlier_is_stored() -> None:
    """Batches are stored side by side, and one may have to be tried again while the next is stored."""
    said: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    taken: asyncio.Queue[Batch] = asyncio.Queue()
    next_one = asyncio.Semaphore(0)

    def take(batch: Batch) -> None:
        taken.put_nowait(batch)
        next_one.release()

    async def runner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"op": "hello", "version": 1, "running": []}\n')
        for number in (1, 2, 3):
            report = {"n": number, "op": "log", "name": "a-1", "offset": 0, "text": "x"}
            writer.write(json.dumps(report).encode() + b"\n")
            await next_one.acquire()  # so that each is a batch
        async for line in reader:
            said.put_nowait(json.loads(line))
        writer.close()

    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        async with await asyncio.start_unix_server(runner, Path(folder, "s")):
            link = RunnerLink(Path(folder, "s"), "", take)
            listening = asyncio.create_task(link.listen(await link.connect()))
            batches = [await asyncio.wait_for(taken.get(), 10) for _ in range(3)]
            # The last one first: acknowledged at once, it would take the others along.
            batches[2].durable()
            batches[0].durable()
            assert (await asyncio.wait_for(said.get(), 5))["upto"] == 1
            batches[1].durable()
            assert (await asyncio.wait_for(said.get(), 5))["upto"] == 3
            link.drop()
            await listening
