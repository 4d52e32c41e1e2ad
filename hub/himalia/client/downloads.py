"""Saving outputs: in one step, whole and checked, and never outside the folder that was named."""

from __future__ import annotations

import shutil
import tarfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from blake3 import blake3

from himalia.client.api import Api, escaped
from himalia.client.bridge import closing
from himalia.client.errors import Invalid, Unreachable
from himalia.client.records import OutputFile, Record


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


async def save(api: Api, job: str, file: OutputFile, target: Path, attempt: int | None) -> None:
    """Write an output to `target`, in place of what is there. Raises Unreachable when bytes are missing or wrong."""
    await save_file(api, f"{job}/outputs{escaped(*file.path.split('/'))}", file, target, {"attempt": attempt})


async def save_file(
    api: Api, path: str, file: Record, target: Path, params: Mapping[str, Any] | None = None
) -> None:
    """Write what is at the API's `path` to `target`, as `file` says that it is. Raises Unreachable."""
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
        if hasher.hexdigest() != file.to_dict().get("digest"):
            raise Unreachable(f"{file['path']} did not arrive whole. Try again.", True)
        part.replace(target)
    finally:
        await stream.close()
        if part.exists():
            part.unlink()
