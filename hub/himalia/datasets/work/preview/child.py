"""Doing what may crash, hang or eat memory in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_LONGEST_ANSWER = 16 << 20
_NO_MEMORY = 3


class Crashed(Exception):
    """The work did not come to its end; the text says how, to be put after the name of what was looked at."""


def guarded(work: Callable[[], Any], seconds: float) -> Any:
    """What `work()` answers, as JSON, from a process that is ended after so many seconds. Raises Crashed."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(max(0.0, seconds)):
            raise Crashed(f"took longer than {seconds:.0f} seconds to read")
        answer = json.loads(ours.recv_bytes(_LONGEST_ANSWER))
    except (EOFError, OSError, ValueError):
        process.join(5)
        raise Crashed(_how(process.exitcode)) from None
    finally:
        process.kill()
        process.join()
        ours.close()
    return answer


def _run(work: Callable[[], Any], answer: Connection) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        # When memory is short, this one goes and not the one that still tells of the others.
        Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        answer.send_bytes(json.dumps(work()).encode())
    except MemoryError:
        os._exit(_NO_MEMORY)
    os._exit(0)


def _how(code: int | None) -> str:
    if code == -signal.SIGKILL or code == _NO_MEMORY:
        return "needs more memory than there is to be read"
    return "cannot be read: what reads it broke off"
