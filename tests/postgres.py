"""A PostgreSQL server of a test's own, which it may kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from himalia.core.processes import Process, end_all, tree


class PostgresServer:
    """On a Unix socket, as nobody where we are root: it refuses to run as that."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            pytest.skip("PostgreSQL is not installed here (Debian: postgresql)")
        self.programs, self.folder = found[-1].parent, Path(tempfile.mkdtemp(prefix="hpg", dir="/tmp"))
        self._become: list[str] = []
        if os.geteuid() == 0:
            os.chown(self.folder, 65534, 65534)
            self._become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        initdb = ["-D", str(self.folder / "data"), "-U", "himalia", "-A", "trust", "-N"]
        self._run("initdb", *initdb, "-E", "UTF8", "--no-locale")

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy's URL of one of its databases."""
        return f"postgresql+psycopg://himalia@/{database}?host={self.folder}"

    def create(self, database: str) -> str:
        """Make a database: its URL."""
        self._run("createdb", "-h", str(self.folder), "-U", "himalia", database)
        return self.url(database)

    def start(self) -> PostgresServer:
        """Start it, also after it was killed."""
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off"
        self._run("pg_ctl", *self._where(), "-l", str(self.folder / "log"), "-o", options, "start")
        return self

    def kill(self) -> None:
        """SIGKILL all of it, as when its machine dies."""
        first = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        found = [process for pid in tree([first]) if (process := Process.of(pid)) is not None]
        end_all(found, 0, signal.SIGKILL)
        for lock in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):
            (self.folder / lock).unlink()  # until it is waited for, its number seems to be in use

    def remove(self) -> None:
        """End it, with everything in it."""
        if (self.folder / "data/postmaster.pid").exists():
            self._run("pg_ctl", *self._where(), "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def _where(self) -> list[str]:
        return ["-D", str(self.folder / "data"), "-w"]

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._become, str(self.programs / program), *arguments]
        # Not through a pipe, which the server would hold open.
        with (self.folder / "said").open("wb") as said:
            ended = subprocess.run(command, stdout=said, stderr=said, cwd=self.folder, check=False)
        if ended.returncode:
            words = [path.read_text() for name in ("said", "log") if (path := self.folder / name).exists()]
            raise AssertionError("\n".join(words))
