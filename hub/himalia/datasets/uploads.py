"""Resumable uploads of single files to drafts (https://tus.io/protocols/resumable-upload, version 1.0.0).

How far an upload has come is the length of its file, so nothing has to be written down while bytes arrive, and a
service that is killed goes on where it was. A file that is whole becomes an object and part of its draft.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock
from himalia.core.access import Access
from himalia.core.database import Transaction
from himalia.core.errors import Invalid, NotFound, Stale, TooLarge, WrongState
from himalia.core.ids import new_id
from himalia.core.schema import compose
from himalia.datasets.drafts import Added, Drafts, check_paths
from himalia.datasets.handed import HandedFiles
from himalia.datasets.tables import drafts as draft_table
from himalia.datasets.tables import uploads
from himalia.snapshots.service import full_disk_said

VERSION = "1.0.0"
WRITE_BYTES = 1 << 20
"""How much is gathered before it is written."""
COPY_BYTES = 256 << 20
"""How much of a file that was handed over one request takes: between two of them one sees how far it is."""
COPIERS = 2


@dataclass(frozen=True, slots=True)
class UploadState:
    """`offset` of `size` bytes are there; `digest` is that of the file, once it is whole."""

    offset: int
    size: int
    digest: str | None = None

    def headers(self) -> dict[str, str]:
        """tus's headers of an answer, and the digest."""
        found = {
            "Tus-Resumable": VERSION,
            "Upload-Offset": str(self.offset),
            "Upload-Length": str(self.size),
            "Cache-Control": "no-store",
        }
        return found if self.digest is None else {**found, "Himalia-Digest": self.digest}


class Uploads:
    """Begin, continue and end uploads."""

    def __init__(self, drafts: Drafts, handed: HandedFiles, limit_bytes: int) -> None:
        self.drafts = drafts
        self.handed = handed
        self.database = drafts.database
        self.partial = drafts.partial
        self.limit_bytes = limit_bytes
        # Of its own: copies take long, and others must not wait for them.
        self._copiers = ThreadPoolExecutor(COPIERS, "copy")

    async def create(
        self, access: Access, name: str, draft_id: str, length: int | None, metadata: str
    ) -> str:
        """Begin an upload of `length` bytes; `metadata` is tus's header. Answers its id.

        Raises Invalid, TooLarge, DiskFull.
        """
        path, executable = _described(metadata)
        if length is None:
            raise Invalid.field("Upload-Length", "Say how many bytes the file has, with Upload-Length.")
        if length > self.limit_bytes:
            raise TooLarge(f"A file of a dataset may have {self.limit_bytes} bytes, and this has {length}.")
        check_paths([path])
        self.drafts.check_disk(length)
        upload_id = new_id()

        def work(tx: Transaction) -> None:
            self.drafts.find(tx.connection, access, name, draft_id)
            # Who begins a file anew has lost sight of the first upload, which nobody would end.
            same = sa.and_(uploads.c.draft_id == draft_id, uploads.c.path == path, uploads.c.digest.is_(None))
            tx.execute(uploads.delete().where(same))
            tx.execute(
                uploads.insert().values(
                    id=upload_id,
                    draft_id=draft_id,
                    path=path,
                    size=length,
                    executable=executable,
                    created_at=clock.now(),
                )
            )

        await self.database.write(work)
        self.partial.path(upload_id).touch(mode=0o600)
        if length == 0:
            await self.state(access, name, draft_id, upload_id)
        return upload_id

    async def state(self, access: Access, name: str, draft_id: str, upload_id: str) -> UploadState:
        """How far an upload is. Raises NotFound."""
        row = await self._find(access, name, draft_id, upload_id)
        if row.digest is not None:
            return UploadState(row.size, row.size, row.digest)
        offset = self.partial.offset(upload_id)
        if offset == row.size and not self.partial.is_busy(upload_id):
            # All of it came to a service that was killed before it made an object of it.
            with self.partial.alone(upload_id):
                return await self._finish(access, name, draft_id, row)
        return UploadState(offset, row.size)

    async def append(
        self,
        access: Access,
        name: str,
        draft_id: str,
        upload_id: str,
        offset: int,
        stream: AsyncIterator[bytes],
        descriptor: str | None = None,
    ) -> UploadState:
        """Add bytes behind `offset`, which must be where the upload is; answers how far it is then.

        They are those of `stream`, or some of the file that was handed over under the name `descriptor`. What has
        arrived stays, however the request ends. Raises WrongState at another offset and while another request
        sends the same file, TooLarge beyond the size that was said, Invalid, DiskFull.
        """
        row = await self._find(access, name, draft_id, upload_id)
        if row.digest is not None:
            raise WrongState("This file is here already, all of it.", offset=row.size)
        with self.partial.alone(upload_id):
            there = self.partial.offset(upload_id)
            if there != offset:
                raise WrongState(f"{there} bytes of this file are here, so go on from there.", offset=there)
            self.drafts.check_disk(row.size - there)
            await self._touch(draft_id)
            if there < row.size:  # else a service was killed before it made an object of it
                if descriptor is not None:
                    await self._copy(upload_id, row.size - there, descriptor)
                else:
                    await self._write(upload_id, row.size - there, stream)
            there = self.partial.offset(upload_id)
            if there == row.size:
                return await self._finish(access, name, draft_id, row)
        return UploadState(there, row.size)

    async def _write(self, upload_id: str, left: int, stream: AsyncIterator[bytes]) -> None:
        pending = bytearray()
        with self.partial.growing(upload_id) as file:
            try:
                async for piece in stream:
                    left -= len(piece)
                    if left < 0:
                        raise TooLarge("More bytes came than the file was said to have.")
                    pending += piece
                    if len(pending) >= WRITE_BYTES:
                        self.drafts.check_disk()
                        data, pending = pending, bytearray()
                        await asyncio.to_thread(file.write, data)
            finally:  # a connection that broke has brought something all the same
                await asyncio.to_thread(file.write, pending)

    async def _copy(self, upload_id: str, left: int, descriptor: str) -> None:
        def work(source: int) -> int:
            try:
                with self.partial.growing(upload_id) as file:
                    before = file.size
                    file.copy(source, min(left, COPY_BYTES), self.drafts.check_disk)
                    return file.size - before
            finally:
                os.close(source)

        source = self.handed.duplicate(descriptor)
        if not await asyncio.get_running_loop().run_in_executor(self._copiers, work, source):
            raise Invalid.field("Himalia-Descriptor", "The file is shorter than the upload was said to be.")

    async def _finish(self, access: Access, name: str, draft_id: str, row: Any) -> UploadState:
        """Make an object of a file that is whole. Its bytes stay here until that is written down."""

        def adopt() -> Added:
            with full_disk_said():
                digest = self.partial.digest(row.id)
                stored = self.drafts.snapshots.store.adopt(self.partial.path(row.id), digest)
            return Added(row.path, stored, row.executable)

        added = await asyncio.to_thread(adopt)

        def work(tx: Transaction) -> None:
            self.drafts.add(tx, access, name, draft_id, [added])
            whole = uploads.update().where(uploads.c.id == row.id)
            tx.execute(whole.values(digest=added.stored.digest))

        await self.database.write(work)
        self.partial.remove(row.id)
        return UploadState(row.size, row.size, added.stored.digest)

    async def delete(self, access: Access, name: str, draft_id: str, upload_id: str) -> None:
        """Forget an upload and its bytes. Raises NotFound."""
        row = await self._find(access, name, draft_id, upload_id)
        with self.partial.alone(upload_id):
            await self.database.write(lambda tx: tx.execute(uploads.delete().where(uploads.c.id == row.id)))
            self.partial.remove(upload_id)

    async def _find(self, access: Access, name: str, draft_id: str, upload_id: str) -> Any:
        def work(connection: Connection) -> Any:
            self.drafts.find(connection, access, name, draft_id)
            query = sa.select(uploads).where(uploads.c.id == upload_id, uploads.c.draft_id == draft_id)
            return connection.execute(query).first()

        row = await self.database.read(work)
        if row is None:
            raise NotFound("There is no such upload. Its draft may have been committed or deleted.")
        return row

    async def _touch(self, draft_id: str) -> None:
        """A draft that is being filled is in use, however long its largest file takes."""
        where = draft_table.c.id == draft_id
        values = {"updated_at": clock.now()}
        await self.database.write(lambda tx: tx.execute(draft_table.update().where(where).values(values)))

    async def sweep(self) -> int:
        """Remove bytes of uploads that are gone; how many there were."""
        old = await asyncio.to_thread(self.partial.listed)
        growing = sa.select(uploads.c.id).where(uploads.c.digest.is_(None))
        known = await self.database.read(lambda c: set(c.execute(growing).scalars()))
        return await asyncio.to_thread(self.partial.sweep, old - known)


def check_version(version: str | None) -> None:
    """Raise Stale unless the caller speaks our version of the protocol."""
    if version not in (None, VERSION):
        raise Stale(f"This service speaks tus {VERSION}, and the request is of version {version[:20]}.")


def _described(metadata: str) -> tuple[str, bool]:
    """Path and executable bit from Upload-Metadata: names with values in Base64. Raises Invalid."""
    values: dict[str, str] = {}
    try:
        for pair in filter(None, (one.strip() for one in metadata.split(","))):
            key, _, value = pair.partition(" ")
            values[key] = base64.b64decode(value.strip(), validate=True).decode()
    except ValueError as error:
        raise Invalid.field("Upload-Metadata", "Values in Upload-Metadata are Base64 of UTF-8.") from error
    path = values.get("path") or values.get("filename")
    if not path:
        raise Invalid.field("Upload-Metadata", "Name the file, with path in Upload-Metadata.")
    try:
        return compose(path), values.get("executable") == "true"
    except ValueError as error:
        raise Invalid.field("Upload-Metadata", f"The path {error}.") from error
