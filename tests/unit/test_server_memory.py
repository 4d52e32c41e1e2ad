"""A notebook server over its memory loses its largest process, never Lab."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from himalia.hub.memory import end_largest

MIB = 2**20
# The first process of a sandbox; its oldest child is Lab, which starts a kernel that takes 200 MiB.
KERNEL = """
import time
x = bytearray(200 << 20)
x[::4096] = b"1" * len(x[::4096])
print("full", flush=True)
time.sleep(60)
"""
LAB = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {KERNEL!r}])
print("kernel gone", flush=True)
input()
"""
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LAB!r}])"


@pytest.fixture
def sandbox() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.communicate("\n", timeout=10)


def test_the_kernel_ends_and_lab_stays(sandbox: subprocess.Popen[str]) -> None:
    assert sandbox.stdout is not None
    assert sandbox.stdout.readline() == "full\n"
    assert end_largest(sandbox.pid, 2000 * MIB) is None
    ended = end_largest(sandbox.pid, 100 * MIB)
    assert ended is not None
    assert ended[1] > 190 * MIB
    assert sandbox.stdout.readline() == "kernel gone\n"
    assert end_largest(sandbox.pid, 1) is None
