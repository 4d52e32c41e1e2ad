"""Whom the client of the Kubernetes API asks: the cluster itself, or a proxy that the environment names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from kubernetes.aio.client import Configuration

from himalia.engine.backends.kubernetes.client import Api

VARIABLES = ("KUBERNETES_SERVICE_HOST", "KUBECONFIG", "http_proxy", "HTTP_PROXY")
VARIABLES += ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@asynccontextmanager
async def a_server(name: str) -> AsyncIterator[str]:
    """One that answers each request with its name; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = f'{{"asked": "{name}"}}'.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ({}, "cluster"),
        ({"http_proxy": "proxy"}, "proxy"),
        ({"http_proxy": "proxy", "KUBERNETES_SERVICE_HOST": "10.96.0.1"}, "cluster"),
        ({"http_proxy": "proxy", "KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBECONFIG": "theirs"}, "proxy"),
    ],
)
async def test_a_proxy_is_for_who_is_outside_of_the_cluster(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], asked: str
) -> None:
    async with AsyncExitStack() as servers:
        addresses = {name: await servers.enter_async_context(a_server(name)) for name in ("cluster", "proxy")}
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, addresses.get(value, value))
        api = Api(Configuration(host=addresses["cluster"]))
        try:
            assert await api.get("/version") == {"asked": asked}
        finally:
            await api.close()
