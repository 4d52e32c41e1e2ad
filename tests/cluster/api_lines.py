"""Lines to the API server that can be cut, stalled and silenced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from machinery.cluster import Cluster


class Line:
    """A way to the API server that can be cut or can fall silent."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._flowing = self._flows()
        self.opened = 0

    @staticmethod
    def _flows() -> asyncio.Event:
        flowing = asyncio.Event()
        flowing.set()
        return flowing

    async def listen(self) -> int:
        """Begin; the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self._open.add(writer)
        try:
            to_reader, to_writer = await asyncio.open_connection(*self._to)
        except OSError:
            writer.close()
            return
        self._open.add(to_writer)
        if writer.is_closing():  # cut in the meantime
            to_writer.transport.abort()
        flowing = self._flowing
        await asyncio.gather(self._copy(reader, to_writer, flowing), self._copy(to_reader, writer, flowing))

    @staticmethod
    async def _copy(
        source: asyncio.StreamReader, target: asyncio.StreamWriter, flowing: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await flowing.wait()
                target.write(data)
        target.close()

    def cut(self) -> None:
        """End all connections, without a goodbye."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    def silence(self, on: bool) -> None:
        """Let nothing through, with connections left open; or let it flow again, for new connections too."""
        (self._flowing.clear if on else self._flowing.set)()

    def stall(self) -> None:
        """Let nothing through any more on the connections that there are; new ones are well."""
        self._flowing.clear()
        self._flowing = self._flows()

    def close(self) -> None:
        self._server.close()
        self.cut()


@contextlib.asynccontextmanager
async def a_line(cluster: Cluster, kubeconfig: Path) -> AsyncIterator[Line]:
    """A line to the API server, and the configuration that leads through it."""
    config = yaml.safe_load(await asyncio.to_thread(cluster.kubeconfig.read_text))
    (to,) = (one["cluster"] for one in config["clusters"])
    url = urlsplit(to["server"])
    line = Line(url.hostname or "", url.port or 443)
    to |= {"server": f"https://127.0.0.1:{await line.listen()}", "tls-server-name": url.hostname}
    await asyncio.to_thread(kubeconfig.write_text, yaml.safe_dump(config))
    try:
        yield line
    finally:
        line.close()
