"""`himalia secrets`: values that jobs get and nobody can read back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from himalia.cli.output import CommandError, ExitCode, JsonOption, print_json, print_table
from himalia.cli.session import ProjectOption, ago, connected

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Values that jobs get and nobody can read back.",
)

NameArgument = Annotated[str, typer.Argument(help="The secret's name, as of an environment variable.")]


@app.command("list")
def list_secrets(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the names of a project's secrets."""
    with connected(project) as client:
        secrets = client.secrets.list()
    if as_json:
        print_json([secret.to_dict() for secret in secrets])
    else:
        rows = [(secret.name, ago(secret.updated_at), secret.updated_by.name) for secret in secrets]
        print_table(("NAME", "SET", "BY"), rows)


@app.command("set")
def set_secret(
    name: NameArgument,
    file: Annotated[Path | None, typer.Option("--file", help="Read the value from a file, as it is.")] = None,
    project: ProjectOption = None,
) -> None:
    """Write a secret. The value is asked for, or read from --file or standard input (less its last line end)."""
    value = _value(name, file)
    with connected(project) as client:
        client.secrets.set(name, value)


def _value(name: str, file: Path | None) -> str:
    """The value: never an argument, which others on the machine could read."""
    try:
        if file is not None:
            return file.read_text(encoding="utf-8")
        if sys.stdin.isatty():
            return str(typer.prompt(f"Value of {name}", hide_input=True))
        text = sys.stdin.read()
        return text[:-1] if text.endswith("\n") else text
    except UnicodeDecodeError as error:
        raise CommandError("The value is not UTF-8 text.", ExitCode.USAGE) from error
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.", ExitCode.USAGE) from error


@app.command()
def delete(name: NameArgument, project: ProjectOption = None) -> None:
    """Remove a secret."""
    with connected(project) as client:
        client.secrets.delete(name)
