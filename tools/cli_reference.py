"""Writes the reference of all commands into docs/cli.md, from their own help. Run it when a command changes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from typer.main import get_command

from himalia.cli.main import app

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
MARK = "<!-- From here on written by tools/cli_reference.py -->\n"
WIDTH = 96


def described(command: Any, path: tuple[str, ...], parent: Any = None) -> str:
    """A command's help and that of its sub-commands, as Markdown."""
    context = command.context_class(
        command, info_name=path[-1], parent=parent, terminal_width=WIDTH, **command.context_settings
    )
    if not hasattr(command, "list_commands"):
        return f"\n### {' '.join(path)}\n\n```text\n{command.get_help(context).strip()}\n```\n"
    parts = []
    for name in command.list_commands(context):
        parts.append(described(command.get_command(context, name), (*path, name), context))
    return "".join(parts)


def page() -> str:
    """The whole page as it should be."""
    written, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    return written + mark + described(get_command(app), ("himalia",))


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if page() == PAGE.read_text(encoding="utf-8") else "docs/cli.md is out of date.")
    PAGE.write_text(page(), encoding="utf-8")
