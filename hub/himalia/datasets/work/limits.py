"""How much an import may bring: checked while it is read, whatever its headers promise."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

from himalia.datasets.work.say import CannotGoOn, size

CHECK_EVERY = 64 << 20
MOST_NAMES_BYTES = 14 << 20
_OUTPUT_BYTES = len("outputs/")


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of each. Sizes are in bytes; `ratio` is unpacked bytes for each byte of an archive."""

    files: int = 100_000
    total: int = 200 << 30
    file: int = 100 << 30
    ratio: int = 200
    free: int = 1 << 30
    """What must stay free on the disk."""

    @classmethod
    def parse(cls, text: str) -> Limits:
        """Limits written as `files=1000,total=1073741824`; what is not named keeps its default."""
        given = {}
        for part in filter(None, text.split(",")):
            name, _, number = part.partition("=")
            if name not in cls.__slots__ or not number.isdecimal():
                raise argparse.ArgumentTypeError(f"{part!r} is no limit: write name=number.")
            given[name] = int(number)
        return cls(**given)

    def __str__(self) -> str:
        return ",".join(f"{name}={getattr(self, name)}" for name in self.__slots__)


class Counted:
    """What has come so far, held against the limits."""

    def __init__(self, limits: Limits, place: Path) -> None:
        self.limits = limits
        self.place = place
        self.files = 0
        self.total = 0
        self._others = 0
        self._names_bytes = 0
        self._check_at = 0

    def one_more(self, *, is_file: bool = True) -> None:
        """A file begins, or what else takes time though it is not kept. Raises CannotGoOn."""
        self.files += is_file
        self._others += not is_file
        if max(self.files, self._others) > self.limits.files:
            raise CannotGoOn(
                f"It holds more than {self.limits.files:,} files, the most that one import may bring. Put small "
                "files together, in Parquet files for instance, or add them as several folders."
            )

    def named(self, path: str) -> None:
        """A file is called so. Raises CannotGoOn where all names together are more than a task can tell of."""
        self._names_bytes += len(json.dumps(path)) + _OUTPUT_BYTES
        if self._names_bytes > MOST_NAMES_BYTES:
            raise CannotGoOn("The names of its files are too long, all together. Import it in parts.")

    def more(self, path: str, of_file: int, count: int) -> None:
        """`count` bytes more, which make the file `path` `of_file` bytes long. Raises CannotGoOn."""
        self.total += count
        if of_file > self.limits.file:
            raise CannotGoOn(f"{path!r} is larger than {size(self.limits.file)}, the most for one file.")
        if self.total > self.limits.total:
            raise CannotGoOn(
                f"It holds more than {size(self.limits.total)}, the most that one import may bring."
            )
        if self.total >= self._check_at:
            self._check_at = self.total + CHECK_EVERY
            disk = os.statvfs(self.place)
            if disk.f_bavail * disk.f_frsize < self.limits.free:
                raise CannotGoOn(
                    "The disk is nearly full, so nothing was imported. Free some space, then try again."
                )
