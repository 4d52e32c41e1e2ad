"""`himalia tracking`: MLflow and TensorBoard."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from himalia.cli.output import JsonOption, print_json
from himalia.cli.progress import waiting
from himalia.cli.session import ProjectOption, connected

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="MLflow and TensorBoard."
)


@app.command()
def status(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Say how MLflow stands. Asking does not start it."""
    with connected(project) as client:
        found = client.tracking.status()
    if as_json:
        print_json(found.to_dict())
    else:
        typer.echo(found.message)


@app.command()
def environment(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Print what the client of MLflow wants in its environment, your token with it, for the eval of a shell."""
    with connected(project) as client:
        found = client.tracking.environment()
    if as_json:
        print_json(found)
    else:
        for name, value in found.items():
            typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def tensorboard(
    runs: Annotated[
        list[str], typer.Argument(help="Jobs that left event files, or folders of them (with a / in it).")
    ],
    project: ProjectOption = None,
) -> None:
    """Choose the runs that TensorBoard shows in Lab, in place of those before."""
    with connected(project) as client, waiting("Fetching the event files"):
        folder = client.tracking.tensorboard(*runs)
    lab = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    where = f"{lab}tensorboard/" if lab else f"tensorboard --logdir {shlex.quote(str(folder))}"
    typer.echo(f"{_count(folder)} in {folder}. Look at them with {where}")


def _count(folder: Path) -> str:
    number = sum(1 for _ in folder.iterdir())
    return "1 run is" if number == 1 else f"{number} runs are"
