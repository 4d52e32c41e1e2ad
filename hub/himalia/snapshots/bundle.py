"""Bundles: many small files in one body, which costs one call instead of thousands.

4 bytes     length of what follows, big-endian
JSON        {"files": [{"path", "size", "digest" (optional), "executable" (optional)}, …]}, in UTF-8
contents    the bytes of the files, one after the other, in that order
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError

from himalia.core.errors import Invalid, TooLarge
from himalia.core.schema import Body, FilePath
from himalia.snapshots.schema import Digest

LIMIT_BYTES = 32 << 20
"""Largest bundle; it is held in memory."""
MOST_FILES = 20_000


class BundledFile(Body):
    """One file of the header; with a `digest`, bytes of any other are refused."""

    path: FilePath
    size: Annotated[int, Field(ge=0, le=LIMIT_BYTES)]
    digest: Digest | None = None
    executable: bool = False


class Header(Body):
    """The JSON of a bundle."""

    files: Annotated[list[BundledFile], Field(max_length=MOST_FILES)]


@dataclass(frozen=True, slots=True)
class Bundled:
    """A file with its bytes."""

    path: str
    content: bytes
    digest: str | None
    executable: bool


async def read_bundle(stream: AsyncIterator[bytes]) -> list[Bundled]:
    """The files of a bundle. Raises TooLarge, and Invalid for what is none."""
    pieces, size = [], 0
    async for piece in stream:
        size += len(piece)
        if size > LIMIT_BYTES:
            raise TooLarge(f"A bundle may have {LIMIT_BYTES} bytes. Send the files in several.")
        pieces.append(piece)
    return await asyncio.to_thread(_parse, b"".join(pieces))


def _parse(data: bytes) -> list[Bundled]:
    length = int.from_bytes(data[:4], "big")
    if len(data) < 4 + length:
        raise Invalid.field("body", "This is no bundle: it ends before its list of files does.")
    try:
        header = Header.model_validate_json(data[4 : 4 + length])
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(str(part) for part in wrong["loc"])
        raise Invalid.field(
            "body", f"The bundle's list of files cannot be read: {place} {wrong['msg']}"
        ) from None
    files, at = [], 4 + length
    for file in header.files:
        files.append(Bundled(file.path, data[at : at + file.size], file.digest, file.executable))
        at += file.size
    if at != len(data):
        raise Invalid.field("body", f"The bundle has {len(data)} bytes, and its list of files says {at}.")
    return files
