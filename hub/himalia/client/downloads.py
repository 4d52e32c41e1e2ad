"""Saving outputs: in one step, whole and checked, and never outside the folder that was named."""

from __future__ import annotations

import shutil
import tarfile
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from blake3 import blake3

from himalia.client.api import Api
from himalia.client.bridge import closing
from himalia.client.errors import Invalid, Unreachable
from himalia.client.records import Record

if TYPE_CHECKING:
    from himalia.client.dataset_upload import Progress

AT_ONCE = 4
"""Files that are downloaded at the same time."""


def place_for(path: str, to: Path) -> Path:
    """The file that an output is saved as: `to`, or below it when that is a folder."""
    return place_below(path.rpartition("/")[2], to) if to.is_dir() else to


def place_below(path: str, folder: Path) -> Path:
    """The file for `path` below `folder`. Raises Invalid for a path that could lead elsewhere.

    What a job named its outputs is for its code to say, and its code may be someone else's.
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise Invalid(f"The output {path!r} is not saved: its path leads out of the folder.")
    target = folder.joinpath(*parts)
    base = folder.resolve()
    if base not in (target.parent.resolve(), *target.parent.resolve().parents):
        raise Invalid(f"The output {path!r} is not saved: a link in {folder} leads out of it.")
    return target


def unpack(archive: IO[bytes], folder: Path) -> None:
    """Save the files of a tar below `folder`, in place of what is there. Raises Unreachable for half of one."""
    try:
        with tarfile.open(fileobj=archive, mode="r:") as opened:
            for member in opened:
                source = opened.extractfile(member)
                if source is None:
                    continue
                target = place_below(member.name, folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f".himalia-{uuid.uuid4().hex}")
                with part.open("xb") as out:
                    shutil.copyfileobj(source, out)
                if member.mode & 0o100:
                    part.chmod(part.stat().st_mode | 0o111)
                part.replace(target)
    except tarfile.ReadError as error:
        raise Unreachable("The files did not arrive whole. Try again.", True) from error


def is_there(target: Path, size: int, digest: str) -> bool:
    """Whether `target` is a file of these bytes."""
    try:
        if not target.is_file() or target.stat().st_size != size:
            return False
        hasher = blake3()
        with target.open("rb") as reader:
            while piece := reader.read(1 << 20):
                hasher.update(piece)
    except OSError:
        return False
    return hasher.hexdigest() == digest


async def save_below(
    api: Api,
    files: Sequence[tuple[str, Record]],
    folder: Path,
    progress: Progress | None = None,
    params: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Save files, each given by where the API has it and what it is, below a folder under the paths they have.

    One that is there with the right size and bytes is left alone. Raises Invalid, Unreachable.
    """
    targets = [place_below(file["path"], folder) for _, file in files]
    arriving = Arriving([file for _, file in files], progress)
    calls = [
        _saving(api, path, file, target, arriving, params)
        for (path, file), target in zip(files, targets)  # noqa: B905 - 3.8 has no strict
    ]
    await api.transport.together(calls, AT_ONCE)
    return targets


def _saving(
    api: Api, path: str, file: Record, target: Path, arriving: Arriving, params: Mapping[str, Any] | None
) -> Callable[[], Coroutine[Any, Any, None]]:
    async def save() -> None:
        if await api.transport.aside(lambda: is_there(target, file["size"], file["digest"])):
            arriving.add(1, file["size"])
            return
        await save_file(api, path, file, target, params, arriving)

    return save


class Arriving:
    """Tells `progress` how far files are that are downloaded."""

    def __init__(self, files: Sequence[Record], progress: Progress | None) -> None:
        from himalia.client.dataset_upload import Sent  # takes a while to import

        self._sent = Sent(len(files), sum(file.to_dict().get("size", 0) for file in files))
        self._progress = progress or (lambda _: None)

    def add(self, files: int, size: int) -> None:
        """So much more is there."""
        self._sent.add(files, size)
        self._progress(self._sent)


async def save_file(
    api: Api,
    path: str,
    file: Record,
    target: Path,
    params: Mapping[str, Any] | None = None,
    arriving: Arriving | None = None,
) -> None:
    """Write what is at the API's `path` to `target`, in one step, as `file` says that it is. Raises Unreachable."""
    arriving = arriving or Arriving([file], None)
    stream = await api.open(api.request("GET", path, params))
    part = target.with_name(f".himalia-{uuid.uuid4().hex}")
    try:
        await api.transport.aside(lambda: target.parent.mkdir(parents=True, exist_ok=True))
        hasher = blake3()
        with part.open("xb") as out:
            async with closing(stream.pieces()) as pieces:
                async for piece in pieces:
                    hasher.update(piece)
                    out.write(piece)
                    arriving.add(0, len(piece))
        if hasher.hexdigest() != file.to_dict().get("digest"):
            raise Unreachable(f"{file['path']} did not arrive whole. Try again.", True)
        part.replace(target)
        arriving.add(1, 0)
    finally:
        await stream.close()
        if part.exists():
            part.unlink()
