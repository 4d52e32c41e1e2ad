"""The smallest server that answers as a model server does: `python benchmarks/_upstream.py PORT SOCKET`.

It costs so little that what stands in front of it is what is measured.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

BODY = b'{"model_name":"iris","outputs":[{"name":"y","datatype":"INT64","shape":[1],"data":[1]}]}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


class Server(asyncio.Protocol):
    """Answers each whole request with the same."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while b"\r\n\r\n" in self._data:
            head, _, body = self._data.partition(b"\r\n\r\n")
            _, _, length = head.lower().partition(b"content-length:")
            size = int(length.split(b"\r\n", 1)[0] or b"0")
            if len(body) < size:
                return
            self._data = body[size:]
            self._transport.write(ANSWER)


async def main(port: int, path: str) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Server, "127.0.0.1", port, backlog=1024)
    await loop.create_unix_server(Server, path)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
