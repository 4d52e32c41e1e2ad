"""VS Code in Lab, where code-server is installed: `<Lab>/vscode/`, offered in the launcher.

jupyter-server-proxy starts it at the first visit, on a Unix socket in a closed folder, so that it needs no password
of its own: whoever gets to it has come through Lab.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

PROGRAM = "code-server"


def setup() -> dict[str, Any]:
    """What jupyter-server-proxy is told (its "Server Process options")."""
    return {
        "command": [
            *(PROGRAM, "--auth", "none", "--socket", "{unix_socket}", "--socket-mode", "600"),
            *("--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"),
            # Its first page would show its maker's other product.
            "--disable-getting-started-override",
            # What it opens at first, as Lab does; later, what was open last.
            str(Path.home()),
        ],
        "unix_socket": True,
        "timeout": 60,
        # The caller's token and cookies are not VS Code's business.
        "request_headers_override": {"Authorization": "", "Cookie": ""},
        "launcher_entry": {
            "enabled": shutil.which(PROGRAM) is not None,
            "title": "VS Code",
            "category": "Himalia",
            "path_info": "vscode/",
        },
        "new_browser_tab": True,
    }
