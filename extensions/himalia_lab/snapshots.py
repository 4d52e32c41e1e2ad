"""The code beside a notebook goes to the service: content-addressed, and only what is not there yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from himalia.client.snapshot import (
    DigestCache,
    FileChangedError,
    Snapshot,
    SnapshotError,
    SnapshotTooLargeError,
    build,
)
from himalia_lab import settings
from himalia_lab.errors import LabError

_UPLOADS_AT_ONCE = 4
_PIECE = 256 * 1024

_digests = DigestCache()
"""Digests of files seen before: an unchanged folder then costs only a look at each file."""


async def take(folder: Path, include: list[str]) -> Snapshot:
    """The snapshot of `folder`, `include` in it whatever is ignored. Raises LabError where there can be none."""
    try:
        return await asyncio.to_thread(build, folder, include=include, cache=_digests)
    except SnapshotError as error:
        raise _refusal(error) from error


def _refusal(error: SnapshotError) -> LabError:
    """The sentence, and apart from it the files that it speaks of."""
    sentence = str(error).split("\n", 1)[0].removesuffix(" The largest files are:")
    if isinstance(error, SnapshotTooLargeError):
        largest = [{"path": path, "size": size} for path, size in error.largest]
        return LabError(413, "too_large", sentence, {"size": error.size, "largest": largest})
    if isinstance(error, FileChangedError):
        return LabError(409, "conflict", sentence, {"paths": [error.path]})
    return LabError(422, "invalid", sentence, {"paths": getattr(error, "paths", [])})


async def send(snapshot: Snapshot, project: str, client: httpx.AsyncClient) -> dict[str, Any]:
    """Bring `snapshot` into `project`; answers `{"digest", "files", "size", "sent"}`, sizes in bytes.

    `sent` counts the bytes that went over the wire. Raises LabError with the service's own words when it refuses.
    """
    manifest = snapshot.manifest()
    sizes = {file["digest"]: int(file["size"]) for file in manifest["files"]}
    place = f"/projects/{quote(project, safe='')}"
    answer = await settings.call(client, "POST", f"{place}/snapshots", json=manifest)
    missing: list[str] = answer["missing"]
    turn = asyncio.Semaphore(_UPLOADS_AT_ONCE)

    async def upload(digest: str) -> None:
        async with turn:
            await settings.call(
                client,
                "PUT",
                f"{place}/objects/{digest}",
                content=_pieces(snapshot, digest),
                headers={"Content-Type": "application/octet-stream", "Content-Length": str(sizes[digest])},
            )

    try:
        async with asyncio.TaskGroup() as group:
            for digest in missing:
                group.create_task(upload(digest))
    except ExceptionGroup as failures:
        first = failures.exceptions[0]
        raise (_refusal(first) if isinstance(first, SnapshotError) else first) from first
    if not answer["complete"]:
        answer = await settings.call(client, "POST", f"{place}/snapshots", json=manifest)
    if not answer["complete"]:
        raise LabError(409, "conflict", "Files changed while they were sent. Try again.")
    return {
        "digest": answer["digest"],
        "files": len(manifest["files"]),
        "size": snapshot.size,
        "sent": sum(sizes[digest] for digest in missing),
    }


async def _pieces(snapshot: Snapshot, digest: str) -> AsyncIterator[bytes]:
    with closing(await asyncio.to_thread(snapshot.open, digest)) as stream:
        while piece := await asyncio.to_thread(stream.read, _PIECE):
            yield piece
