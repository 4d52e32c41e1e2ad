"""Supervision of small real programs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from himalia.core.processes import Process, end_all, memory, sandboxed, tree, wait_all
from himalia.supervisor import control
from himalia.supervisor.child import Program
from himalia.supervisor.down import down
from himalia.supervisor.errors import AlreadyRunning, SupervisorError
from himalia.supervisor.home import Home
from himalia.supervisor.supervisor import Supervisor, end_sandboxes, left_over, take_over

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
DEAF = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
)


@pytest.fixture
def home() -> Iterator[Home]:
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
    made = Home.at(folder)
    made.prepare()
    made.make_secrets()
    yield made
    shutil.rmtree(folder)


@pytest.fixture
def said() -> list[str]:
    return []


async def _never() -> bool:
    return False


async def test_runs_side_by_side_and_leaves_nothing(home: Home, said: list[str]) -> None:
    supervisor = Supervisor(home, [Program("hub", SLEEP), Program("service", SLEEP)], said.append)
    await supervisor.start()
    pids = [item["pid"] for item in await supervisor.status()]
    assert [item["state"] for item in await supervisor.status()] == ["healthy", "healthy"]
    assert {os.getsid(pid) for pid in pids} == set(pids), "each has a session of its own"
    await supervisor.stop()
    assert [Process.of(pid) for pid in pids] == [None, None]
    assert not list(home.run.glob("*.pid"))


async def test_a_dead_program_starts_again_later_and_later(home: Home, said: list[str]) -> None:
    times = home.path / "logs" / "times"
    line = f"import time, sys; open({str(times)!r}, 'a').write(f'{{time.time()}}\\n'); sys.exit(3)"
    supervisor = Supervisor(home, [Program("hub", (sys.executable, "-c", line))], said.append)
    child = supervisor.children[0]
    task = asyncio.create_task(child.run())
    async with asyncio.timeout(10):
        while child.starts < 4 or child.exit_code is None or child.process is not None:
            child.changed.clear()
            await child.changed.wait()
    child.end()
    await task
    starts = [float(text) for text in times.read_text().split()]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert [gap >= least for gap, least in zip(gaps, (0.2, 0.4, 0.8), strict=True)] == [True] * 3
    assert child.ended_with() == "exit code 3"


async def test_a_killed_program_is_replaced(home: Home, said: list[str]) -> None:
    supervisor = Supervisor(home, [Program("hub", SLEEP)], said.append)
    await supervisor.start()
    child = supervisor.children[0]
    assert child.process is not None
    first = child.process
    child.changed.clear()
    os.kill(first.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        while child.process is None or child.process == first:
            child.changed.clear()
            await child.changed.wait()
    found = (await supervisor.status())[0]
    await supervisor.stop()
    assert found["restarts"] == 1
    assert found["ended_with"] == "signal SIGKILL"


async def test_what_does_not_end_is_killed_after_its_grace(home: Home, said: list[str]) -> None:
    async def deaf() -> bool:
        return "deaf" in home.log("service").read_text()

    supervisor = Supervisor(home, [Program("service", DEAF, grace_s=0.5, ready=deaf)], said.append)
    await supervisor.start()
    began = time.monotonic()
    supervisor.ask_to_stop()
    supervisor.ask_to_stop()
    await supervisor.stop()
    assert 0.4 < time.monotonic() - began < 5
    assert said[-2:] == ["Stopping …", "Still waiting for: service (killed in 0 s)."]
    assert supervisor.children[0].ended_with() == "signal SIGKILL"


async def test_a_program_that_never_works_fails_the_start(home: Home, said: list[str]) -> None:
    line = "print('no such database'); raise SystemExit(1)"
    program = Program("hub", (sys.executable, "-c", line), ready=_never)
    supervisor = Supervisor(home, [program], said.append)
    with pytest.raises(SupervisorError, match="hub does not start: it ended with exit code 1") as caught:
        await supervisor.start()
    await supervisor.stop()
    assert "no such database" in str(caught.value)


async def test_a_stop_during_the_start_is_obeyed(home: Home, said: list[str]) -> None:
    supervisor = Supervisor(home, [Program("hub", SLEEP, ready=_never)], said.append)
    starting = asyncio.create_task(supervisor.start())
    async with asyncio.timeout(10):
        await supervisor.children[0].changed.wait()
    supervisor.ask_to_stop()
    await starting
    await supervisor.stop()
    assert not left_over(home)


async def test_each_start_is_followed_by_what_belongs_to_it(home: Home, said: list[str]) -> None:
    calls: asyncio.Queue[None] = asyncio.Queue()
    program = Program("proxy", SLEEP, after_start=lambda: calls.put(None))
    supervisor = Supervisor(home, [program], said.append)
    await supervisor.start()
    child = supervisor.children[0]
    async with asyncio.timeout(10):
        await calls.get()
        assert child.process is not None
        child.process.send(signal.SIGKILL)
        await calls.get()
    await supervisor.stop()


async def test_the_socket_answers(home: Home) -> None:
    async def answer(op: str) -> dict[str, object]:
        return {"op": op}

    async with control.listening(home, answer):
        assert home.socket.stat().st_mode & 0o777 == 0o600
        assert await asyncio.to_thread(control.call, home, "status") == {"op": "status"}
    assert control.call(home, "status") is None


DRIVER = """
    import asyncio, sys
    from pathlib import Path
    from himalia.supervisor.child import Program
    from himalia.supervisor.home import Home
    from himalia.supervisor.supervisor import Supervisor

    async def main():
        home = Home.at(Path(sys.argv[1]))
        lock = home.lock()
        supervisor = Supervisor(home, [Program("hub", ("sleep", "600"), {"PATH": "/usr/bin:/bin"})], print)
        await supervisor.start()
        print("up", flush=True)
        await supervisor.run()

    asyncio.run(main())
"""


@pytest.fixture
def killed(home: Home) -> Process:
    """A program whose supervisor got SIGKILL."""
    command = [sys.executable, "-u", "-c", textwrap.dedent(DRIVER), str(home.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        while driver.stdout.readline() != "up\n":
            assert driver.poll() is None
        with pytest.raises(AlreadyRunning):
            home.lock()
        driver.kill()
    (found,) = left_over(home)
    return found


def test_a_killed_supervisor_is_followed_by_another(home: Home, killed: Process) -> None:
    os.close(home.lock())
    assert take_over(home) == 1
    assert not killed.alive()


def test_down_without_a_supervisor(home: Home, killed: Process) -> None:
    assert down(home) is True
    assert not killed.alive()
    assert down(home) is False


def test_another_process_with_the_pid_is_spared(home: Home) -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        process = Process.of(other.pid)
        assert process is not None
        older = Process(process.pid, process.started - 1, process.boot)
        assert not older.alive()
        older.send(signal.SIGKILL)
        earlier = Process(process.pid, process.started, "another boot")
        earlier.send(signal.SIGKILL)
        assert process.alive()
        other.kill()
        assert wait_all([process], 10) == []


def test_memory_of_a_tree() -> None:
    line = "import subprocess, sys; subprocess.run(['sleep', '600'])"
    with subprocess.Popen([sys.executable, "-c", line]) as parent:
        deadline = time.monotonic() + 10
        while len(tree([parent.pid])) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        pids = tree([parent.pid])
        assert len(pids) == 2
        assert 1_000_000 < memory(pids) < 100_000_000
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def _sandbox(sockets: Path) -> subprocess.Popen[bytes]:
    user = [] if os.geteuid() == 0 else ["--unshare-user"]
    line = ["bwrap", *user, "--unshare-pid", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"]
    line += [
        "--symlink",
        "usr/lib",
        "/lib",
        "--symlink",
        "usr/lib64",
        "/lib64",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    line += ["--bind", str(sockets), "/run/himalia"]
    return subprocess.Popen([*line, "sh", "-c", "setsid sleep 600 & echo up; wait"], stdout=subprocess.PIPE)


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")
def test_what_is_left_in_sandboxes_ends(home: Home, tmp_path: Path) -> None:
    ours = home.path / "s" / "abcdefgh"
    ours.mkdir()
    with _sandbox(ours) as left, _sandbox(tmp_path) as other:
        for each in (left, other):
            assert each.stdout is not None
            assert each.stdout.readline() == b"up\n"
        assert len(sandboxed(home.path / "s")) >= 3, "its first process, the shell and the sleep"
        end_sandboxes(home)
        assert sandboxed(home.path / "s") == []
        assert left.wait(10) != 0
        assert other.poll() is None, "a sandbox of something else runs on"
        end_all([process for process in map(Process.of, tree([other.pid])) if process], 0)
