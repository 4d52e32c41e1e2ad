"""`himalia models`: versions of trained models."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from himalia.cli.output import (
    CommandError,
    ExitCode,
    JsonOption,
    print_json,
    print_table,
    printable,
    say,
    size,
)
from himalia.cli.progress import bar, waiting
from himalia.cli.session import ProjectOption, ago, connected, pairs

if TYPE_CHECKING:
    from himalia.client.models import Evaluation, Model, ModelVersion

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Versions of trained models. A version is written as iris@3 or iris@champion.",
)

NameArgument = Annotated[str, typer.Argument(help="The model's name.")]
Reference = Annotated[
    str,
    typer.Argument(metavar="MODEL[@VERSION]", help="A version, by number or alias. [default: the latest]"),
]
Limit = Annotated[int, typer.Option(min=1, help="How many, newest first.")]


STARTS = "Waiting for MLflow, which may have to start"


@app.command()
def create(
    model: NameArgument,
    description: Annotated[str, typer.Option(help="What it is about, in Markdown.")] = "",
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label. Repeatable.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a model without versions; `register` makes it too."""
    labels = pairs(label or [], "--label")
    with connected(project) as client, waiting(STARTS, not as_json):
        made = client.models.create(model, description=description, labels=labels)
    print_json(made.to_dict()) if as_json else say(made.name)


@app.command()
def register(
    model: NameArgument,
    job: Annotated[str | None, typer.Option(help="A job whose outputs hold the model.")] = None,
    trial: Annotated[
        str | None, typer.Option(metavar="EXPERIMENT:NUMBER", help="A trial whose outputs hold it.")
    ] = None,
    run_id: Annotated[str | None, typer.Option(help="An MLflow run that has logged it.")] = None,
    model_id: Annotated[str | None, typer.Option(help="MLflow's own id of a logged model.")] = None,
    path: Annotated[str | None, typer.Option(help="The folder with the file MLmodel, of several.")] = None,
    environment: Annotated[str | None, typer.Option(help="The environment that it runs in.")] = None,
    description: Annotated[str, typer.Option(help="What is to be said of it, in Markdown.")] = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a version of what a job or trial left, or MLflow logged; the model is made if there is none."""
    with connected(project) as client, waiting(STARTS, not as_json):
        version = client.models.register(
            model,
            job=job,
            trial=None if trial is None else _trial(trial),
            run_id=run_id,
            model_id=model_id,
            path=path,
            environment=environment,
            description=description,
        )
    print_json(version.to_dict()) if as_json else say(version.name)


def _trial(text: str) -> tuple[str, int]:
    experiment, _, number = text.rpartition(":")
    if not experiment or not number.isdigit():
        raise CommandError(f"{text!r} is not of the form EXPERIMENT:NUMBER.", ExitCode.USAGE)
    return experiment, int(number)


@app.command("list")
def list_models(
    text: Annotated[str | None, typer.Option(help="Only names with this in them.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only with this label.")
    ] = None,
    limit: Limit = 50,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the project's models, newest first."""
    with connected(project) as client:
        found = client.models.list(text=text, label=pairs(label or [], "--label"))
        models = list(islice(found, limit))
    if as_json:
        print_json([model.to_dict() for model in models])
    elif models:
        print_table(("NAME", "LATEST", "ALIASES", "CHANGED", "BY"), map(_row, models))
    else:
        say("There are no such models. Register one with: himalia models register NAME --job JOB")


def _row(model: Model) -> tuple[object, ...]:
    named = ", ".join(f"{alias}={number}" for alias, number in model.status.aliases.items())
    return model.name, model.status.latest or "", named, ago(model.updated_at), model.created_by.name


@app.command()
def versions(
    model: NameArgument, limit: Limit = 50, project: ProjectOption = None, as_json: JsonOption = False
) -> None:
    """List a model's versions, newest first."""
    with connected(project) as client:
        found = list(islice(client.models.versions(model), limit))
    if as_json:
        print_json([version.to_dict() for version in found])
    else:
        print_table(("VERSION", "ALIASES", "FROM", "SIZE", "METRICS", "REGISTERED"), map(_version_row, found))


def _version_row(version: ModelVersion) -> tuple[object, ...]:
    status = version.status
    return (
        version.number,
        ", ".join(status.aliases),
        version.spec.source.job or version.spec.source.run_id or "",
        size(status.size),
        _numbers(status.metrics),
        ago(version.created_at),
    )


def _numbers(metrics: dict[str, float | None], most: int = 3) -> str:
    shown = [f"{name}={value:.4g}" for name, value in metrics.items() if value is not None]
    return ", ".join(shown[:most]) + (", …" if len(shown) > most else "")


@app.command()
def show(model: Reference, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show a version's card: what it is, its metrics, inputs and outputs, and where it came from."""
    with connected(project) as client:
        if as_json:
            print_json(client.models.version(model).to_dict())
            return
        text = client.models.card(model)
    for line in text.splitlines():
        say(printable(line))


@app.command()
def describe(
    model: Reference,
    description: Annotated[str, typer.Argument(help="Markdown.")],
    project: ProjectOption = None,
) -> None:
    """Write what a version is about."""
    with connected(project) as client, waiting(STARTS):
        client.models.describe(model, description)


@app.command()
def alias(
    model: Reference,
    name: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as champion.")],
    remove: Annotated[bool, typer.Option("--remove", help="Forget the alias; its version stays.")] = False,
    project: ProjectOption = None,
) -> None:
    """Let an alias stand for a version, whatever it stood for before."""
    with connected(project) as client, waiting(STARTS):
        if remove:
            client.models.remove_alias(model, name)
            return
        version = client.models.set_alias(model, name)
    say(f"{name} is {version.name}")


@app.command()
def evaluate(
    model: Reference,
    dataset: Annotated[str, typer.Argument(metavar="DATASET[@VERSION]", help="What to evaluate it on.")],
    target: Annotated[str, typer.Option(help="The column with the right answers.")],
    profile: Annotated[
        str | None, typer.Option(help="Profile. [default: the first that is available]")
    ] = None,
    job_size: Annotated[str | None, typer.Option("--size", help="The profile's size.")] = None,
    path: Annotated[str | None, typer.Option(help="The table, where the dataset has several.")] = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="classifier or regressor. [default: guessed from the target]")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, and show what was found.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a version on a table of a dataset, by a job in the model's environment."""
    with connected(project) as client:
        begun = client.models.evaluate(
            model, dataset, target, profile=profile, size=job_size, path=path, type=kind
        )
        if wait:
            with waiting(f"Waiting for {begun.job}", not as_json):
                client.jobs.wait(begun.job)
            found = next(one for one in client.models.evaluations(model) if one.id == begun.id)
        else:
            found = begun
    print_json(found.to_dict()) if as_json else _show(found, wait)


def _show(evaluation: Evaluation, ended: bool) -> None:
    if not ended:
        say(f"{evaluation.job} evaluates it. Follow it with: himalia jobs log {evaluation.job} --follow")
        return
    for name, value in evaluation.metrics.items():
        say(f"{name:<30}{'' if value is None else f'{value:.6g}'}")


@app.command()
def evaluations(model: Reference, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List a version's evaluations, newest first."""
    with connected(project) as client:
        found = client.models.evaluations(model)
    if as_json:
        print_json([one.to_dict() for one in found])
    else:
        rows = [
            (one.job, one.dataset, one.state, _numbers(one.metrics), ago(one.created_at)) for one in found
        ]
        print_table(("JOB", "DATASET", "STATE", "METRICS", "BEGUN"), rows)


@app.command()
def download(
    model: Reference,
    to: Annotated[Path, typer.Argument(help="The folder to save it in.")],
    project: ProjectOption = None,
) -> None:
    """Save a version's files: a folder for mlflow.pyfunc.load_model."""
    with connected(project) as client, bar() as progress:
        folder = client.models.download(model, to, progress=progress)
    say(str(folder))


@app.command()
def code(
    model: Reference,
    to: Annotated[Path, typer.Argument(help="The folder to save it in.")],
    project: ProjectOption = None,
) -> None:
    """Save the code of the job that made a version."""
    with connected(project) as client, waiting("Fetching the code"):
        folder = client.models.code(model, to)
    say(str(folder))


@app.command()
def delete(model: Reference, project: ProjectOption = None) -> None:
    """Delete a model, or with @VERSION one version, for good. Refused while an endpoint serves it."""
    with connected(project) as client, waiting(STARTS):
        client.models.delete(model)
