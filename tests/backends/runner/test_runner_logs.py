"""Capturing what workloads print, whatever that is."""

from __future__ import annotations

import sys
import time

from runner_harness import Runner

MIB = 1 << 20


def test_a_gigabyte_is_capped_and_said_so(runner: Runner) -> None:
    limit = 8 * MIB
    code = "head -c 1073741824 /dev/zero | tr '\\0' 'x'; echo; echo the very end"
    report = runner.run("a-1", "sh", "-c", code, log_limit_bytes=limit)
    log = runner.logs["a-1"]
    assert report["exit_code"] == 0
    assert len(log) == report["log_bytes"] <= limit
    assert report["log_bytes"] > limit - 1024
    assert report["log_dropped_bytes"] + report["log_bytes"] - len(_notice(log)) == 1073741824 + len(
        "\nthe very end\n"
    )
    assert log.startswith("x" * MIB)
    assert log.endswith("xxx\nthe very end\n")
    assert "GiB" in _notice(log) or "MiB" in _notice(log)
    files = list((runner.folder / "state" / "logs").iterdir())
    assert sum(file.stat().st_size for file in files) <= limit


def _notice(log: str) -> str:
    """The line about what was left out, with its line ends."""
    start = log.index("\n[himalia: ")
    return log[start : log.index("]\n", start) + 2]


def test_binary_becomes_valid_text(runner: Runner) -> None:
    runner.python("a-1", "import os; os.write(1, bytes(range(256)) * 2000)")
    report = runner.end("a-1")
    assert report["log_bytes"] == len(runner.logs["a-1"].encode())
    assert runner.logs["a-1"].count("\ufffd") == 128 * 2000
    assert "\x00\x01\x02" in runner.logs["a-1"]


def test_characters_split_over_writes_stay_whole(runner: Runner) -> None:
    code = """
import os, time
for byte in "grüße 🚀".encode():
    os.write(1, bytes([byte])); time.sleep(0.01)
"""
    runner.python("a-1", code)
    runner.end("a-1")
    assert runner.logs["a-1"] == "grüße 🚀"


def test_large_text_arrives_whole_and_in_order(runner: Runner) -> None:
    code = "print('é' * 500_000)"
    runner.python("a-1", code, environment={"PYTHONIOENCODING": "utf-8"})
    report = runner.end("a-1")
    assert runner.logs["a-1"] == "é" * 500_000 + "\n"
    assert report["log_bytes"] == 1_000_001


def test_secrets_are_masked_also_when_split(runner: Runner) -> None:
    code = """
import os, time
os.write(1, b"one hunter2-very-"); time.sleep(0.05); os.write(1, b"secret two\\n")
print(os.environ["TOKEN"], open(os.environ["HIMALIA_SECRETS_DIR"] + "/password").read())
print(os.environ["HIMALIA_TOKEN"])
"""
    secrets = {
        "secret_files": {"password": "hunter2-very-secret"},
        "secret_environment": {"TOKEN": "abcd-1234"},
    }
    runner.python("a-1", code, **secrets)
    assert runner.end("a-1")["exit_code"] == 0
    assert runner.logs["a-1"] == "one [secret] two\n[secret] [secret]\n[secret]\n"
    stored = b"".join(file.read_bytes() for file in (runner.folder / "state").rglob("*") if file.is_file())
    assert b"hunter2" not in stored
    assert b"abcd-1234" not in stored
    assert b"him_work_" not in stored


def test_output_is_seen_while_it_runs(runner: Runner) -> None:
    runner.python("a-1", "import time; print('now'); time.sleep(60)")
    assert runner.link.until("log", "a-1")["text"] == "now\n"
    runner.link.send(op="stop", name="a-1", grace_s=0, reason="stopped_by_user")
    runner.end("a-1")


def test_many_small_prints_make_few_reports(runner: Runner) -> None:
    runner.python("a-1", "import time\nfor i in range(200): print(i); time.sleep(0.002)")
    reports = 0
    while (report := runner.link.read()) is not None and report["op"] != "ended":
        reports += report["op"] == "log"
    assert 0 < reports < 40


def test_a_loud_workload_does_not_starve_others(runner: Runner) -> None:
    runner.start("loud-1", "sh", "-c", "cat /dev/zero", log_limit_bytes=MIB)
    runner.link.until("started", "loud-1")
    begun = time.monotonic()
    runner.start("a-1", sys.executable, "-S", "-c", "print('heard')")
    while runner.link.until("log", "a-1")["text"] != "heard\n":
        pass
    assert time.monotonic() - begun < 10
    runner.link.send(op="stop", name="loud-1", grace_s=0, reason="stopped_by_user")
    runner.end("loud-1")
