"""The client of `job_throughput.py`, in a process of its own so that what it costs can be told.

Reads `{"address", "path", "token", "body", "jobs", "connections", "database"}` as JSON on standard input: posts
`body` as often as `jobs` says, over that many connections which stay open, then watches the database until no
workload is left to end. Prints `{"seconds", "answered_s", "cpu_s"}`: from the first POST until the last exit code
was seen stored, until the last 201 was read, and this process's CPU in that time.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import sys
import time
from contextlib import closing
from typing import Any

import uvloop

LOOK_S = 0.005
LONGEST_S = 300
_LEFT = "SELECT EXISTS(SELECT 1 FROM workloads WHERE state IN ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING'))"


class Client:
    """One kept-open HTTP/1.1 connection: a library's client would take more CPU than what is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def post(self, request: bytes) -> None:
        """Send it and read the whole answer. Raises RuntimeError when that is not 201."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        name, found, rest = head.partition(b"\r\ncontent-length:")
        if found:
            body = await self._reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
        else:
            body = await self._chunks()
        if b" 201 " not in name.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"The service answered {head.splitlines()[0]!r}: {body[:500]!r}")

    async def _chunks(self) -> bytes:
        parts = []
        while size := int(await self._reader.readline(), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(parts)


def request_of(order: dict[str, Any]) -> bytes:
    """The whole request, the same for each job: the service makes names of its own."""
    body = json.dumps(order["body"]).encode()
    head = (
        f"POST {order['path']} HTTP/1.1\r\nHost: {order['address']}\r\nAuthorization: Bearer {order['token']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def run(order: dict[str, Any]) -> dict[str, float]:
    """Submit all and wait for the last end."""
    host, _, port = order["address"].rpartition(":")
    clients = [Client(*await asyncio.open_connection(host, int(port))) for _ in range(order["connections"])]
    request, left = request_of(order), order["jobs"]
    cpu, begun = _cpu_s(), time.perf_counter()

    async def submit(client: Client) -> None:
        nonlocal left
        while left:
            left -= 1
            await client.post(request)

    async with asyncio.timeout(LONGEST_S), asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(submit(client))
    answered = time.perf_counter() - begun
    with closing(sqlite3.connect(f"file:{order['database']}?mode=ro", uri=True)) as database:
        while database.execute(_LEFT).fetchone()[0]:
            await asyncio.sleep(LOOK_S)
            if time.perf_counter() - begun > LONGEST_S:
                raise TimeoutError(f"Some jobs had not ended {LONGEST_S} s after the first was submitted.")
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "answered_s": answered, "cpu_s": _cpu_s() - cpu}


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.load(sys.stdin)))))
