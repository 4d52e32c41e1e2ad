"""Overlays: what a requirements.txt adds to an environment, in a virtual environment on top of it.

An overlay belongs to one person, is named by what it is made from, and is built inside that person's sandbox, for
installing a package can run its code. It sees all packages of the base environment, and holds only those that the
base has not got, or not in a version that fits.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

import uv
from blake3 import blake3

from himalia.environments.local import PACKAGE_FOLDER, marker
from himalia.environments.overlay_build import MARKER, RequirementsError, check_requirements

__all__ = [
    "MAX_REQUIREMENTS_BYTES",
    "RequirementsError",
    "build_command",
    "digest_on",
    "is_ready",
    "last_used",
    "mark_used",
    "overlay_digest",
    "packages",
    "parse",
]

MAX_REQUIREMENTS_BYTES = 64 << 10
_LINE = re.compile(r"[A-Za-z0-9][ -~]*")


def parse(requirements: bytes) -> str:
    """The text of a requirements.txt that an overlay can be made from. Raises RequirementsError."""
    if len(requirements) > MAX_REQUIREMENTS_BYTES:
        raise RequirementsError(f"requirements.txt is larger than {MAX_REQUIREMENTS_BYTES >> 10} KiB.")
    try:
        text = requirements.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RequirementsError("requirements.txt is not UTF-8 text. Save it as UTF-8.") from None
    check_requirements(text)
    return text


def overlay_digest(requirements: bytes, base: Path) -> str:
    """The name of the overlay that `requirements` makes on the environment `base`: 64 hexadecimal digits.

    Reads one small file of `base`. Raises FileNotFoundError where that is no finished environment.
    """
    return digest_on(marker(base), requirements)


def digest_on(base: str, requirements: bytes) -> str:
    """The name of the overlay that `requirements` makes on what `base` tells apart from all else."""
    return blake3(b"himalia overlay 1\n" + base.encode() + b"\n" + requirements).hexdigest()


def is_ready(destination: Path) -> bool:
    """Whether a finished overlay is in the folder `destination`, which its owner may write to."""
    try:
        return stat.S_ISREG((destination / MARKER).lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def packages(destination: Path) -> list[str] | None:
    """What was installed in the overlay in the folder `destination`, each as name==version; None where none is.

    The folder is its owner's, who may have put there whatever they like.
    """
    try:
        folder = os.open(destination, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(MARKER, flags, dir_fd=folder), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return None
                data = file.read(MAX_REQUIREMENTS_BYTES)
        finally:
            os.close(folder)
        found = json.loads(data)["packages"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    is_listed = isinstance(found, list) and all(
        isinstance(one, str) and _LINE.fullmatch(one) for one in found
    )
    return found if is_listed else None


def mark_used(destination: Path) -> None:
    """Note that the overlay in `destination` is used now."""
    with suppress(OSError):
        os.utime(destination / MARKER, follow_symlinks=False)


def last_used(path: Path) -> float:
    """When `path`, an overlay or what else lies beside overlays, was made or used, in seconds since 1970."""
    times = [0.0]
    for place in (path, path / MARKER):
        with suppress(OSError):
            times.append(place.lstat().st_mtime)
    return max(times)


def build_command(
    base: Path, destination: Path, requirements: bytes, *, package_folder: str = PACKAGE_FOLDER
) -> list[str]:
    """The command that builds the overlay at `destination`, to be run inside its owner's sandbox.

    There, `base`, the platform's prefix and `package_folder` must be visible and the folder around `destination`
    writable, all under these same paths, and the environment must hold what
    `himalia.environments.index.index_environment` answers. Raises RequirementsError.
    """
    return [
        str(base / "bin/python"),
        *("-I", f"{package_folder}/himalia/environments/overlay_build.py"),
        *("--uv", uv.find_uv_bin()),
        *("--base", str(base)),
        *("--destination", str(destination)),
        f"--requirements={parse(requirements)}",
    ]
