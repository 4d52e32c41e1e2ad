"""`himalia tokens`: personal access tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from himalia.cli.output import JsonOption, complain, print_json, print_table, say
from himalia.cli.session import ago, connected

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Personal access tokens."
)


@app.command("list")
def list_tokens(as_json: JsonOption = False) -> None:
    """List your tokens, without their values."""
    with connected() as client:
        tokens = client.tokens.list()
    if as_json:
        print_json([token.to_dict() for token in tokens])
        return
    rows = [
        (t.id, t.note, ", ".join(t.scopes), t.project or "all", ago(t.created_at), f"{t.expires_at:%Y-%m-%d}")
        for t in tokens
    ]
    print_table(("ID", "NOTE", "SCOPES", "PROJECT", "CREATED", "EXPIRES"), rows)


@app.command()
def create(
    note: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="read, write or admin. Repeatable. [default: write]")
    ] = None,
    project: Annotated[str | None, typer.Option(help="Only for this project.")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="How long it is valid.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Make a token, in a notebook server; its value is printed this once."""
    with connected() as client:
        token = client.tokens.create(note, scopes=scope or ["write"], project=project, days=days)
    if as_json:
        print_json(token.to_dict())
    else:
        complain("Keep it like a password; it is shown this once.")
        say(token.token)


@app.command()
def delete(token: Annotated[str, typer.Argument(metavar="ID", help="The token's id.")]) -> None:
    """Revoke a token; it is refused from now on."""
    with connected() as client:
        client.tokens.delete(token)
