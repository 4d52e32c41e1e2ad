"""Ending processes for certain, and keeping them within their limits."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from runner_harness import Runner, is_alive, wait_for

MIB = 1 << 20

#: Forks twice into a new session with an empty environment, writes its pid to the file in argv, and stays.
DAEMON = """
import os, sys, time
if os.fork():
    os.wait(); {then}; sys.exit()
os.setsid()
if os.fork():
    os._exit(0)
os.execve({python!r}, [{python!r}, "-c",
  "import os,signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
  "open('../daemon.new','w').write(str(os.getpid())); os.rename('../daemon.new','../daemon'); time.sleep(60)"], {{}})
"""


def _daemon(runner: Runner, name: str, then: str) -> int:
    """Start a workload with a hidden daemon; answers the daemon's pid."""
    runner.python(name, DAEMON.format(then=then, python=sys.executable))
    path = runner.folder / "w" / "daemon"
    wait_for(path.exists, "the daemon")
    return int(path.read_text())


def test_stop_reaches_a_daemon_that_hid_itself(runner: Runner) -> None:
    pid = _daemon(runner, "a-1", "time.sleep(60)")
    assert is_alive(pid)
    runner.link.send(op="stop", name="a-1", grace_s=0.2, reason="stopped_by_user")
    report = runner.end("a-1")
    assert report["reason"] == "stopped_by_user"
    assert report["exit_code"] == 128 + 15
    assert not is_alive(pid)


def test_what_is_left_behind_is_killed_before_the_final_report(runner: Runner) -> None:
    wait = "exec(\"while not os.path.exists('../daemon'): time.sleep(0.01)\")"
    pid = _daemon(runner, "a-1", wait)
    assert runner.end("a-1")["exit_code"] == 0
    assert not is_alive(pid)


def test_a_background_process_of_another_workload_is_spared(runner: Runner) -> None:
    runner.start("a-1", "sh", "-c", "(setsid sleep 60 & echo $! > ../orphan); sleep 60")
    wait_for(lambda: (runner.folder / "w/orphan").exists(), "the orphan")
    wait_for(lambda: (runner.folder / "w/orphan").read_text(), "its pid")
    orphan = int((runner.folder / "w/orphan").read_text())
    assert runner.run("b-1", "true")["exit_code"] == 0
    assert is_alive(orphan)
    runner.link.send(op="stop", name="a-1", grace_s=1, reason="stopped_by_user")
    runner.end("a-1")
    assert not is_alive(orphan)


def test_stop_gives_grace_and_then_kills(runner: Runner) -> None:
    runner.start(
        "good-1", "sh", "-c", "trap 'echo saved; exit 0' TERM; echo on; while :; do sleep 0.05; done"
    )
    runner.link.until("log", "good-1")
    runner.link.send(op="stop", name="good-1", grace_s=10, reason="stopped_by_user")
    report = runner.end("good-1")
    assert (report["exit_code"], report["reason"]) == (0, "stopped_by_user")
    assert runner.logs["good-1"].endswith("saved\n")

    runner.start("bad-1", "sh", "-c", "trap '' TERM; echo on; while :; do sleep 0.05; done")
    runner.link.until("log", "bad-1")
    begun = time.monotonic()
    runner.link.send(op="stop", name="bad-1", grace_s=0.4, reason="stopped_by_user")
    report = runner.end("bad-1")
    assert report["exit_code"] == 128 + 9
    assert 0.3 < time.monotonic() - begun < 5


def test_a_fork_storm_is_ended(runner: Runner) -> None:
    code = """
import os, time
open("../storm", "w").close()
end = time.time() + 30
while time.time() < end:
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork(): os._exit(0)
            time.sleep(0.02)
    except OSError:
        pass
    time.sleep(0.005)
"""
    runner.python("a-1", code)
    wait_for((runner.folder / "w/storm").exists, "the storm")
    runner.link.send(op="stop", name="a-1", grace_s=0, reason="stopped_by_user")
    assert runner.end("a-1")["reason"] == "stopped_by_user"


def test_time_limit(runner: Runner) -> None:
    report = runner.run("a-1", "sleep", "60", time_limit_s=0.3)
    assert report["reason"] == "time_limit"
    assert report["message"] == "It ran longer than its time limit of 0.3 s."
    assert 0.25 < report["usage"]["wall_s"] < 5


def test_memory_limit_counts_the_whole_tree(runner: Runner) -> None:
    half = "x = bytearray(70 * 1024 * 1024)"
    code = f"import os, time; {half}; os.fork() or exec('y = bytearray(70 * 1024 * 1024)'); time.sleep(60)"
    runner.python("a-1", code, memory_bytes=100 * MIB)
    report = runner.end("a-1")
    assert report["reason"] == "out_of_memory"
    assert report["message"].endswith("more than its limit of 100.0 MiB.")
    assert report["usage"]["max_memory_bytes"] > 100 * MIB


def test_shared_memory_counts_once(runner: Runner) -> None:
    """Eight processes that share 60 MiB use 60 MiB, not 480."""
    code = """
import os, time
x = bytearray(60 * 1024 * 1024)
pids = [os.fork() for _ in range(3)]
time.sleep(1.2)
"""
    runner.python("a-1", code, memory_bytes=200 * MIB)
    assert runner.end("a-1")["exit_code"] == 0


@pytest.mark.parametrize(("number", "words"), [(11, "SIGSEGV (segmentation fault)"), (9, "SIGKILL (killed)")])
def test_an_end_by_signal_is_told_in_words(runner: Runner, number: int, words: str) -> None:
    report = runner.run("a-1", "sh", "-c", f"kill -{number} $$")
    assert (report["exit_code"], report["reason"]) == (128 + number, "user_error")
    assert report["message"] == f"The process was ended by {words}."


def test_workloads_have_default_signals_no_input_and_no_foreign_descriptors(runner: Runner) -> None:
    runner.start("a-1", "sh", "-c", "grep SigIgn /proc/self/status; ls /proc/self/fd | tr '\\n' ' '; cat")
    assert runner.end("a-1")["exit_code"] == 0
    words = runner.logs["a-1"].split()
    assert int(words[1], 16) & 0x7FFFFFFF == 0  # 32 and 33 are the C library's own
    assert words[2:] == ["0", "1", "2", "3"]


def test_user_code_cannot_read_the_runners_memory(runner: Runner) -> None:
    """As another user than root, who may read everything; the runner would not start twice as the same one."""
    status = Path(f"/proc/{runner.process.pid}/environ").stat()
    assert status.st_uid == 0
    if os.getuid() != 0:
        with pytest.raises(PermissionError):
            Path(f"/proc/{runner.process.pid}/environ").read_bytes()


def test_a_missing_environment_is_told_apart(runner: Runner) -> None:
    report = runner.run("a-1", "python", "x.py", python="/no/environment/bin/python")
    assert report["reason"] == "environment_missing"


def test_the_environments_programs_come_first(runner: Runner) -> None:
    runner.run("a-1", "python", "-c", "import sys; print(sys.executable)", python=sys.executable)
    assert runner.logs["a-1"].strip() == sys.executable
