"""Ends notebook servers in pods whose accelerators nobody has used for as long as their profile lets them.

What is used, Prometheus knows. Whatever is not known for certain counts as used.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import NamedTuple

import httpx

from himalia.core import clock
from himalia.core.errors import HimaliaError
from himalia.core.identity import HubAccounts
from himalia.core.settings import Settings
from himalia.engine.board import Active, Board
from himalia.servers.pods import pod_name

log = logging.getLogger(__name__)

CHECK_S = 10.0
ANSWER_S = 30.0


class Pod(NamedTuple):
    """A pod as metrics name it."""

    namespace: str
    name: str


class UseUnknown(Exception):
    """Prometheus did not answer; the text is a sentence."""


class Prometheus:
    """Asks how much pods use their accelerators."""

    def __init__(self, url: str, query: str) -> None:
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=ANSWER_S)
        self._query = query

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def unused(self, window_s: int) -> set[Pod]:
        """Pods whose metric was 0 for the whole of the last seconds. Raises UseUnknown.

        It must have been there in the first and in the last quarter of that time: one that was not, as that of a
        pod which had just begun or of an exporter that was away, says nothing.
        """
        now, quarter = clock.now().timestamp(), max(1, window_s // 4)
        most = await self._most(window_s, now)
        first = await self._most(quarter, now - window_s + quarter)
        last = await self._most(quarter, now)
        return {pod for pod in most.keys() & first.keys() & last.keys() if most[pod] <= 0}

    async def _most(self, seconds: int, until: float) -> dict[Pod, float]:
        """The highest value of each pod in so many seconds."""
        asked = {"query": self._query.replace("{seconds}", str(seconds)), "time": f"{until:.3f}"}
        try:
            answer = await self._http.get("/api/v1/query", params=asked)
            said = answer.json()
            if said["status"] != "success":
                raise UseUnknown(f"Prometheus refuses accelerator_query: {said.get('error', answer.text)}")
            found: dict[Pod, float] = {}
            for one in said["data"]["result"]:
                pod = _pod(one["metric"])
                found[pod] = max(found.get(pod, 0.0), float(one["value"][1]))
        except httpx.HTTPError as error:
            raise UseUnknown(f"Prometheus does not answer: {error or type(error).__name__}") from error
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise UseUnknown(
                "What prometheus_url names does not answer as Prometheus does, or accelerator_query is no vector."
            ) from error
        return found


def _pod(labels: dict[str, str]) -> Pod:
    """An exporter's own pod has the plain labels where Prometheus does not honour what it says."""
    name = labels.get("exported_pod") or labels.get("pod", "")
    return Pod(labels.get("exported_namespace") or labels.get("namespace", ""), name)


class UnusedAccelerators:
    """Looks at the servers whose profile says how long accelerators may be unused."""

    def __init__(self, board: Board, hub: HubAccounts, prometheus: Prometheus, settings: Settings) -> None:
        self._board = board
        self._hub = hub
        self._prometheus = prometheus
        self._namespace = settings.kubernetes_namespace

    async def stop_forever(self) -> None:
        """Look again and again."""
        try:
            while True:
                await asyncio.sleep(CHECK_S)
                try:
                    await self.stop()
                except (UseUnknown, HimaliaError) as error:
                    log.warning("No server is stopped for accelerators that nobody uses. %s", error)
        finally:
            await self._prometheus.close()

    async def stop(self) -> None:
        """Stop them now. Raises UseUnknown, Unavailable."""
        waiting: dict[int, list[Active]] = {}
        for one in self._board.active.values():
            if window_s := _window_s(one):
                waiting.setdefault(window_s, []).append(one)
        for window_s, servers in waiting.items():
            unused = await self._prometheus.unused(window_s)
            for one in servers:
                user, server = one.spec["task"]["user"], one.spec["task"]["server"]
                if Pod(self._namespace, pod_name(one.person_id, server)) in unused:
                    log.info("The server of %s has accelerators that nobody uses; it is stopped.", one.name)
                    await self._hub.stop_server(user, server)


def _window_s(item: Active) -> int | None:
    """How long they must have been unused, where that is limited; a younger one's pod had its name from another."""
    window_s: int | None = item.spec["task"].get("unused_accelerators_s") if item.kind == "server" else None
    old_enough = window_s and clock.now() - item.created_at > timedelta(seconds=window_s)
    return window_s if old_enough else None
