"""What a runner must remember beyond its own death: which names it was given, and how they ended.

An append-only file of lines, read by the next runner on the same folder::

    R <runner id>          a runner began
    S <name> <JSON>        its working folder: about to be started, written before anything is done for it
    E <name> <JSON>        its final report
    F <name>               acknowledged and forgotten

One write system call per batch of lines. That survives ``kill -9`` of the runner; a power cut takes the
workloads with it anyway.
"""

from __future__ import annotations

import json
import os
from typing import Dict, List, Tuple

_SMALLEST_COMPACTION = 1 << 20


class Journal:
    """The file ``path``, with what its lines add up to.

    ``started`` maps the names without a final report to their working folders, ``ended`` the others, unless they
    are forgotten, to working folder and final report. ``runners`` are the ids of runners whose processes may
    still be there.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.started: Dict[str, str] = {}
        self.ended: Dict[str, Tuple[str, bytes]] = {}
        self.runners: List[str] = []
        self._pending: List[bytes] = []
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._bytes = 0
        self._incomplete = False
        self._replay()

    def begin(self, runner: str) -> None:
        """Note that the runner with this id begins; earlier ones no longer matter."""
        self.runners = [runner]
        self._compact()

    def start(self, name: str, directory: str) -> None:
        """``name`` will be started: durable after the next :meth:`flush`."""
        self.started[name] = directory
        self._pending.append(_started_line(name, directory))

    def end(self, name: str, directory: str, report: bytes) -> None:
        """Keep the final report, a line, of ``name``, which has not ended before."""
        self.started.pop(name, None)
        self.ended[name] = (directory, report)
        self._pending.append(_ended_line(name, report))

    def forget(self, name: str) -> None:
        """Drop what is remembered of ``name``."""
        if self.ended.pop(name, None) is not None:
            self._pending.append(b"F %s\n" % name.encode())

    def flush(self) -> None:
        """Write what was noted since the last call, and compact once most of the file is history."""
        if not self._pending:
            return
        data = b"".join(self._pending)
        self._pending.clear()
        try:
            if not self._incomplete:
                self._bytes += _write(self._file, data)
            if self._incomplete or self._bytes > _SMALLEST_COMPACTION + 1000 * len(self.ended):
                self._compact()
            self._incomplete = False
        except OSError:
            self._incomplete = True  # a full disk: all of it is in memory, and is written anew the next time

    def close(self) -> None:
        self.flush()
        os.close(self._file)

    def _replay(self) -> None:
        with open(self._path, "rb") as stream:
            for line in stream:
                try:
                    self._apply(line[:1], line[2:].rstrip(b"\n"))
                except ValueError:
                    continue  # cut off by the death of the runner or a full disk
        self._bytes = os.fstat(self._file).st_size

    def _apply(self, kind: bytes, rest: bytes) -> None:
        if kind == b"R":
            self.runners.append(rest.decode())
        elif kind == b"S":
            name, _, directory = rest.partition(b" ")
            self.started[name.decode()] = str(json.loads(directory))
        elif kind == b"E":
            name, _, report = rest.partition(b" ")
            json.loads(report)
            folder = self.started.pop(name.decode(), "")
            self.ended[name.decode()] = (folder, report + b"\n")
        elif kind == b"F":
            self.ended.pop(rest.decode(), None)

    def _compact(self) -> None:
        """Write a file of what still counts and put it in the place of the old one."""
        lines = [b"R %s\n" % runner.encode() for runner in self.runners]
        lines += [_started_line(name, directory) for name, directory in self.started.items()]
        for name, (directory, report) in self.ended.items():
            lines += [_started_line(name, directory), _ended_line(name, report)]
        temporary = self._path + ".new"
        file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._bytes = _write(file, b"".join(lines))
            os.rename(temporary, self._path)
        except OSError:
            os.close(file)
            raise
        os.close(self._file)
        self._file = file


def _write(file: int, data: bytes) -> int:
    """Write all of ``data``; answers its length."""
    left = data
    while left:
        left = left[os.write(file, left) :]
    return len(data)


def _started_line(name: str, directory: str) -> bytes:
    return b"S %s %s\n" % (name.encode(), json.dumps(directory).encode())


def _ended_line(name: str, report: bytes) -> bytes:
    return b"E %s %s" % (name.encode(), report)
