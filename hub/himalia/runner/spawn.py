"""Starting processes cheaply: ``posix_spawn`` for programs, ``fork`` for the runner's own slow work."""

from __future__ import annotations

import json
import os
import shutil
import signal
from typing import Any, Callable, Dict, List, Optional, Tuple

from himalia.runner import processes

_DEVNULL = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
#: An ignored signal is inherited: Python ignores two in itself, a shell others in what it starts in the background.
_DEFAULTS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_HIGHEST_DESCRIPTOR = 65536


def find_program(name: str, environment: Dict[str, str], directory: str) -> Optional[str]:
    """The executable that ``name`` means in ``directory`` with the ``PATH`` of ``environment``."""
    if os.sep in name:
        path = os.path.join(directory, name)
        return path if os.access(path, os.X_OK) and not os.path.isdir(path) else None
    return shutil.which(name, path=environment.get("PATH", os.defpath))


def spawn(
    program: str,
    arguments: List[str],
    environment: Dict[str, str],
    directory: str,
    output: int,
    control: Optional[int] = None,
) -> int:
    """Start ``program`` as the leader of a new session and answer its pid.

    Its standard input is empty, standard output and error go to the descriptor ``output``, and descriptor 3 is
    ``control`` where one is given.

    Raises OSError when the program or ``directory`` cannot be used.
    """
    actions: List[Tuple[Any, ...]] = [
        (os.POSIX_SPAWN_DUP2, _DEVNULL, 0),
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output, 2),
    ]
    if control is not None:
        actions.append((os.POSIX_SPAWN_DUP2, control, 3))
    # posix_spawn has no portable way to set the folder: this single-threaded process goes there and back.
    os.chdir(directory)
    try:
        return os.posix_spawn(
            program, arguments, environment, file_actions=actions, setsid=True, setsigdef=_DEFAULTS
        )
    finally:
        os.chdir("/")


def fork_helper(work: Callable[[], Dict[str, Any]]) -> Tuple[int, int]:
    """Run ``work`` in a forked copy of this process; answer its pid and the descriptor of its result.

    The descriptor gives one JSON object: what ``work`` answered, or ``{"error": …}`` when it raised. The copy
    holds none of the runner's sockets and pipes, and dies with the runner.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid:
        os.close(writing)
        os.set_blocking(reading, False)
        return pid, reading
    try:
        processes.die_with_parent()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        os.dup2(writing, 3)
        os.closerange(4, _HIGHEST_DESCRIPTOR)
        try:
            result = work()
        except Exception as error:  # the parent makes it the workload's message
            result = {"error": f"{type(error).__name__}: {error}"}
        with os.fdopen(3, "wb") as stream:
            stream.write(json.dumps(result).encode())
    finally:
        os._exit(0)
