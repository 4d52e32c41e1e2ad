"""`himalia environments`: the Python environments that people's code runs in, on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from himalia.cli.output import CommandError, HomeOption, JsonOption, print_json, print_table, say
from himalia.cli.platform import plain_errors
from himalia.supervisor.home import Home

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Manage the Python environments that people's code runs in.",
)


@app.command()
def create(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Environments to make.")],
    home: HomeOption = None,
) -> None:
    """Make environments, or renew those whose definition has changed; those that are ready stay."""
    from himalia.environments import local

    with plain_errors():
        place = Home.at(home)
        place.prepare()
        images = place.images
    for name in names:
        try:
            made = local.create(name, place.path, images, progress=_steps(name))
        except (local.EnvironmentUnknownError, local.CreationFailedError) as error:
            raise CommandError(str(error)) from error
        say(f"{name} is ready in {made.prefix}")


def _steps(name: str) -> Callable[[int, int, str], None]:
    """Shows the first line of each step: what a step goes on to tell is for its log."""
    shown: set[int] = set()

    def show(step: int, steps: int, text: str) -> None:
        if step not in shown:
            shown.add(step)
            say(f"{name}: [{step}/{steps}] {text}")

    return show


@app.command("list")
def list_environments(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show all environments and whether they are ready."""
    from himalia.environments import local

    with plain_errors():
        place = Home.at(home)
        states = local.list(place.path, place.images)
    if as_json:
        print_json(
            [{"name": state.name, "status": state.status, "prefix": str(state.prefix)} for state in states]
        )
    else:
        print_table(
            ["NAME", "STATE", "FOLDER"], [[state.name, state.status, state.prefix] for state in states]
        )
