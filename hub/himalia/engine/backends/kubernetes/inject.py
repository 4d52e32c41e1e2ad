"""What pods get of this package, as one zip on the Python path: the runner, `himalia.run`, `himalia.serving`, and
what builds overlays.

So any image with Python 3.8 can carry workloads, and needs nothing of ours.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import himalia

FILE = "himalia.zip"
PACKAGES = ("run", "runner", "serving")
MODULES = ("environments/overlay_build.py",)
SHARED = ("__init__.py", "environments/__init__.py")
"""Packages of which the zip has a part: what an installed himalia has besides is found, too."""
_BESIDE = """
__path__ = __import__("pkgutil").extend_path(__path__, __name__)
"""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class RunnerZip:
    """`data` is a zip file; equal code has the equal `digest`, which fits into a name."""

    digest: str
    data: bytes


@cache
def runner_zip() -> RunnerZip:
    """The zip of this installation's code. It is not compressed: Python reads it faster, and 300 KiB are few."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in _files(Path(himalia.__file__).parent):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    data = stream.getvalue()
    return RunnerZip(hashlib.sha256(data).hexdigest()[:_DIGEST_LENGTH], data)


def _files(package: Path) -> Iterator[tuple[str, str]]:
    """Names and contents, in the order of names."""
    whole = [str(path.relative_to(package)) for one in PACKAGES for path in (package / one).rglob("*.py")]
    for name in sorted([*whole, *MODULES, *SHARED]):
        text = (package / name).read_text()
        yield f"himalia/{name}", text + _BESIDE if name in SHARED else text
