"""What the platform does with files by itself: importing them into a version, and looking at them."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from himalia.client.api import Api, escaped
from himalia.client.bridge import closing
from himalia.client.errors import HimaliaError
from himalia.client.records import ENDED
from himalia.client.watching import Watch

Told = Callable[[str, "float | None"], None]
"""Called with what an import does, in words, and the part done, from 0 to 1, where that is known."""


class Importing:
    """One import, into a draft of its own at the dataset whose path is `dataset`."""

    def __init__(self, api: Api, dataset: str, told: Told | None) -> None:
        self.api = api
        self.dataset = dataset
        self.told = told or (lambda words, fraction: None)

    async def run(
        self, what: Mapping[str, str], archive: Path | None, base: str | None, commit: Mapping[str, Any]
    ) -> Any:
        """Import, and answer the version; what is half done is removed. Raises HimaliaError with the reason."""
        draft = f"{self.dataset}/drafts"
        draft_id = (await self.api.call("POST", draft, body={"base": base, "brief": True}))["id"]
        draft += escaped(draft_id)
        try:
            if archive is not None:
                await self._upload(draft, archive)
            begun = await self.api.call("POST", f"{draft}/import", body=dict(what))
            await self._ended(draft, draft_id, begun["id"])
            headers = {"Idempotency-Key": uuid.uuid4().hex}
            return await self.api.call(
                "POST", f"{draft}/commit", body=dict(commit), headers=headers, timeout_s=300
            )
        except BaseException:
            with contextlib.suppress(HimaliaError):
                await self.api.call("DELETE", draft)
            raise

    async def _upload(self, draft: str, archive: Path) -> None:
        from himalia.client.dataset_files import cache_of, collect
        from himalia.client.dataset_upload import Sender, Sent

        found = await self.api.transport.aside(lambda: collect(archive))
        sent = Sent(len(found.files), found.size)

        def told(now: Sent) -> None:
            self.told("Sending the archive", now.size_done / now.size if now.size else None)

        await Sender(self.api, draft, cache_of(found.root), sent, told).send(found.files)

    async def _ended(self, draft: str, draft_id: str, import_id: str) -> None:
        async with closing(Watch(self.api, f"draft:{draft_id}").messages()) as found:
            async for messages in found:
                data = [one["data"] for one in messages if one.get("data", {}).get("id") == import_id]
                if data and data[-1]["state"] not in ENDED:
                    if data[-1].get("message"):
                        self.told(data[-1]["message"], data[-1].get("fraction"))
                    continue
                status = (await self.api.call("GET", draft))["status"]
                mine = next(one for one in status["imports"] if one["id"] == import_id)
                if mine["state"] == "SUCCEEDED":
                    return
                if mine["state"] in ENDED:
                    raise HimaliaError(mine["message"] or "The import was stopped.")


async def looked_at(api: Api, version: str, project: str, timeout_s: float | None) -> Any:
    """What there is to see of the version at a path, once somebody has looked. Raises HimaliaError, WaitTimeout."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    shown = await api.call("GET", f"{version}/preview")
    if shown["state"] == "MISSING":
        shown = await api.call("POST", f"{version}/preview")
    if shown["state"] not in ENDED:
        project_id = (await api.call("GET", escaped("projects", project)))["id"]
        async with closing(Watch(api, f"project:{project_id}", deadline).messages()) as found:
            async for messages in found:
                told = [one for one in messages if "preview" in one.get("event", {}).get("data", {})]
                if messages and not told:
                    continue
                shown = await api.call("GET", f"{version}/preview")
                if shown["state"] in ENDED:
                    break
    if shown["state"] != "SUCCEEDED":
        raise HimaliaError(shown["message"] or "The files could not be looked at.")
    return shown["preview"]
