"""The `himalia` command."""

from __future__ import annotations

import sys

PYTHON = (3, 11)


def start() -> None:
    """Run the command. It needs a newer Python than the SDK, and says so instead of failing somewhere."""
    if sys.version_info < PYTHON:
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"Error: the command himalia needs Python 3.11 or newer, and this is {version}.")
    from himalia.cli.main import main

    main()
