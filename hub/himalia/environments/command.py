"""Runs the programs that make an environment."""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from himalia.environments.index import index_environment
from himalia.environments.overlay_build import MISLEADING


class CommandFailedError(Exception):
    """A program ended with another code than 0; `lines` are the last ones it wrote."""

    def __init__(self, argv: Sequence[str], code: int, lines: Sequence[str]) -> None:
        super().__init__(f"{Path(argv[0]).name} ended with {code}.")
        self.lines = tuple(lines)


def clean_environment(cache: Path) -> dict[str, str]:
    """This process's variables for a program that makes an environment, with uv's cache in `cache`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(MISLEADING)}
    return {
        **kept,
        **index_environment(),
        "MPLBACKEND": "Agg",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "UV_CACHE_DIR": str(cache),
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    say: Callable[[str], None],
    *,
    keep_open: int,
) -> None:
    """Run `argv` to its end and `say` each line it writes. Raises CommandFailedError.

    The descriptor `keep_open` is handed on: a lock on it lasts until the program has ended too, even when this
    process is killed first.
    """
    last: deque[str] = deque(maxlen=20)
    with subprocess.Popen(
        argv,
        env=dict(environment),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        umask=0o022,
        pass_fds=(keep_open,),
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip():
                    last.append(line.rstrip())
                    say(line.strip())
            code = process.wait()
        except BaseException:
            process.kill()
            raise
    if code != 0:
        raise CommandFailedError(argv, code, last)
