"""The runner protocol: who may speak, what is said once, what is said again."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

from runner_harness import Link, Runner, is_alive, wait_for

MakeRunner = Callable[..., Runner]


def test_a_command_starts_prints_and_ends(runner: Runner) -> None:
    runner.start("a-1", "sh", "-c", "echo out; echo err >&2; pwd; exit 3")
    started = runner.link.until("started", "a-1")
    assert started["n"] == 1
    assert abs(started["at"] - time.time()) < 60
    report = runner.end("a-1")
    assert (report["exit_code"], report["reason"]) == (3, "user_error")
    assert report["message"] == "It ended with exit code 3."
    assert runner.logs["a-1"] == f"out\nerr\n{runner.directory('a-1')}\n"
    assert report["log_bytes"] == len(runner.logs["a-1"])
    assert report["outputs"] == []
    assert report["usage"]["wall_s"] >= 0
    assert report["usage"]["max_memory_bytes"] > 0
    assert stat.S_IMODE(runner.directory("a-1").stat().st_mode) == 0o700


def test_the_socket_is_its_owners_alone(runner: Runner) -> None:
    assert stat.S_IMODE(runner.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE((runner.folder / "run.sock").stat().st_mode) == 0o600


def test_a_wrong_token_or_version_is_refused_and_disturbs_nobody(runner: Runner) -> None:
    assert Link(runner.socket, token="wrong").hello is None
    assert Link(runner.socket, version=2).hello is None
    stranger = Link(runner.socket, token="wrong")
    stranger.close()
    assert runner.run("a-1", "true")["exit_code"] == 0


def test_the_token_is_in_no_argument_and_no_environment(runner: Runner) -> None:
    proc = Path(f"/proc/{runner.process.pid}")
    assert b"test-token" not in (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()


def test_hello_tells_what_runs(runner: Runner) -> None:
    runner.start("a-1", "sleep", "60")
    runner.link.until("started", "a-1")
    again = runner.connect()
    assert again.hello is not None
    assert again.hello["op"] == "hello"
    assert again.hello["version"] == 1
    assert again.hello["running"] == ["a-1"]
    assert again.hello["next"] == 2
    assert runner.link.read() is None  # the new connection has replaced the old one


def test_what_is_not_acknowledged_is_sent_again_unchanged(runner: Runner) -> None:
    runner.link.close()
    silent = runner.connect(ack=False)
    runner.link = silent
    runner.start("a-1", "echo", "hello")
    first = [silent.read() for _ in range(3)]
    silent.send(op="ack", upto=1)
    runner.link = runner.connect(ack=False)
    assert [runner.link.read() for _ in range(2)] == first[1:]
    assert [report["n"] for report in first if report] == [1, 2, 3]
    runner.link.send(op="ack", upto=3)


def test_a_killed_service_misses_nothing(runner: Runner) -> None:
    """Everything happens while nobody is connected; memory does not hold the log."""
    runner.python("a-1", "import time; time.sleep(0.2)\nfor i in range(100_000): print('line', i)")
    runner.link.until("started", "a-1")
    runner.link.close()
    log = runner.folder / "state" / "logs" / "a-1"
    wait_for(lambda: log.exists() and log.stat().st_size == 1_088_890, "the log")
    runner.link = runner.connect()
    report = runner.end("a-1")
    assert report["exit_code"] == 0
    assert runner.logs["a-1"] == "".join(f"line {number}\n" for number in range(100_000))


def test_a_name_is_started_once(runner: Runner) -> None:
    command = ("sh", "-c", "echo x >> ../count; sleep 0.2")
    for _ in range(3):
        runner.start("a-1", *command)
    runner.end("a-1")
    runner.start("a-1", *command)
    assert runner.link.until("ended", "a-1")["exit_code"] == 0
    assert (runner.folder / "w" / "count").read_text() == "x\n"


def test_forget_deletes_folder_log_and_memory(runner: Runner) -> None:
    runner.run("a-1", "sh", "-c", "mkdir -p deep/er; echo x > deep/er/file; chmod 0 deep; echo log")
    runner.link.send(op="forget", names=["a-1", "unknown-1"])
    wait_for(lambda: not runner.directory("a-1").exists(), "the folder to go")
    assert list((runner.folder / "state" / "logs").iterdir()) == []
    runner.link.send(op="stop", name="a-1", grace_s=0, reason="stopped_by_user")
    assert runner.link.until("ended", "a-1")["exit_code"] is None  # it is not known any more


def test_after_waits_for_the_other_one(runner: Runner) -> None:
    runner.start("a-1", "sh", "-c", "sleep 0.2; date +%s%N > ../a")
    runner.start("b-1", "sh", "-c", "date +%s%N > ../b", after="a-1")
    runner.start("c-1", "true", after="b-1")
    runner.start("d-1", "true", after="never-heard-of-1")
    runner.end("c-1")
    assert int((runner.folder / "w/a").read_text()) < int((runner.folder / "w/b").read_text())


def test_a_long_chain_of_failures_ends(runner: Runner) -> None:
    runner.start("j0-1", "sleep", "0.2")
    for number in range(1, 1500):
        runner.start(f"j{number}-1", "/no/such/program", after=f"j{number - 1}-1")
    report = runner.end("j1499-1")
    assert report["reason"] == "bad_input"
    assert report["message"] == "The command '/no/such/program' is not there, or cannot be executed."


def test_stop_of_what_waits_or_is_unknown(runner: Runner) -> None:
    runner.start("a-1", "sleep", "60")
    runner.start("b-1", "touch", "../never", after="a-1")
    runner.link.send(op="stop", name="b-1", grace_s=5, reason="stopped_by_user")
    report = runner.end("b-1")
    assert (report["exit_code"], report["reason"]) == (None, "stopped_by_user")
    runner.link.send(op="stop", name="c-1", grace_s=5, reason="stopped_by_user")
    assert runner.end("c-1")["reason"] == "stopped_by_user"
    runner.start("c-1", "touch", "../never")
    assert runner.end("c-1")["exit_code"] is None
    assert not (runner.folder / "w/never").exists()


def test_recall_takes_back_only_what_has_not_begun(runner: Runner) -> None:
    runner.start("a-1", "sh", "-c", "until [ -e ../go ]; do sleep 0.02; done")
    for name, leader in (("b-1", "a-1"), ("c-1", "b-1"), ("d-1", "c-1")):
        runner.start(name, "sh", "-c", f"touch ../{name}", after=leader)
    runner.link.until("started", "a-1")
    runner.link.send(op="recall", names=["a-1", "b-1", "c-1", "unknown-1"])
    for name in ("b-1", "c-1"):
        report = runner.end(name)
        assert (report["exit_code"], report["reason"]) == (None, "recalled")
    work = runner.folder / "w"
    assert not any((work / name).exists() for name in ("b-1", "c-1", "d-1")), "d waits for a now"
    runner.link.send(op="forget", names=["b-1"])
    runner.start("b-1", "sh", "-c", "touch ../b-1", after="d-1")
    (work / "go").touch()
    assert runner.end("a-1")["reason"] is None
    assert runner.end("b-1")["reason"] is None
    assert (work / "d-1").exists()


def test_bad_messages_end_the_connection_not_the_runner(runner: Runner) -> None:
    for message in (
        {"op": "fly"},
        {"op": "start", "name": "../../etc"},
        {"op": "stop"},
        {"op": "ack", "upto": "x"},
    ):
        link = runner.connect()
        link.send(**message)
        assert link.read() is None
    runner.link = runner.connect()
    assert runner.run("a-1", "true")["exit_code"] == 0


def test_bad_tasks_are_bad_input(runner: Runner) -> None:
    for number, task in enumerate(
        ({}, [], {"kind": "x", "directory": "/tmp/x"}, {"kind": "command", "directory": "x"})
    ):
        runner.link.send(op="start", name=f"a-{number}", task=task)
        report = runner.end(f"a-{number}")
        assert report["reason"] == "bad_input"
        assert report["message"].endswith(".")


def test_a_killed_runner_reports_lost_and_ended_and_starts_nothing_twice(runner: Runner) -> None:
    runner.start("done-1", "sh", "-c", "echo from the first life; touch ../done")
    runner.link.until("started", "done-1")
    wait_for((runner.folder / "w" / "done").exists, "the first workload")
    runner.start("a-1", "sh", "-c", "echo $$ > ../pid; echo printed; exec sleep 60")
    wait_for(
        lambda: (runner.folder / "w/pid").exists() and (runner.folder / "w/pid").read_text(), "the second"
    )
    pid = int((runner.folder / "w/pid").read_text())
    runner.link.until("log", "a-1")
    runner.kill()
    first = runner.link.hello
    runner.launch()
    assert first is not None
    assert runner.link.hello is not None
    assert runner.link.hello["runner"] != first["runner"]
    assert runner.link.hello["next"] == 1
    ends = {}
    while set(ends) != {"done-1", "a-1"}:
        report = runner.link.read()
        assert report is not None
        if report["op"] == "ended":
            ends[report["name"]] = report
    assert ends["a-1"]["reason"] == "lost"
    assert ends["done-1"]["exit_code"] == 0
    assert not is_alive(pid)
    runner.start("a-1", "touch", "../twice")
    assert runner.end("a-1")["reason"] == "lost"
    assert not (runner.folder / "w/twice").exists()


def test_it_ends_when_told_and_nothing_runs(runner: Runner) -> None:
    runner.start("a-1", "sleep", "0.3")
    runner.link.until("started", "a-1")
    runner.link.send(op="end")
    assert runner.end("a-1")["exit_code"] == 0
    assert runner.process.wait(10) == 0


def test_it_ends_when_idle(make_runner: MakeRunner) -> None:
    runner = make_runner("--idle", "0.5")
    runner.run("a-1", "true")
    assert runner.process.wait(10) == 0


def test_it_ends_when_its_socket_is_gone_and_takes_its_workloads_along(make_runner: MakeRunner) -> None:
    runner = make_runner()
    runner.start("a-1", "sleep", "60")
    pid = runner.link.until("started", "a-1")["pid"]
    runner.socket.unlink()
    runner.link.send(op="ack", upto=0)  # any event makes it look at once
    assert runner.process.wait(10) == 0
    wait_for(lambda: not is_alive(pid), "the workload's end")


def test_sigterm_ends_workloads_as_platform_stopped(runner: Runner) -> None:
    runner.start("a-1", "sleep", "60")
    runner.link.until("started", "a-1")
    runner.process.terminate()
    assert runner.end("a-1")["reason"] == "platform_stopped"
    assert runner.process.wait(10) == 0


def test_the_journal_is_compacted(runner: Runner) -> None:
    long_name = "x" * 100
    directory = str(runner.folder / "w" / ("y" * 100))
    journal = runner.folder / "state" / "journal"
    largest = 0
    for number in range(3000):
        runner.link.send(
            op="start", name=f"{long_name}-{number}", task={"kind": "none", "directory": directory}
        )
        if number % 500 == 499:
            runner.end(f"{long_name}-{number}")
            names = [f"{long_name}-{each}" for each in range(number - 499, number + 1)]
            runner.link.send(op="forget", names=names)
            largest = max(largest, journal.stat().st_size)
    runner.run("a-1", "true")
    assert largest > 500_000
    assert journal.stat().st_size < 1_200_000


def test_it_runs_with_the_systems_python() -> None:
    """Nothing but the standard library is imported, and no site packages are needed."""
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    package = Path(__file__).parents[3] / "hub"
    code = f"import sys; sys.path.insert(0, {str(package)!r}); import himalia.runner.resident, himalia.run"
    assert os.spawnl(os.P_WAIT, python, python, "-I", "-S", "-c", code) == 0
