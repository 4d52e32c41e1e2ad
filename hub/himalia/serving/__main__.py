"""The command `python -m himalia.serving`."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from himalia.run._channel import Channel
from himalia.serving.errors import LoadError

# Behind it is a gateway that keeps connections and closes them: one that this side closes may be in use just then.
_KEEP_ALIVE_S = 3600
_BACKLOG = 2048


def main() -> int:
    """Load the model, listen, say so, and serve until SIGTERM: what runs then is finished, nothing new is taken."""
    given = _arguments()
    if given.socket is None and given.address is None:
        print("Name a socket with --socket, or an address with --address.", file=sys.stderr)
        return 2
    # MLflow takes seconds to import; wrong arguments are told at once.
    from himalia.serving.app import MOST_BODY_BYTES, App
    from himalia.serving.model import Model

    try:
        app = App(
            Model.load(given.model),
            given.name,
            given.version,
            given.most_body_bytes or MOST_BODY_BYTES,
            os.environ.get("HIMALIA_SERVE_SECRET", ""),
        )
    except LoadError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    listener = _on_address(given.address) if given.address else _on_socket(Path(given.socket))
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        backlog=_BACKLOG,
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal again once it has ended in order, and the exit code shall say that it has.
    signal.signal(signal.SIGTERM, server.handle_exit)
    if "HIMALIA_RUN_SOCKET" in os.environ:
        Channel().send({"op": "progress", "data": {"ready": True}})  # the socket listens
    print(f"Serving {given.name}.", flush=True)
    server.run(sockets=[listener])
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m himalia.serving",
        description="Serve an MLflow model by the Open Inference Protocol V2 over HTTP.",
    )
    parser.add_argument("model", type=Path, help="folder with the file MLmodel")
    parser.add_argument("--name", default="model", help="its name in paths (default: model)")
    parser.add_argument("--version", default="", help="its version in paths (default: none)")
    parser.add_argument("--socket", help="Unix socket to listen on (default: $HIMALIA_SERVE_SOCKET)")
    parser.add_argument(
        "--most-body-bytes",
        type=int,
        default=os.environ.get("HIMALIA_ENDPOINT_BODY_LIMIT_BYTES"),
        help="largest body of a request (default: $HIMALIA_ENDPOINT_BODY_LIMIT_BYTES, else 100 MiB)",
    )
    parser.add_argument(
        "--address",
        help="HOST:PORT to listen on instead (default: $HIMALIA_SERVE_ADDRESS); everybody there can ask the model",
    )
    given = parser.parse_args()
    if given.socket is None and given.address is None:
        given.socket, given.address = map(os.environ.get, ("HIMALIA_SERVE_SOCKET", "HIMALIA_SERVE_ADDRESS"))
    return given


def _on_socket(path: Path) -> socket.socket:
    """Listen on a Unix socket that only this user can reach; one that an earlier server left is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener


def _on_address(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_server((host.strip("[]"), int(port)), backlog=_BACKLOG, reuse_port=False)


if __name__ == "__main__":
    sys.exit(main())
