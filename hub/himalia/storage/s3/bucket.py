"""The few requests that the store makes, and their failures as the platform's errors."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from himalia.storage.errors import StorageError, StoreFullError, StoreUnavailableError
from himalia.storage.s3.place import S3Place
from himalia.storage.s3.presence import AwayError, Presence

_FULL = {"QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "InsufficientStorage"}
_ABSENT = {"NoSuchKey", "NotFound", "404"}
_REFUSED = {
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
}
_READ_ATTEMPTS = 4
_READ_PAUSE_S = 0.2
_AT_ONCE = 1000
"""Most keys that one request lists or removes."""


class NoSuchKeyError(Exception):
    """Nothing has this name; the store says which object it would have been."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a listing tells of one key, which is given without the bucket's prefix."""

    key: str
    size: int
    modified: datetime


class Bucket:
    """One bucket below one prefix. Raises StoreUnavailableError, StoreFullError; threads may share it."""

    def __init__(self, client: Any, place: S3Place) -> None:
        self._client = client
        self.place = place
        self._presence = Presence()
        # The checksum that botocore sends with each part has to be announced, by those who set none of their own.
        summed = client.meta.config.request_checksum_calculation == "when_supported"
        self._sums = {"ChecksumAlgorithm": "CRC32"} if summed else {}

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Store `data`, whose checksum the server compares, in place of what was there."""
        with self._plainly():
            self._client.put_object(**self._named(key), Body=data)

    def get(self, key: str, start: int, length: int) -> tuple[bytes, int]:
        """Up to `length` bytes from `start` on, and the size of the whole. Raises NoSuchKeyError."""
        for attempt in count(1):
            try:
                return self._get(key, start, length)
            except _BrokenOffError as error:
                # botocore sends a request again, but not one whose answer breaks off.
                if attempt == _READ_ATTEMPTS:
                    raise StoreUnavailableError(
                        f"What {self.place} sends breaks off: {error.__cause__}."
                    ) from error
                time.sleep(_READ_PAUSE_S * 2**attempt)
        raise AssertionError("unreachable")

    def _get(self, key: str, start: int, length: int) -> tuple[bytes, int]:
        wanted = f"bytes={start}-{start + length - 1}"
        try:
            with self._plainly():
                answer = self._client.get_object(**self._named(key), Range=wanted)
        except _NothingThereError:
            return b"", start  # a range of nothing, behind the end
        try:
            data = answer["Body"].read()
        except BotoCoreError as error:
            raise _BrokenOffError from error
        # Else it is all of it: the server knows no ranges, or there was nothing to divide.
        if "ContentRange" in answer:
            return data, int(answer["ContentRange"].rpartition("/")[2])
        return data[start : start + length], len(data)

    def size(self, key: str) -> int:
        """The size in bytes. Raises NoSuchKeyError."""
        with self._plainly():
            return int(self._client.head_object(**self._named(key))["ContentLength"])

    def page(self, folder: str, after: str = "") -> tuple[list[Entry], bool]:
        """The next keys that begin with `folder`, in order, behind `after`, and whether there are more."""
        prefix = self.place.prefix
        with self._plainly():
            answer = self._client.list_objects_v2(
                Bucket=self.place.bucket,
                Prefix=prefix + folder,
                MaxKeys=_AT_ONCE,
                **({"StartAfter": prefix + after} if after else {}),
            )
        entries = [
            Entry(one["Key"].removeprefix(prefix), one["Size"], one["LastModified"])
            for one in answer.get("Contents", ())
        ]
        return entries, bool(answer["IsTruncated"]) and bool(entries)

    def pages(self, folder: str) -> Iterator[list[Entry]]:
        """All keys that begin with `folder`, in order."""
        after, more = "", True
        while more:
            entries, more = self.page(folder, after)
            if entries:
                after = entries[-1].key
                yield entries

    def delete(self, keys: Iterable[str]) -> None:
        """Remove `keys`; those that are gone already are no error."""
        rest = [{"Key": self.place.prefix + key} for key in keys]
        while rest:
            some, rest = rest[:_AT_ONCE], rest[_AT_ONCE:]
            with self._plainly():
                answer = self._client.delete_objects(
                    Bucket=self.place.bucket, Delete={"Objects": some, "Quiet": True}
                )
            if errors := answer.get("Errors"):
                raise StoreUnavailableError(
                    f"The object store {self.place} does not remove objects: {errors[0].get('Message')}. "
                    "Let its key delete what is in the bucket."
                )

    def begin(self, key: str) -> str:
        """Begin an upload in parts, of which nothing is seen before `complete`; its id."""
        with self._plainly():
            answer = self._client.create_multipart_upload(**self._named(key), **self._sums)
            return str(answer["UploadId"])

    def part(self, key: str, upload: str, number: int, data: bytes) -> dict[str, Any]:
        """Send one part, from 1 on; what `complete` has to be told of it."""
        with self._plainly():
            answer = self._client.upload_part(
                **self._named(key), UploadId=upload, PartNumber=number, Body=data
            )
        sums = {name: value for name, value in answer.items() if name in ("ETag", "ChecksumCRC32")}
        return {**sums, "PartNumber": number}

    def complete(self, key: str, upload: str, parts: list[dict[str, Any]], size: int) -> None:
        """Make the parts, together `size` bytes, one object."""
        try:
            with self._plainly():
                self._client.complete_multipart_upload(
                    **self._named(key), UploadId=upload, MultipartUpload={"Parts": parts}
                )
        except NoSuchKeyError:
            # Sent again because the first answer was lost: then it is done.
            if self.size(key) != size:
                raise

    def abort(self, key: str, upload: str) -> None:
        """Drop an upload and its parts; one that is gone already is no error."""
        try:
            with self._plainly():
                self._client.abort_multipart_upload(**self._named(key), UploadId=upload)
        except NoSuchKeyError:
            pass

    def abort_older(self, before: datetime) -> int:
        """Drop uploads that began before a time, and were never completed: how many."""
        dropped = 0
        with self._plainly():
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.place.bucket, Prefix=self.place.prefix
            )
            old = [one for page in pages for one in page.get("Uploads", ()) if one["Initiated"] < before]
        for one in old:
            self.abort(one["Key"].removeprefix(self.place.prefix), one["UploadId"])
            dropped += 1
        return dropped

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self.place.bucket, "Key": self.place.prefix + key}

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """Turn what botocore raises into our errors."""
        with self._presence.asked():
            try:
                yield
            except ClientError as error:
                raise self._translated(error) from error
            except (NoCredentialsError, PartialCredentialsError) as error:
                raise StoreUnavailableError(
                    f"The platform has no key to the object store {self.place}. Write one to the secret file "
                    "s3-credentials, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
                ) from error
            except BotoCoreError as error:
                raise AwayError(
                    f"The object store {self.place} does not answer as it should: {error}. "
                    "If this lasts, ask an administrator to look at it."
                ) from error

    def _translated(self, error: ClientError) -> Exception:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code == "InvalidRange" or status == 416:
            return _NothingThereError()
        if code == "NoSuchBucket":
            words = f"has no bucket {self.place.bucket}. Make it, or correct object_store_url"
        elif code in _ABSENT or code == "NoSuchUpload":
            return NoSuchKeyError()
        elif code in _FULL or status == 507:
            return StoreFullError()
        elif code in _REFUSED or status in (401, 403):
            words = f"refuses the platform's key ({code}). Correct the credentials, or what they may do"
        else:
            words = f"could not do what it was asked: {error}"
            if status is not None and status >= 500:
                return AwayError(f"The object store {self.place} {words}.")
        return StoreUnavailableError(f"The object store {self.place} {words}.")


class _NothingThereError(StorageError):
    """The range that was asked for lies behind the end."""


class _BrokenOffError(StorageError):
    """An answer began, and did not end."""
