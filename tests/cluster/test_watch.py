"""Watches against a real API server: nothing is missed when connections break, stall, or the past is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from api_lines import Line, a_line
from machinery.cluster import Cluster

from himalia.engine.backends.kubernetes import names
from himalia.engine.backends.kubernetes.client import Api, ApiError, Object, Unreachable
from himalia.engine.backends.kubernetes.watch import Watch
from himalia.testing.service_side import eventually


@pytest.fixture
async def line(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    """A line to the API server, which KUBECONFIG leads through."""
    async with a_line(cluster, tmp_path / "kubeconfig") as line:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        yield line


class Followed:
    """ConfigMaps of a namespace as a watch tells them: name → value."""

    def __init__(self, api: Api, namespace: str, **options: Any) -> None:
        self.api = api
        self.path = names.core(namespace, "configmaps")
        self.told: list[tuple[str | None, str | None]] = []
        self.watch = Watch(
            api,
            self.path,
            self._keep,
            lambda *change: self.told.append(change),
            {"labelSelector": "w=1"},
            **options,
        )

    @staticmethod
    def _keep(item: Object) -> str:
        return f"{item['metadata']['name']}={item['data']['value']}"

    def set(self, name: str, value: str) -> Any:
        """Have a ConfigMap hold a value."""
        about = {"name": name, "labels": {"w": "1"}}
        return self.api.apply(
            f"{self.path}/{name}",
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"value": value}},
        )

    async def holds(self, *records: str) -> None:
        """Wait until these are the records."""
        await eventually(lambda: set(self.watch.records.values()) == set(records), f"{records} to be seen")


@pytest.fixture
async def direct(cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """The API without a line that breaks."""
    with monkeypatch.context() as patch:
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        api = await Api.connect()
    yield api
    cluster.kubectl("-n", namespace, "delete", "configmaps", "-l", "w=1")
    await api.close()


@contextlib.asynccontextmanager
async def following(direct: Api, namespace: str, **options: Any) -> AsyncIterator[Followed]:
    """A watch through the line; changes are made beside it."""
    api = await Api.connect()
    followed = Followed(api, namespace, **options)
    running = asyncio.create_task(followed.watch.run())
    await followed.watch.listed.wait()
    followed.api = direct
    try:
        yield followed
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await api.close()


async def test_what_comes_changes_and_goes(line: Line, direct: Api, namespace: str) -> None:
    await Followed(direct, namespace).set("before", "1")
    async with following(direct, namespace) as followed:
        assert set(followed.watch.records.values()) == {"before=1"}
        await followed.set("one", "1")
        await followed.set("one", "2")
        await followed.holds("before=1", "one=2")
        await direct.delete(f"{followed.path}/one")
        await followed.holds("before=1")
    assert followed.told == [(None, "before=1"), (None, "one=1"), ("one=1", "one=2"), ("one=2", None)]


async def test_broken_connection_is_taken_up_where_it_was(line: Line, direct: Api, namespace: str) -> None:
    async with following(direct, namespace) as followed:
        for number in range(5):
            line.cut()
            await followed.set("one", str(number))
            await followed.holds(f"one={number}")
        assert followed.watch.lists == 1
    assert [now for _, now in followed.told] == [f"one={number}" for number in range(5)]


async def test_silence_is_noticed(line: Line, direct: Api, namespace: str) -> None:
    async with following(direct, namespace, quiet_s=1.0) as followed:
        opened = line.opened
        line.stall()
        await followed.set("one", "1")
        await followed.holds("one=1")
        assert line.opened > opened


async def test_forgotten_past_is_listed_anew(line: Line, direct: Api, namespace: str) -> None:
    async with following(direct, namespace) as followed:
        await followed.set("stays", "1")
        await followed.set("goes", "1")
        await followed.holds("stays=1", "goes=1")
        line.silence(True)
        line.cut()
        await direct.delete(f"{followed.path}/goes")
        await followed.set("comes", "1")
        followed.watch._version = "1"
        line.silence(False)
        line.cut()
        await followed.holds("stays=1", "comes=1")
        assert followed.watch.lists == 2
    assert ("goes=1", None) in followed.told


async def test_news_only_keeps_nothing(line: Line, direct: Api, namespace: str) -> None:
    await Followed(direct, namespace).set("before", "1")
    async with following(direct, namespace, news_only=True) as followed:
        await followed.set("one", "1")
        await eventually(lambda: followed.told, "the news")
        assert followed.told == [(None, "one=1")]
        assert followed.watch.records == {}


async def test_many_are_listed_in_pages(
    line: Line, direct: Api, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("himalia.engine.backends.kubernetes.watch.PAGE", 2)
    for number in range(5):
        await Followed(direct, namespace).set(f"m{number}", "1")
    async with following(direct, namespace) as followed:
        assert len(followed.watch.records) == 5


async def test_refusals_have_the_apis_words(direct: Api, namespace: str, line: Line) -> None:
    with pytest.raises(ApiError, match="not found") as refused:
        await direct.get(names.core(namespace, "configmaps") + "/none")
    assert (refused.value.status, refused.value.passes) == (404, False)
    through = await Api.connect()
    line.close()
    with pytest.raises(Unreachable, match="does not answer"):
        await through.get("/api/v1/nodes")
    await through.close()
