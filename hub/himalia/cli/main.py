"""Entry point of `himalia`. Commands are imported when they are used, so that it starts quickly."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

import himalia
from himalia.cli.output import CommandError, ExitCode, complain
from himalia.core.errors import HimaliaError

COMMANDS = {
    "up": "himalia.cli.platform:up",
    "service": "himalia.cli.platform:service",
    "down": "himalia.cli.platform:down",
    "status": "himalia.cli.platform:status",
    "doctor": "himalia.cli.platform:doctor",
    "users": "himalia.cli.users:app",
    "environments": "himalia.cli.environments:app",
    "login": "himalia.cli.login:login",
    "logout": "himalia.cli.login:logout",
    "whoami": "himalia.cli.login:whoami",
    "datasets": "himalia.cli.datasets:app",
    "jobs": "himalia.cli.jobs:app",
    "experiments": "himalia.cli.experiments:app",
    "models": "himalia.cli.models:app",
    "tracking": "himalia.cli.tracking:app",
    "endpoints": "himalia.cli.endpoints:app",
    "ssh": "himalia.cli.ssh:ssh",
    "ssh-proxy": "himalia.cli.ssh:ssh_proxy",
    "projects": "himalia.cli.projects:app",
    "secrets": "himalia.cli.secrets:app",
    "profiles": "himalia.cli.profiles:app",
    "tokens": "himalia.cli.tokens:app",
    "workloads": "himalia.cli.workloads:app",
}
"""Every command: a function or a `typer.Typer` of sub-commands, as `module:attribute`."""


class LazyCommands(TyperGroup):
    """The commands of `COMMANDS`, each imported when asked for."""

    def list_commands(self, _context: object) -> list[str]:
        """Names in the order of `COMMANDS`, which help shows."""
        return list(COMMANDS)

    def get_command(self, _context: object, name: str) -> Any:
        """The command of this name, or None."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(rich_markup_mode=None, add_completion=False)
            single.command(name)(found)
            found = single
        command = get_command(found)
        command.name = name
        return command


app = typer.Typer(
    cls=LazyCommands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From raw data to a served model without leaving JupyterLab.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not healthy or not running, 130 interrupted.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(himalia.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line; whatever happens ends in an exit code and at most one plain sentence."""
    try:
        app(prog_name="himalia")
    except CommandError as error:
        complain(f"Error: {error.message}")
        sys.exit(error.code)
    except HimaliaError as error:
        complain(f"Error: {error.message}")
        sys.exit(ExitCode.FAILURE)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except ModuleNotFoundError as error:
        if os.environ.get("HIMALIA_DEBUG"):
            raise
        complain(
            f"Error: this command needs the whole platform, and {error.name} is not installed. "
            f"Run: {sys.executable} -m pip install 'himalia[hub]'"
        )
        sys.exit(ExitCode.FAILURE)
    except Exception as error:
        if os.environ.get("HIMALIA_DEBUG"):
            raise
        complain(f"Error: {type(error).__name__}: {error}. Set HIMALIA_DEBUG=1 to see where.")
        sys.exit(ExitCode.FAILURE)


if __name__ == "__main__":
    main()
