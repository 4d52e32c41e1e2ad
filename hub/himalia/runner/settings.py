"""How a resident runner is started: its command line, and what it means."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from typing import List, Optional


@dataclass(frozen=True)
class Settings:
    """Paths are absolute; times are in seconds. ``idle_s`` 0 means never to end for being idle."""

    socket: str
    state: str
    run_socket: str
    api: str
    notebook_python: str
    token: str
    warm: int
    warm_idle_s: float
    idle_s: float


def parse(arguments: Optional[List[str]] = None) -> Settings:
    """Read the command line, and the token from its file or the first line of standard input.

    Ends the process with a message on standard error when something is missing.
    """
    parser = argparse.ArgumentParser(
        prog="himalia.runner.resident", description="Runs workloads for a service."
    )
    parser.add_argument("--socket", required=True, help="Unix socket to listen on for the service")
    parser.add_argument("--state", required=True, help="folder for journal and logs")
    parser.add_argument("--run-socket", required=True, help="Unix socket to listen on for user code")
    parser.add_argument("--api", default="/run/himalia/api.sock", help="the service: a Unix socket or a URL")
    parser.add_argument(
        "--notebook-python", default=sys.executable, help="interpreter that executes notebooks"
    )
    parser.add_argument("--token-file", help="file that holds the token; standard input without it")
    parser.add_argument("--warm", type=int, default=1, help="kernels kept ready, for each kind in use")
    parser.add_argument("--warm-idle", type=float, default=300, help="seconds that they are kept")
    parser.add_argument("--idle", type=float, default=0, help="end after so many idle seconds; 0: never")
    options = parser.parse_args(arguments)
    if options.token_file:
        with open(options.token_file, encoding="utf-8") as stream:
            token = stream.readline().strip()
    else:
        token = sys.stdin.readline().strip()
    if not token:
        parser.error("no token was given")
    return Settings(
        socket=os.path.abspath(options.socket),
        state=os.path.abspath(options.state),
        run_socket=os.path.abspath(options.run_socket),
        api=options.api,
        notebook_python=options.notebook_python,
        token=token,
        warm=options.warm,
        warm_idle_s=options.warm_idle,
        idle_s=options.idle,
    )
