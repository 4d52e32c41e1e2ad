"""TensorBoard in Lab: `<Lab>/tensorboard/`, shown what `himalia.Client().tracking.tensorboard()` gathered.

jupyter-server-proxy starts this module at the first visit, on a Unix socket in a closed folder: nothing of ours
listens on loopback without a token. TensorBoard itself knows TCP ports only, so its application is served here.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from himalia.client.tracking import logdir

RELOAD_S = 5


def setup() -> dict[str, Any]:
    """What jupyter-server-proxy is told (its "Server Process options")."""
    return {
        "command": [
            *(sys.executable, "-m", "himalia_lab.tensorboard"),
            *("--socket", "{unix_socket}", "--prefix", "{base_url}tensorboard"),
        ],
        "unix_socket": True,
        "absolute_url": True,
        "timeout": 60,
        # The caller's token and cookies are not TensorBoard's business.
        "request_headers_override": {"Authorization": "", "Cookie": ""},
        "launcher_entry": {"title": "TensorBoard", "category": "Himalia", "path_info": "tensorboard/"},
        "new_browser_tab": True,
    }


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="TensorBoard on a Unix socket.")
    parser.add_argument("--socket", required=True, help="Where to listen.")
    parser.add_argument("--prefix", required=True, help="Path below which the pages are.")
    given = parser.parse_args()
    serve(given.socket, given.prefix)


def serve(socket: str, prefix: str) -> None:
    """TensorBoard's application on a Unix socket."""
    from tensorboard import default, program
    from werkzeug.serving import make_server

    class UnixServer(program.TensorBoardServer):
        def __init__(self, app: Any, _flags: object) -> None:
            self._server = make_server(f"unix://{socket}", 0, app, threaded=True)

        def serve_forever(self) -> None:
            self._server.serve_forever()

        def get_url(self) -> str:
            return f"http://localhost:80{prefix}"  # a port is wanted, and nothing listens there

        def print_serving_message(self) -> None:
            """Nobody reads it."""

    folder = logdir()
    folder.mkdir(parents=True, exist_ok=True)
    board = program.TensorBoard(plugins=default.get_plugins(), server_class=UnixServer)
    arguments = ("--logdir", str(folder), "--path_prefix", prefix, "--reload_interval", str(RELOAD_S))
    board.configure(argv=["tensorboard", *arguments, "--load_fast", "false"])
    sys.exit(board.main())


if __name__ == "__main__":
    main()
