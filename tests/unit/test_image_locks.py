"""What no machine here builds: each image's requirements, resolved for the platform that they are for.

Every package that the lock names there must have a wheel there, and nothing may be missing from the lock.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from himalia.core.shipped import shipped

IMAGES = shipped("images")
ARM64, AMD64 = "aarch64-manylinux_2_28", "x86_64-manylinux_2_28"
RESOLVED = [
    ("base", ARM64),
    ("scikit-learn", ARM64),
    ("pytorch-cpu", ARM64),
    ("tensorflow", ARM64),
    ("pytorch-gpu", ARM64),
    ("mindspore-npu", ARM64),
    ("pytorch-gpu", AMD64),
    ("mindspore-npu", AMD64),
]
PYTHON = "3.11"


def resolve(folder: Path, lock: Path, platform: str) -> set[str]:
    """`name==version` of all that is installed there; skips the test where no package registry answers."""
    words = ["--python-platform", platform, "--python-version", PYTHON, "--only-binary", ":all:"]
    command = [sys.executable, "-m", "uv", "pip", "compile", "--no-header", "--no-annotate", *words]
    done = subprocess.run(
        [*command, "--constraint", str(lock), str(folder / "requirements.txt")],
        capture_output=True,
        text=True,
    )
    if "Failed to fetch" in done.stderr or "Network connectivity is disabled" in done.stderr:
        pytest.skip("no package registry can be reached")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def locked(lock: Path, platform: str) -> set[str]:
    """What of a lock is for that platform."""
    environment = {
        "platform_machine": platform.partition("-")[0],
        "python_version": PYTHON,
        "python_full_version": f"{PYTHON}.2",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    lines = [line.rstrip("\\ ") for line in lock.read_text().splitlines() if line[:1].isalnum()]
    pinned = [Requirement(line) for line in lines]
    return {
        f"{one.name}{one.specifier}"
        for one in pinned
        if one.marker is None or one.marker.evaluate(environment)
    }


@pytest.mark.slow
@pytest.mark.parametrize(("image", "platform"), RESOLVED)
def test_the_lock_holds_on_its_platform(image: str, platform: str) -> None:
    folder = IMAGES / image
    lock = next(iter(folder.glob("*.lock")))
    assert resolve(folder, lock, platform) == locked(lock, platform)


def test_docs_say_of_each_image_what_was_built() -> None:
    table = (Path(__file__).parents[2] / "docs" / "images.md").read_text()
    rows = [line for line in table.splitlines() if line.startswith("| `") and line.count("|") == 4]
    for image, platform in RESOLVED:
        row = next(line for line in rows if f"`{image}`" in line and ("built" in line))
        column = row.split("|")[3 if platform == ARM64 else 2]
        assert "not built" in column, (image, platform, row)
