"""Runs a command and ends whatever it leaves running: `python tests/keeper.py COMMAND …`.

However the command ends (by itself, by Ctrl-C or SIGTERM, killed alone or with all of its group), none of its
descendants outlives it, in whatever session or sandbox it is: orphans become children of the keeper. What a command
that succeeded has left is an error.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from himalia.runner.processes import become_subreaper, kill_tree, own_children, tree

END_S = 3.0
"""For what still ends behind a command that ended by itself."""
BROKEN_OFF_S = 30.0
"""For an orderly end of a command that is broken off, and of what it would have ended."""
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Stand in for the keeper, which has a session of its own, so that it outlives a kill of this process's group."""
    keeper = os.fork()
    if not keeper:
        os._exit(_keep(sys.argv[1:]))
    for number in ENDS:
        signal.signal(number, lambda *_: os.kill(keeper, signal.SIGTERM))
    _signal_at_death_of_parent(signal.SIGTERM)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1]))


def _keep(command: list[str]) -> int:
    """Run the command to its end, then end what it left; the exit code."""
    _signal_at_death_of_parent(signal.SIGTERM)
    os.setsid()
    become_subreaper()
    started = os.fork()
    if not started:
        _become(command)

    def interrupt(*_: object) -> None:
        _send_group(started, signal.SIGINT)
        signal.setitimer(signal.ITIMER_REAL, BROKEN_OFF_S)

    for number in ENDS:
        signal.signal(number, interrupt)
    signal.signal(signal.SIGALRM, lambda *_: _send_group(started, signal.SIGKILL))
    ended = 0
    while ended != started:
        ended, status = os.wait()
    signal.setitimer(signal.ITIMER_REAL, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        _send_group(started, signal.SIGINT)
    left = [] if _all_ended(END_S if code >= 0 else BROKEN_OFF_S) else _kill()
    for words in left:
        print(f"Left running, and killed now: {words}", file=sys.stderr)
    return 128 - code if code < 0 else code or bool(left)


def _become(command: list[str]) -> None:
    """Be the command, in a process group of its own: the keeper sends Ctrl-C on to all of it."""
    os.setpgid(0, 0)
    _signal_at_death_of_parent(signal.SIGINT)
    for number in ENDS:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        os._exit(127)


def _send_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _signal_at_death_of_parent(number: signal.Signals) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def _all_ended(within_s: float) -> bool:
    """Whether no child is left, those included that were handed down to this process."""
    deadline = time.monotonic() + within_s
    try:
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.05)
    except ChildProcessError:
        return True
    return False


def _kill() -> list[str]:
    """Kill all that descends from this process; their command lines."""
    found: dict[int, str] = {}
    while not _all_ended(0.2):
        for pid in tree(own_children()):
            with suppress(OSError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.setdefault(pid, line[:200].strip())
        kill_tree(own_children())
    return [line for line in found.values() if line]


if __name__ == "__main__":
    main()
