"""A gateway sends calls only to the server that they are for, whoever has its address by then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from threading import Thread

import pytest
import uvicorn

from himalia.core.tokens import WorkTokens
from himalia.gateway.upstream import Pool, Unreachable
from himalia.serving.app import App
from himalia.serving.model import Model

KEY = WorkTokens(b"key")
SECRET = KEY.server_secret("r1", 2)


class Empty(Model):
    """A model that nobody asks anything."""

    def __init__(self) -> None:
        self.flavors, self.inputs, self.outputs = [], [], []


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A model server on TCP, as in a pod."""
    app = App(Empty(), "iris", "", secret=SECRET)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@asynccontextmanager
async def stranger(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Somebody else's server at the address, and what it is sent."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            heard.append(data)
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


async def test_the_server_that_knows_the_secret_is_asked(address: str) -> None:
    pool = Pool(address, SECRET)
    for _ in range(2):  # the second over the same connection
        assert await pool.get("/v2/health/ready", 5, 1000) == (200, b'{"ready":true}')
    assert len(pool._idle) == 1
    pool.close()


@pytest.mark.parametrize(("revision", "attempt"), [("r1", 1), ("r2", 2)])
async def test_another_attempts_server_is_not(address: str, revision: str, attempt: int) -> None:
    pool = Pool(address, KEY.server_secret(revision, attempt))
    with pytest.raises(Unreachable, match="is another server"):
        await pool.get("/v2/health/ready", 5, 1000)
    assert not pool._busy


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nhimalia-proof: " + b"0" * 64 + b"\r\ncontent-length: 2\r\n\r\n{}",
        b"220 ready\r\n",
    ],
)
async def test_a_stranger_hears_nothing_of_a_call(answer: bytes) -> None:
    async with stranger(answer) as (address, heard):
        with pytest.raises(Unreachable):
            await Pool(address, SECRET).get("/v2/models/iris?who=ada", 5, 1000)
        assert b"ada" not in b"".join(heard)
        assert SECRET.encode() not in b"".join(heard)
