"""The gateway at its own address, against configurable-http-proxy.

    python benchmarks/gateway.py [--seconds 3] [--rounds 5] [--json]

Both stand in front of the same small server, with nothing else between the caller and it: the gateway over its Unix
socket, the proxy over TCP, since it keeps no connection to a Unix socket open. The gateway checks a token, takes
headers away and counts; the proxy does none of that. One round asks the server itself, the gateway and the proxy,
each over 1 connection and over 32.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _platform import free_port
from _report import Goal, Report, Series, at_least_one, options

from himalia.gateway import state
from himalia.supervisor.proxy import proxy_command

HERE = Path(__file__).parent
TOKEN = "him_end_of-the-benchmark"
PATH = "/v2/models/iris/infer"
BODY = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}]}
CONNECTIONS = (1, 32)


def calls(address: str, path: str, connections: int, seconds: float) -> dict[str, Any]:
    """What a caller saw. Raises RuntimeError when not every call was answered with 200."""
    order = {"address": address, "path": path, "token": TOKEN, "body": BODY}
    order |= {"connections": connections, "seconds": seconds}
    done = subprocess.run(
        [sys.executable, str(HERE / "_calls.py")],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    if found["failed"] or not found["calls"]:
        raise RuntimeError(f"{address} did not answer every call: {found['errors']}")
    return found


@contextmanager
def started(*commands: tuple[list[str], dict[str, str]]) -> Iterator[None]:
    """Programs that run meanwhile."""
    processes = [
        subprocess.Popen(line, env={**os.environ, **variables}, stderr=subprocess.DEVNULL)
        for line, variables in commands
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


@contextmanager
def targets() -> Iterator[dict[str, tuple[str, str]]]:
    """The server, the gateway and the proxy: address and path of each."""
    ports = {name: free_port() for name in ("server", "gateway", "proxy", "api")}
    address = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    with tempfile.TemporaryDirectory(prefix="hgb", dir="/tmp") as name:
        folder, socket = Path(name) / "gateway", f"{name}/upstream.sock"
        folder.mkdir(mode=0o700)
        revision = {"id": "r1", "number": 1, "attempt": 1, "address": f"unix:{socket}", "weight": 100}
        tokens = {hashlib.sha256(TOKEN.encode()).hexdigest(): None}
        endpoint = {"id": "e1", "project": "ada", "name": "iris", "message": "", "tokens": tokens}
        state.write(folder, {"endpoints": [{**endpoint, "revisions": [revision]}]})
        proxy = [*proxy_command(), "--ip", "127.0.0.1", "--port", str(ports["proxy"]), "--log-level", "error"]
        proxy += ["--api-ip", "127.0.0.1", "--api-port", str(ports["api"]), "--keep-alive-timeout", "65000"]
        with started(
            ([sys.executable, str(HERE / "_upstream.py"), str(ports["server"]), socket], {}),
            (
                [sys.executable, "-m", "himalia.gateway", "--home", name],
                {"HIMALIA_GATEWAY_ADDRESS": address["gateway"]},
            ),
            ([*proxy, "--default-target", f"http://{address['server']}"], {}),
        ):
            found = {one: (address[one], PATH) for one in ("server", "proxy")}
            found["gateway"] = (address["gateway"], f"/ada/iris{PATH}")
            _wait(found)
            yield found


def _wait(found: dict[str, tuple[str, str]]) -> None:
    """Until each answers; and once more for what is made at a first use."""
    deadline = time.monotonic() + 30
    for address, path in found.values():
        while True:
            try:
                calls(address, path, 1, 0.3)
                break
            except (RuntimeError, subprocess.CalledProcessError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


def main() -> None:
    """The command line."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=at_least_one, default=3, help="how long each is called")
    given = parser.parse_args()
    proxy = "configurable-http-proxy"
    added = Series("himalia"), Series(proxy, Goal("at most", 1.0))
    pace = Series("himalia"), Series(proxy, Goal("at least", 1.2))
    tail = Series("himalia"), Series(proxy, Goal("at most", 0.5))
    with targets() as found:
        for _ in range(given.rounds):
            seen = {
                (name, count): calls(*found[name], count, given.seconds)
                for count in CONNECTIONS
                for name in ("server", "gateway", "proxy")
            }
            for place, name in enumerate(("gateway", "proxy")):
                added[place].values.append(seen[name, 1]["p50_ms"] - seen["server", 1]["p50_ms"])
                pace[place].values.append(seen[name, 32]["per_second"])
                tail[place].values.append(seen[name, 32]["p99_ms"])
    reports = [
        Report("Added to a call, 1 connection, p50", "ms", added[0], [added[1]]),
        Report("Calls, 32 connections", "calls/s", pace[0], [pace[1]]),
        Report("A call, 32 connections, p99", "ms", tail[0], [tail[1]]),
    ]
    if given.json:
        print(json.dumps([report.as_json() for report in reports], indent=1))
    else:
        for report in reports:
            report.show(False)


if __name__ == "__main__":
    main()
