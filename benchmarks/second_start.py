"""Seconds of a second start, against a bare JupyterHub.

    python benchmarks/second_start.py [--rounds 5] [--json]

Himalia: from the start of `himalia up` on a home that was used before, until hub and service answer their health
checks through the proxy. JupyterHub: `jupyterhub` with the same Node proxy, a database that it made before, and the
lightest authenticator and spawner that it has, until `/hub/health` answers through the proxy. Both are asked every
20 ms, and stopped in order after each round.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from _platform import Running, free_port, fresh_home
from _report import Goal, Report, Series, options

from himalia.supervisor.platform import child_environment
from himalia.supervisor.proxy import proxy_command

LOOK_S = 0.02
LONGEST_S = 120
HUB = "/hub/health"
SERVICE = "/services/himalia/health"


def seconds_until(
    address: str, paths: tuple[str, ...], start: Callable[[], subprocess.Popen[bytes]]
) -> float:
    """Call `start`, and return once each of these paths has answered 200. Raises RuntimeError."""
    waiting = list(paths)
    begun = time.perf_counter()
    process = start()
    while True:
        waiting = [path for path in waiting if not answers(address, path)]
        taken = time.perf_counter() - begun
        if not waiting:
            return taken
        if process.poll() is not None or taken > LONGEST_S:
            raise RuntimeError(f"{' and '.join(waiting)} did not answer; exit code {process.poll()}.")
        time.sleep(LOOK_S)


def answers(address: str, path: str) -> bool:
    """Whether a GET answers 200: while a route is missing, it is a redirect or an error."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class JupyterHub:
    """A hub of its own in `folder`, which starts the proxy itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "jupyterhub_config.py").write_text(
            f"c.JupyterHub.bind_url = 'http://{self.address}'\n"
            f"c.JupyterHub.hub_bind_url = 'http://127.0.0.1:{free_port()}'\n"
            f"c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{free_port()}'\n"
            f"c.ConfigurableHTTPProxy.command = {proxy_command()!r}\n"
            "c.JupyterHub.db_url = 'sqlite:///hub.sqlite'\n"
            "c.JupyterHub.authenticator_class = 'dummy'\n"
            "c.JupyterHub.spawner_class = 'simple'\n"
            "c.Authenticator.allow_all = True\n"
        )

    def start(self) -> subprocess.Popen[bytes]:
        """Start, without waiting."""
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub"],
                cwd=self.folder,
                env=child_environment(os.environ, {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.process

    def stop(self) -> None:
        """An orderly stop, and the end of what it leaves running."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def start_himalia(running: Running) -> subprocess.Popen[bytes]:
    """What `seconds_until` waits for."""
    running.start()
    assert running.process is not None
    return running.process


def main() -> None:
    chosen = options(__doc__).parse_args()
    ours, peer = Series("himalia"), Series("jupyterhub", Goal("at most", 2))
    with fresh_home() as running, tempfile.TemporaryDirectory(prefix="jhub", dir="/tmp") as folder:
        bare = JupyterHub(Path(folder))
        try:
            for number in range(chosen.rounds + 1):
                himalia = seconds_until(running.address, (HUB, SERVICE), lambda: start_himalia(running))
                running.down()
                jupyterhub = seconds_until(bare.address, (HUB,), bare.start)
                bare.stop()
                # The first start makes the databases.
                if number:
                    ours.values.append(himalia)
                    peer.values.append(jupyterhub)
        finally:
            bare.stop()
    Report("Second start until healthy through the proxy", "s", ours, (peer,)).show(chosen.json)


if __name__ == "__main__":
    main()
