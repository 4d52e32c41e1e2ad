"""How many processes a resident runner starts and reports per second.

    python benchmarks/runner_starts.py [--jobs 3000] [--at-once 2] [--rounds 5] [--json]

Starts a real runner, gives it ``/bin/true`` as that many workloads with ``--at-once`` of them running at any
time, acknowledges its reports as a service would, and prints starts per second: from the first message sent to
the last final report received.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _report import Report, Series, at_least_one, options


def start_runner(folder: Path) -> subprocess.Popen[bytes]:
    """Start a resident runner with its sockets and state in ``folder``; its token is ``bench``."""
    command = [sys.executable, "-m", "himalia.runner.resident", "--socket", folder / "r.sock"]
    command += [
        "--state",
        folder / "state",
        "--run-socket",
        folder / "run.sock",
        "--api",
        folder / "api.sock",
    ]
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"bench\n")
    process.stdin.close()
    return process


def connect(path: Path) -> socket.socket:
    """Connect to the runner once it listens."""
    deadline = time.monotonic() + 10
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return connection


def measure(folder: Path, jobs: int, at_once: int) -> float:
    """Starts per second of one round of ``jobs`` workloads."""
    process = start_runner(folder)
    try:
        connection = connect(folder / "r.sock")
        connection.sendall(b'{"op":"hello","version":1,"token":"bench"}\n')
        stream = connection.makefile("rb")
        stream.readline()
        messages = [_start(folder, number, at_once) for number in range(jobs)]
        begun = time.monotonic()
        connection.sendall(b"".join(messages))
        left = jobs
        number = 0
        while left:
            report = json.loads(stream.readline())
            number = report["n"]
            if report["op"] == "ended":
                assert report["exit_code"] == 0, report
                left -= 1
            if number % 64 == 0:
                connection.sendall(b'{"op":"ack","upto":%d}\n' % number)
        taken = time.monotonic() - begun
        connection.sendall(b'{"op":"ack","upto":%d}\n{"op":"end"}\n' % number)
        process.wait(10)
        return jobs / taken
    finally:
        process.kill()
        process.wait()


def _start(folder: Path, number: int, at_once: int) -> bytes:
    task = {"kind": "command", "command": ["/bin/true"], "directory": str(folder / f"w{number}-1")}
    after = f"w{number - at_once}-1" if number >= at_once else None
    return json.dumps({"op": "start", "name": f"w{number}-1", "task": task, "after": after}).encode() + b"\n"


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--jobs", type=at_least_one, default=3000)
    parser.add_argument("--at-once", type=at_least_one, default=2)
    chosen = parser.parse_args()
    ours = Series("runner")
    for _ in range(chosen.rounds):
        folder = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
        try:
            ours.values.append(measure(folder, chosen.jobs, chosen.at_once))
        finally:
            shutil.rmtree(folder)
    title = f"{chosen.jobs:,} starts of /bin/true, {chosen.at_once} at once"
    Report(title, "starts/s", ours).show(chosen.json)


if __name__ == "__main__":
    main()
