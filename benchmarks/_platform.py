"""A real platform to measure: `himalia up` on a fresh home, as the tests run it, and what its processes use."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from platforms import ENVIRONMENTS, Person, Running, free_port  # noqa: E402

from himalia.core.processes import sandboxed, tree  # noqa: E402
from himalia.environments.local import create  # noqa: E402
from himalia.supervisor import control  # noqa: E402
from himalia.supervisor.home import Home  # noqa: E402

__all__ = [
    "ENVIRONMENTS",
    "ROOT",
    "Person",
    "Running",
    "commands",
    "cpu_s",
    "database",
    "free_port",
    "fresh_home",
    "processes",
    "signed_in",
    "wait_until_quiet",
]

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_SUPERVISOR = "himalia up"
_RUNNER = "himalia.runner.resident"


@contextmanager
def fresh_home() -> Iterator[Running]:
    """A home with the environment `base`, made if it is missing; stopped and removed at the end."""
    create("base", ENVIRONMENTS.parent)
    running = Running(("base",))
    try:
        yield running
    finally:
        running.remove()


@contextmanager
def signed_in(running: Running, name: str = "ada") -> Iterator[Person]:
    """A person without special rights, with a token."""
    running.add_user(name)
    with closing(Person(running, name)) as person:
        yield person


@contextmanager
def database(running: Running) -> Iterator[sqlite3.Connection]:
    """The service's database, read-only: what is seen in it is durable, and seeing it costs the service nothing."""
    file = running.home / "service" / "himalia.sqlite"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)) as connection:
        yield connection


def processes(running: Running) -> dict[int, str]:
    """PIDs of the platform with what they are: `himalia up`, `proxy`, `hub`, `service`, `runner` or `sandbox`."""
    status = control.call(Home.at(running.home), "status")
    if status is None:
        raise RuntimeError(f"Himalia does not run in {running.home}.")
    found = dict.fromkeys(tree([status["pid"]]), _SUPERVISOR)
    for process in status["processes"]:
        found |= dict.fromkeys(tree([process["pid"]]), process["name"])
    lines = commands()
    # A sandbox is nobody's child; the bubblewrap outside of it names the home in its arguments.
    outside = {
        pid for pid, words in lines.items() if _is_bubblewrap(words) and str(running.home) in str(words)
    }
    inside = {process.pid for process in sandboxed(running.home / "s")}
    for pid in inside | outside:
        words = lines.get(pid, [])
        found[pid] = "runner" if _RUNNER in words and not _is_bubblewrap(words) else "sandbox"
    return found


def _is_bubblewrap(words: list[str]) -> bool:
    return bool(words) and Path(words[0]).name == "bwrap"


def commands() -> dict[int, list[str]]:
    """The command lines of all processes."""
    return {
        int(entry.name): _command(int(entry.name))
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit()
    }


def _command(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
    return []


def cpu_s(pid: int) -> tuple[float, float]:
    """Seconds of CPU of a process, and of its ended children (proc(5)); zeros when it is gone."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        fields = stat[stat.rindex(")") + 2 :].split()
        own, children = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
        return own / TICKS_A_SECOND, children / TICKS_A_SECOND
    return 0.0, 0.0


def wait_until_quiet(pids: Iterable[int], quiet_s: float = 1.0, timeout_s: float = 60.0) -> None:
    """Return once these processes together used less than 3 % of a core for `quiet_s`.

    So what one measurement leaves to be done is not done during the next. Raises TimeoutError.
    """
    watched = list(pids)
    deadline = time.monotonic() + timeout_s
    while True:
        before = sum(cpu_s(pid)[0] for pid in watched)
        time.sleep(quiet_s)
        if sum(cpu_s(pid)[0] for pid in watched) - before < 0.03 * quiet_s:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"Processes {watched} were never quiet for {quiet_s} s.")
