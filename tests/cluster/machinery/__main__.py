"""``python tests/cluster/machinery COMMAND``: a cluster to develop on, beside the tests' own.

``build`` makes what takes minutes, once. ``up`` starts a cluster (``--nodes 2`` for two) and prints how to reach it,
``load NAME`` builds ``images/NAME`` and brings it there, ``down`` removes it. What runs from here itself: ``own``,
``guard``, ``volumes``, ``devices``.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python tests/cluster/machinery", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="compile the binaries and build the images that tests need")
    build.add_argument("images", nargs="*", help="as in images/; the chart's when there are none")
    up = commands.add_parser("up", help="start a cluster and print how to reach it")
    up.add_argument("--nodes", type=int, default=1)
    commands.add_parser("down", help="remove it")
    load = commands.add_parser("load", help="build images and bring them into it, with the tag dev")
    load.add_argument("images", nargs="+", help="as in images/")
    own = commands.add_parser("own", help="start a cluster and remove it at SIGTERM")
    own.add_argument("nodes", type=int)
    guard = commands.add_parser("guard", help="wait until standard input ends, then remove the cluster")
    guard.add_argument("name")
    guard.add_argument("network", type=int)
    volumes = commands.add_parser("volumes", help="give every claim a volume")
    volumes.add_argument("kubeconfig", type=Path)
    volumes.add_argument("folder", type=Path)
    volumes.add_argument("storage_class")
    devices = commands.add_parser("devices", help="offer devices to a kubelet")
    devices.add_argument("folder", type=Path)
    devices.add_argument("resources", nargs="*", help="NAME=COUNT")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    from machinery import development

    match options.command:
        case "build":
            development.build(options.images)
        case "up":
            development.up(options.nodes)
        case "down":
            development.down()
        case "load":
            development.load(options.images)
        case "own":
            development.own(options.nodes)
        case "guard":
            _guard(options.name, options.network)
        case "volumes":
            from machinery.volumes import provide

            asyncio.run(provide(options.kubeconfig, options.folder, options.storage_class))
        case "devices":
            from machinery.devices import serve

            pairs = (pair.rsplit("=", 1) for pair in options.resources)
            asyncio.run(serve(options.folder, {name: int(count) for name, count in pairs}))


def _guard(name: str, network: int) -> None:
    from machinery.layout import Layout
    from machinery.sweeping import sweep

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.read()
    sweep(Layout(name, network))


if __name__ == "__main__":
    main()
