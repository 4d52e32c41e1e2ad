"""A cluster that stays while one develops, beside the tests' own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from . import images, loading
from .binaries import programs
from .cluster import DEVICES, Cluster
from .layout import Layout
from .parts import ClusterError
from .runtime import Runtime
from .sweeping import sweep

LAYOUT = Layout.chosen("dev", 78)
_OWNER = LAYOUT.folder / "owner"
_LOG = LAYOUT.folder / "owner.log"
DOWN_S = 30.0


def build(names: Sequence[str]) -> None:
    """Have the binaries and these images, or those that the chart needs."""
    programs()
    for name in names or images.CORE:
        images.build(name)


def up(nodes: int) -> None:
    """Start it, owned by a process that stays, and print how to reach it."""
    LAYOUT.folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(Path(__file__).parent), "own", str(nodes)]
    with _LOG.open("wb") as log:
        owner = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    said = owner.stdout.read().decode() if owner.stdout else ""
    if not said:
        lines = _LOG.read_text().strip().splitlines() or ["It could not be started."]
        sys.exit(lines[-1])
    print(said, end="")


def own(nodes: int) -> None:
    """Have the cluster until SIGTERM; standard output is closed when it is ready."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cluster = Cluster(LAYOUT)
    try:
        cluster.start()
        _OWNER.write_text(str(os.getpid()))
        for _ in range(nodes - 1):
            cluster.add_node(DEVICES)
        print(f"export KUBECONFIG={cluster.kubeconfig}\nexport PATH={cluster.programs}:$PATH")
        print(
            f"# NodePorts: {', '.join(node.address for node in cluster.nodes)}; this machine: {LAYOUT.host}"
        )
        sys.stdout.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        signal.pause()
    except KeyboardInterrupt:
        pass
    except ClusterError as error:
        sys.exit(str(error))
    finally:
        _OWNER.unlink(missing_ok=True)
        cluster.stop()


def down() -> None:
    """Remove it."""
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int(_OWNER.read_text()), signal.SIGTERM)
        deadline = time.monotonic() + DOWN_S
        while _OWNER.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    sweep(LAYOUT)


def load(names: Sequence[str]) -> None:
    """Build images and bring them into it, with the tag ``dev``."""
    if not LAYOUT.kubeconfig.exists():
        sys.exit("There is no cluster: python tests/cluster/machinery up")
    runtimes = [Runtime(socket.parent) for socket in LAYOUT.state.glob("*/containerd.sock")]
    for name in names:
        loading.load(runtimes, [images.build(name)], "dev")
        print(f"localhost/himalia-{name}:dev")
