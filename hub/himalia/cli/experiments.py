"""`himalia experiments`: begin, follow, read and steer searches over a job's parameters."""

from __future__ import annotations

import json
import re
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from himalia.cli import experiment_views as views
from himalia.cli.job_follow import STOPPED, wait_for
from himalia.cli.jobs import AFTER_DASHES, Parameters, SubmitCommand, code_of
from himalia.cli.output import CommandError, ExitCode, JsonOption, print_json, say
from himalia.cli.progress import waiting
from himalia.cli.session import ProjectOption, connected, pairs, parameters

if TYPE_CHECKING:
    from himalia.client import Client, Experiment

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Search for the best parameters of a notebook, script or command.",
    epilog="A command that follows or waits for a search ends with 0 when it is complete, 1 when it failed, 3 when "
    "it was stopped, 4 when the time to wait is over, and 130 when you leave it; the search then goes on.",
)

ExperimentArgument = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="The experiment's name.")]
ExperimentArguments = Annotated[
    list[str], typer.Argument(metavar="EXPERIMENT...", help="Names of experiments.")
]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Show how it goes on, until it ends.")]
TrialsOption = Annotated[int | None, typer.Option(min=1, help="How many trials in all.")]
ParallelOption = Annotated[int | None, typer.Option(min=1, help="How many at once.")]
SamplerOption = Annotated[
    str | None, typer.Option(help="tpe, cmaes, random, grid, qmc, nsga2 or gp. [default: tpe]")
]
PrunerOption = Annotated[str | None, typer.Option(help="none, median, hyperband or halving. [default: none]")]
SeedOption = Annotated[int | None, typer.Option(min=0, help="The same seed tries the same.")]
TimeoutOption = Annotated[
    str | None, typer.Option(metavar="DURATION", help="Of the search: no trial begins after 90s, 45m, 2h.")
]
FailuresOption = Annotated[int | None, typer.Option(min=1, help="How many may fail in a row. [default: 5]")]
KernelOption = Annotated[
    bool, typer.Option("--fresh-kernel", help="Each trial of a notebook in a kernel of its own.")
]
InputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input", metavar="NAME=DATASET[@VERSION]", help="A dataset that each trial reads. Repeatable."
    ),
]
ProfileOption = Annotated[str | None, typer.Option(help="Profile. [default: the first that is available]")]
SizeOption = Annotated[
    str | None, typer.Option(help="Size of the profile, its memory with it. [default: the profile's]")
]
FolderOption = Annotated[Path | None, typer.Option(help="Folder of code to send.")]
RequirementsOption = Annotated[
    str, typer.Option(help="A requirements.txt in that folder; auto: the one beside the notebook; none.")
]
EnvironmentOption = Annotated[str | None, typer.Option(help="Environment, other than the profile's.")]
EnvOption = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME=VALUE", help="A variable of each trial. Repeatable."),
]
SecretOption = Annotated[
    list[str] | None, typer.Option("--secret", help="A secret that each trial gets. Repeatable.")
]
RetriesOption = Annotated[
    int | None, typer.Option(min=0, max=10, help="Tries more of a trial when it fails.")
]
TimeLimitOption = Annotated[
    str | None, typer.Option(metavar="DURATION", help="Of each trial, such as 90s, 45m, 2h, 1d.")
]
_RANGE = re.compile(r"(?P<low>[^,|]+?)\.\.(?P<high>[^,|]+?)(?P<options>(,[a-z]+(=[^,]+)?)*)")


def parameter_of(name: str, text: str) -> dict[str, Any]:
    """A parameter from `0.01..10,log`, `1..9,step=2` or `rbf|poly`."""
    if not text:
        raise typer.BadParameter(f"{name}: say what it may be, as in {name}=0.01..10 or {name}=rbf|poly.")
    found = _RANGE.fullmatch(text)
    if found is None:
        return {
            "kind": "categorical",
            "choices": [parameters([f"{name}={one}"])[name] for one in text.split("|")],
        }
    ends = [_number(name, found[end]) for end in ("low", "high")]
    made: dict[str, Any] = {"low": ends[0], "high": ends[1]}
    for option in found["options"].split(",")[1:]:
        key, _, value = option.partition("=")
        if key == "log" and not value:
            made["log"] = True
        elif key == "step" and value:
            made["step"] = _number(name, value)
        else:
            raise typer.BadParameter(
                f"{name}: a range may be followed by ,log or ,step=NUMBER, not by {option!r}."
            )
    whole = all(isinstance(one, int) for one in (*ends, made.get("step", 1)))
    return {"kind": "int" if whole else "float", **made}


def _number(name: str, text: str) -> float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{name}: {text!r} is not a number.") from None


def _space(search: list[str] | None, file: Path | None) -> dict[str, Any]:
    space: dict[str, Any] = {}
    if file is not None:
        try:
            space = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} cannot be read: {error}", ExitCode.USAGE) from error
        if not isinstance(space, dict):
            raise CommandError(f"{file} must hold a JSON object: parameters by name.", ExitCode.USAGE)
    space |= {name: parameter_of(name, text) for name, text in pairs(search or [], "--search").items()}
    if not space:
        raise typer.BadParameter("Name what to search: --search rate=0.01..1,log")
    return space


@app.command(cls=SubmitCommand)
def create(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NOTEBOOK | SCRIPT [ARGUMENT]... | -- COMMAND...", help="What to run.", show_default=False
        ),
    ] = None,
    search: Annotated[
        list[str] | None,
        typer.Option(
            "--search",
            "-s",
            metavar="NAME=VALUES",
            help="What a parameter may be: 0.01..10,log or 1..9,step=2 or rbf|poly. Repeatable.",
        ),
    ] = None,
    space: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The same as JSON, with conditions.")
    ] = None,
    minimize: Annotated[list[str] | None, typer.Option(metavar="METRIC", help="Smaller is better.")] = None,
    maximize: Annotated[list[str] | None, typer.Option(metavar="METRIC", help="Greater is better.")] = None,
    trials: TrialsOption = None,
    parallel: ParallelOption = None,
    sampler: SamplerOption = None,
    pruner: PrunerOption = None,
    seed: SeedOption = None,
    timeout: TimeoutOption = None,
    max_failures: FailuresOption = None,
    fresh_kernel: KernelOption = False,
    parameter: Parameters = None,
    read: InputOption = None,
    profile: ProfileOption = None,
    size: SizeOption = None,
    environment: EnvironmentOption = None,
    env: EnvOption = None,
    secret: SecretOption = None,
    retries: RetriesOption = None,
    time_limit: TimeLimitOption = None,
    folder: FolderOption = None,
    requirements: RequirementsOption = "auto",
    name: Annotated[str | None, typer.Option(help="Name. [default: made from what is run]")] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label. Repeatable.")] = None,
    project: ProjectOption = None,
    follow_it: FollowOption = False,
    as_json: JsonOption = False,
) -> None:
    """Begin a search: run a notebook, script or command again and again with other parameters."""
    goals = _objectives(minimize or [], maximize or [])
    wanted = _space(search, space)
    code = code_of(words or [], context.meta[AFTER_DASHES])
    with connected(project) as client:
        with waiting("Sending the code", not as_json):
            experiment = client.experiments.search(
                **code,
                space=wanted,
                objectives=goals,
                trials=trials,
                parallel=parallel,
                sampler={"kind": sampler or "tpe", **({} if seed is None else {"seed": seed})},
                pruner=pruner,
                timeout=timeout,
                max_failures=max_failures,
                fresh_kernel=fresh_kernel,
                parameters=parameters(parameter or []),
                inputs=pairs(read or [], "--input"),
                profile=profile,
                size=size,
                environment=environment,
                env=pairs(env or [], "--env"),
                secrets=secret or [],
                retries=retries,
                time_limit=time_limit,
                folder=folder,
                requirements=None if requirements == "none" else requirements,
                name=name,
                labels=pairs(label or [], "--label"),
            )
        _begun(client, experiment, follow_it, as_json)


def _objectives(smaller: list[str], greater: list[str]) -> dict[str, str]:
    if both := sorted({*smaller} & {*greater}):
        raise typer.BadParameter(f"{both[0]} cannot be both smaller and greater. Say one of them.")
    if not (smaller or greater):
        raise typer.BadParameter(
            "Name the metric that is to be better: --minimize loss or --maximize accuracy"
        )
    return {**dict.fromkeys(smaller, "minimize"), **dict.fromkeys(greater, "maximize")}


def _begun(client: Client, experiment: Experiment, follow_it: bool, as_json: bool) -> None:
    """Say what was begun; with `follow_it`, stay until its end and leave with its exit code."""
    if follow_it:
        _follow(client, experiment)
    if as_json:
        print_json(experiment.to_dict())
    elif not follow_it:
        say(experiment.name)
    if follow_it:
        raise typer.Exit(_exit_code(experiment))


def _follow(client: Client, experiment: Experiment) -> None:
    screen = views.Screen()
    try:
        with closing(client.experiments.follow(experiment)) as changes:
            for found in changes:
                screen.show(found)
    finally:
        screen.close()


def _exit_code(experiment: Experiment) -> int:
    return {"COMPLETE": ExitCode.OK, "STOPPED": STOPPED}.get(experiment.state, ExitCode.FAILURE)


@app.command("list")
def list_experiments(
    state: Annotated[list[str] | None, typer.Option(help="Only these states. Repeatable.")] = None,
    text: Annotated[str | None, typer.Option(help="Only names with this in them.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only with this label.")
    ] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted ones that can be restored.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the project's experiments, newest first."""
    with connected(project) as client:
        labels = pairs(label or [], "--label")
        found = client.experiments.list(state=state, text=text, label=labels, deleted=deleted)
        experiments = list(islice(found, limit))
    if as_json:
        print_json([one.to_dict() for one in experiments])
    else:
        views.experiment_list(experiments)


@app.command()
def show(
    experiment: ExperimentArgument,
    follow_it: FollowOption = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one experiment in full."""
    with connected(project) as client:
        found = client.experiments.get(experiment)
        if follow_it:
            _follow(client, found)
    if as_json:
        print_json(found.to_dict())
    else:
        views.in_full(found)
    if follow_it:
        raise typer.Exit(_exit_code(found))


@app.command()
def wait(
    experiments: ExperimentArguments,
    timeout: Annotated[str | None, typer.Option(metavar="DURATION", help="Such as 90s, 45m, 2h.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wait until searches have ended; the exit code is that of the first that is not complete."""
    with connected(project) as client:
        ended = wait_for(client.experiments.wait, experiments, timeout, not as_json)
    if as_json:
        print_json([one.to_dict() for one in ended])
    else:
        views.experiment_list(ended)
    raise typer.Exit(next((code for code in map(_exit_code, ended) if code), ExitCode.OK))


@app.command()
def trials(
    experiment: ExperimentArgument,
    state: Annotated[list[str] | None, typer.Option(help="Only these states. Repeatable.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List an experiment's trials with their values and parameters."""
    with connected(project) as client:
        found = client.experiments.get(experiment)
        tried = client.experiments.trials(found, state=state)
    if as_json:
        print_json([one.to_dict() for one in tried])
    else:
        views.trial_list(found, tried)


@app.command()
def best(experiment: ExperimentArgument, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show the best trial; with several objectives, those that no other beats."""
    with connected(project) as client:
        found = client.experiments.get(experiment)
        tried = client.experiments.best(found)
    if as_json:
        print_json([one.to_dict() for one in tried])
    elif tried:
        views.trial_list(found, tried)
    else:
        raise CommandError(f"{experiment} has no complete trial yet.")


@app.command()
def stop(
    experiments: ExperimentArguments,
    trial: Annotated[int | None, typer.Option(min=0, help="Only this trial; the search goes on.")] = None,
    project: ProjectOption = None,
) -> None:
    """End searches, and the trials that run."""
    with connected(project) as client:
        for experiment in experiments:
            if trial is None:
                client.experiments.stop(experiment)
            else:
                client.experiments.stop_trial(experiment, trial)


@app.command()
def resume(
    experiment: ExperimentArgument,
    trials: TrialsOption = None,
    parallel: ParallelOption = None,
    follow_it: FollowOption = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a search that has ended; with more --trials where all are done."""
    with connected(project) as client:
        found = client.experiments.resume(experiment, trials=trials, parallel=parallel)
        _begun(client, found, follow_it, as_json)


@app.command()
def delete(
    experiments: ExperimentArguments,
    cascade: Annotated[bool, typer.Option("--cascade", help="Stop them first if they run.")] = False,
    project: ProjectOption = None,
) -> None:
    """Delete experiments with their trials; they can be restored for 30 days."""
    with connected(project) as client:
        for experiment in experiments:
            client.experiments.delete(experiment, cascade=cascade)


@app.command()
def restore(
    experiment: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="The deleted experiment's name or id.")
    ],
    name: Annotated[str | None, typer.Option(help="A new name, where the old one is taken.")] = None,
    project: ProjectOption = None,
) -> None:
    """Bring a deleted experiment back with its trials."""
    with connected(project) as client:
        say(client.experiments.restore(experiment, name=name).name)
