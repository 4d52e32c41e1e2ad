"""The Jupyter server extension behind Himalia's panels.

It reads the person's files (snapshots, what goes into datasets, a notebook's parameters), hands the panels their
settings, and starts the kernels that a requirements.txt adds to; everything else the panels ask the service
themselves.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.serverapp import ServerApp

from himalia_lab import connections, handlers, memory, overlays, settings

__version__ = "0.2.0"


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "@himalia/lab"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "himalia_lab"}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    connections.leave_open()
    settings.publish(app.web_app.settings)
    overlays.connect(app.event_logger)
    memory.connect(app.event_logger)
    handlers.add(app)
