"""Following one kind of object: a list, then a watch from there on, for as long as the service lives.

Objects are kept as the small records that `keep` makes of them. A watch that breaks goes on where it was; one that
the API has forgotten (410) begins with a new list; one that says nothing, not even a bookmark, is made anew.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from pydantic_core import from_json

from himalia.engine.backends.kubernetes.client import Api, ApiError, Object, Unreachable

log = logging.getLogger(__name__)

PAGE = 250
QUIET_S = 90.0
"""A watch gets a bookmark about once a minute, so one that is silent for longer has stalled."""

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
GONE = 410

R = TypeVar("R")


class _Expired(Exception):
    """The API does not know the version any more from which the watch should go on."""


class Watch(Generic[R]):
    """All objects of one kind that match a selector, as records by `namespace/name`.

    `keep` makes the record of an object, or None for one that is of no interest. `changed` is called with what a
    record was and what it is now: None where there was none, or is none any more. With `news_only` nothing is
    listed or kept, and only what happens from now on is told. `listed` is set when the first list is complete.
    """

    def __init__(
        self,
        api: Api,
        path: str,
        keep: Callable[[Object], R | None],
        changed: Callable[[R | None, R | None], None],
        query: Mapping[str, str] | None = None,
        *,
        news_only: bool = False,
        quiet_s: float | None = None,
    ) -> None:
        self.records: dict[str, R] = {}
        self.listed = asyncio.Event()
        self.lists = 0
        self._api = api
        self._path = path
        self._keep = keep
        self._changed = changed
        self._query = dict(query or {})
        self._news_only = news_only
        self._quiet_s = QUIET_S if quiet_s is None else quiet_s
        self._version: str | None = None
        self._pause_s = FIRST_PAUSE_S

    async def run(self) -> None:
        """Follow, for ever."""
        while True:
            try:
                if self._version is None:
                    await self._list()
                if not await self._follow():
                    await asyncio.sleep(FIRST_PAUSE_S)
            except _Expired:
                self._version = None
            except (ApiError, Unreachable) as error:
                if isinstance(error, ApiError) and error.status == GONE:
                    self._version = None
                await self._wait(error)
            except Exception as error:
                log.exception("What was seen of %s could not be taken; it is listed anew.", self._path)
                self._version = None
                await self._wait(error)

    async def _wait(self, error: Exception) -> None:
        """Between two tries; longer each time, and not at the same moment as all others."""
        say = log.warning if self._pause_s > 1 else log.debug
        say("Watching %s: %s", self._path, error)
        await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def _list(self) -> None:
        query: dict[str, Any] = {**self._query, "limit": 1 if self._news_only else PAGE}
        found: dict[str, R] = {}
        while True:
            page = await self._api.get(self._path, query)
            about = page["metadata"]
            if self._news_only:
                break
            for item in page["items"]:
                if (record := self._keep(item)) is not None:
                    found[_key(item)] = record
            if not about.get("continue"):
                break
            query["continue"] = about["continue"]
            await asyncio.sleep(0)
        self._replace(found)
        self._version = about["resourceVersion"]
        self.lists += 1
        self.listed.set()

    def _replace(self, found: dict[str, R]) -> None:
        before = self.records
        self.records = found
        for key in before.keys() - found.keys():
            self._changed(before[key], None)
        for key, record in found.items():
            if before.get(key) != record:
                self._changed(before.get(key), record)

    async def _follow(self) -> bool:
        """Take what happens until the connection ends: whether anything was told."""
        heard = False
        query = {
            **self._query,
            "watch": "true",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            # Of what is not listed, not every API sends bookmarks: such a watch is rather short.
            "timeoutSeconds": 60 if self._news_only else random.randint(300, 600),  # noqa: S311
        }
        async with self._api.lines(self._path, query, self._quiet_s) as lines:
            async for together in lines:
                for line in together:
                    self._take(from_json(line))
                heard, self._pause_s = True, FIRST_PAUSE_S
        return heard

    def _take(self, event: Object) -> None:
        kind, item = event["type"], event["object"]
        if kind == "ERROR":
            if item.get("code") == GONE:
                raise _Expired
            raise ApiError(int(item.get("code") or 500), str(item.get("message")))
        self._version = item["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            return
        key, record = _key(item), None if kind == "DELETED" else self._keep(item)
        before = self.records.pop(key, None)
        if record is not None and not self._news_only:
            self.records[key] = record
        if before != record:
            self._changed(before, record)


def _key(item: Object) -> str:
    about = item["metadata"]
    return f"{about['namespace']}/{about['name']}" if "namespace" in about else str(about["name"])
