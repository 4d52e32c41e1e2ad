"""What the API shows of snapshots."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from himalia.core.schema import Body

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ManifestFile(Body):
    """A file of a snapshot; `digest` is the BLAKE3 of its bytes in hexadecimal."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    size: Annotated[int, Field(ge=0)]
    digest: Digest
    executable: bool = False


class SnapshotCreate(Body):
    files: Annotated[list[ManifestFile], Field(max_length=100_000)]


class Snapshot(BaseModel):
    """`missing` lists what still has to be uploaded; then send the same manifest again."""

    digest: str
    complete: bool
    missing: list[str]


class StoredObject(BaseModel):
    digest: str
    size: int
