"""What the tests run under: nothing outlives it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

KEEPER = "import keeper; keeper.END_S, keeper.BROKEN_OFF_S = 0.3, {}; keeper.main()"
TESTS = str(Path(__file__).parents[1])
ASIDE = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
"""Starts what no signal to its group reaches."""
TOLD = ASIDE + (
    "import os, time\n"
    "try:\n"
    "    print(os.getpid(), os.getppid(), flush=True)\n"
    "    time.sleep(600)\n"
    "except KeyboardInterrupt:\n"
    "    print('in order', flush=True)\n"
)


def kept(code: str, broken_off_s: float = 20) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", KEEPER.format(broken_off_s), sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": TESTS}
    return subprocess.Popen(
        line,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_what_is_left_is_ended_and_told() -> None:
    process = kept(ASIDE)
    _, words = process.communicate(timeout=20)  # the end of the pipe: nobody has it any more
    assert process.returncode == 1
    assert words == "Left running, and killed now: sleep 600\n"


@pytest.mark.parametrize("code", [0, 5])
def test_a_command_that_leaves_nothing_has_its_own_exit_code(code: int) -> None:
    process = kept(f"raise SystemExit({code})")
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_command_that_is_broken_off_ends_in_order(number: signal.Signals) -> None:
    """SIGKILL, too: it reaches whoever started the keeper, and its group."""
    process = kept(TOLD)
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=20)
    assert said == "in order\n"
    assert process.returncode != 0


def test_what_a_killed_command_started_ends() -> None:
    process = kept(TOLD, broken_off_s=0.3)
    assert process.stdout is not None
    command, _ = process.stdout.readline().split()
    os.kill(int(command), signal.SIGKILL)
    assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == 128 + signal.SIGKILL


def test_a_command_that_does_not_end_is_killed() -> None:
    process = kept("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + TOLD, broken_off_s=0.3)
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    assert process.communicate(timeout=20)[0] == ""


def test_a_command_whose_keeper_is_killed_ends_in_order() -> None:
    process = kept(TOLD.removeprefix(ASIDE))
    assert process.stdout is not None
    _, keeper = process.stdout.readline().split()
    os.kill(int(keeper), signal.SIGKILL)
    assert process.communicate(timeout=20)[0] == "in order\n"
