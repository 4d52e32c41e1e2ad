"""A caller of HTTP servers, in a process of its own: `python benchmarks/_calls.py` with an order on standard input.

The order is `{"address": "HOST:PORT", "path", "token", "body", "connections", "seconds", "rate"}`: each connection
sends its next call when the last is answered, or, with a `rate`, calls begin evenly at that many a second whatever
the answers do, and a late answer counts from when its call should have begun. Prints `{"calls", "failed",
"per_second", "p50_ms", "p99_ms", "longest_ms", "errors"}`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, cast

import uvloop

SETTLE_S = 5.0


class Connection(asyncio.Protocol):
    """One kept connection. `answered` is told of each answer: its time, and its first line."""

    def __init__(self, request: bytes, answered: Callable[[Connection, bytes], None]) -> None:
        self._request = request
        self._answered = answered
        self._data = b""
        self._transport: asyncio.Transport | None = None
        self.began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def call(self, began: float) -> None:
        """Send the request."""
        self.began = began
        if self._transport is not None:
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found:
            return
        _, sized, length = head.lower().partition(b"\r\ncontent-length:")
        whole = len(body) >= int(length.split(b"\r\n", 1)[0]) if sized else body.endswith(b"0\r\n\r\n")
        if whole:
            self._data = b""
            self._answered(self, head[:60].split(b"\r\n", 1)[0])

    def connection_lost(self, exc: Exception | None) -> None:
        self._answered(self, b"the connection ended")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Caller:
    """Counts the answers to one order."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        body = json.dumps(order["body"]).encode()
        head = (
            f"POST {order['path']} HTTP/1.1\r\nHost: {order['address']}\r\n"
            f"Authorization: Bearer {order['token']}\r\nContent-Type: application/json\r\nAccept: */*\r\n"
            f"User-Agent: benchmark\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.request = head.encode() + body
        self.times: list[float] = []
        self.errors: Counter[str] = Counter()
        # the one that waited longest is next: a server closes connections that are not used
        self.free: deque[Connection] = deque()
        self.waiting: deque[float] = deque()
        self.end = 0.0

    async def run(self) -> dict[str, Any]:
        """Call for so long as the order says."""
        host, _, port = self.order["address"].rpartition(":")
        loop = asyncio.get_running_loop()
        connections = []
        for _ in range(self.order["connections"]):
            _, one = await loop.create_connection(
                lambda: Connection(self.request, self._answered), host, int(port)
            )
            connections.append(one)
        began = time.perf_counter()
        self.end = began + self.order["seconds"]
        if self.order.get("rate"):
            self.free.extend(connections)
            await self._evenly(self.order["rate"])
        else:
            for one in connections:
                one.call(time.perf_counter())
            await asyncio.sleep(self.order["seconds"])
        seconds = time.perf_counter() - began
        counted = len(self.times)
        deadline = time.perf_counter() + SETTLE_S
        # a busy wait of an idle program: what is waited for are answers on many connections
        while self.order.get("rate") and len(self.free) < len(connections) and time.perf_counter() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.end = 0
        if self.order.get("rate") and len(self.free) < len(connections):
            self.errors["no answer"] += len(connections) - len(self.free)
        for one in connections:
            one.close()
        return self._figures(counted, seconds)

    async def _evenly(self, rate: float) -> None:
        begin = time.perf_counter()
        for number in range(int(rate * self.order["seconds"])):
            due = begin + number / rate
            if (left := due - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            if self.free:
                self.free.popleft().call(due)
            else:
                self.waiting.append(due)

    def _answered(self, connection: Connection, status: bytes) -> None:
        if self.end == 0:
            return
        now = time.perf_counter()
        if b" 200 " in status:
            self.times.append(now - connection.began)
        else:
            self.errors[status.decode(errors="replace")] += 1
        if not self.order.get("rate"):
            if now < self.end:
                connection.call(now)
        elif self.waiting:
            connection.call(self.waiting.popleft())
        else:
            self.free.append(connection)

    def _figures(self, counted: int, seconds: float) -> dict[str, Any]:
        times = sorted(self.times)
        failed = sum(self.errors.values())
        return {
            "calls": len(times) + failed,
            "failed": failed,
            "per_second": counted / seconds,
            "p50_ms": times[len(times) // 2] * 1000 if times else 0,
            "p99_ms": times[int(len(times) * 0.99)] * 1000 if times else 0,
            "longest_ms": times[-1] * 1000 if times else 0,
            "errors": dict(self.errors),
        }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(Caller(json.load(sys.stdin)).run())))
