"""What the verbs of jobs, experiments and endpoints share: each is found by its name, changed, deleted, restored."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from himalia.client.api import Api, escaped
from himalia.client.bridge import closing
from himalia.client.records import Record

T = TypeVar("T", bound="Thing")


class Thing(Record):
    """Something of a project as it was when last seen; its methods bring it up to date."""

    id: str
    name: str
    project: str
    etag: str

    def __init__(self, data: Mapping[str, Any], verbs: Any) -> None:
        super().__init__(data)
        self._verbs = verbs


class ThingVerbs(Generic[T]):
    """What can be done with things of one noun, which are given by name or as they are."""

    _noun: ClassVar[str]

    def __init__(self, api: Api, make: Callable[[Mapping[str, Any]], T]) -> None:
        self._api = api
        self._make = make

    async def _path(self, thing: str | T, project: str | None) -> str:
        if isinstance(thing, Thing):
            return escaped("projects", thing.project, self._noun, thing.name)
        return escaped("projects", await self._api.project(project), self._noun, str(thing))

    def _now(self, thing: str | T, data: Mapping[str, Any]) -> T:
        """The given thing, brought up to date, or a new one for a name."""
        if isinstance(thing, Thing):
            thing._data = dict(data)
            return thing
        return self._make(data)

    async def _listed(
        self,
        project: str | None,
        state: str | Iterable[str] | None,
        text: str | None,
        label: Mapping[str, str] | None,
        deleted: bool,
        **more: Any,
    ) -> AsyncGenerator[T, None]:
        states = [state] if isinstance(state, str) else [*(state or ())]
        params = {
            "state": [one.upper() for one in states],
            "text": text,
            "label": [f"{key}={value}" for key, value in (label or {}).items()],
            "deleted": deleted or None,
            **more,
        }
        path = escaped("projects", await self._api.project(project), self._noun)
        async with closing(self._api.pages(path, params)) as found:
            async for one in found:
                yield self._make(one)

    async def _changed(
        self, thing: str | T, name: str | None, labels: Mapping[str, str] | None, project: str | None
    ) -> T:
        body: dict[str, Any] = {} if name is None else {"name": name}
        if labels is not None:
            body["labels"] = dict(labels)
        headers = {"If-Match": f'"{thing.etag}"'} if isinstance(thing, Thing) else {}
        path = await self._path(thing, project)
        return self._now(thing, await self._api.call("PATCH", path, body=body, headers=headers))

    async def _deleted(self, thing: str | T, cascade: bool, project: str | None) -> None:
        await self._api.call("DELETE", await self._path(thing, project), {"cascade": cascade or None})

    async def _restored(self, thing: str | T, name: str | None, project: str | None) -> T:
        if isinstance(thing, Thing):  # its name may be another's by now
            path = escaped("projects", thing.project, self._noun, thing.id)
        else:
            path = await self._path(thing, project)
        body = {} if name is None else {"name": name}
        return self._now(thing, await self._api.call("POST", f"{path}/restore", body=body))
