"""`himalia jobs`: submit, follow, read and steer jobs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from himalia.cli import job_views
from himalia.cli.job_follow import exit_code, follow, wait_for
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
from himalia.cli.session import ProjectOption, TerminalText, connected, pairs, parameters

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Submit, follow, read and steer jobs.",
    epilog="A command that follows or waits for a job ends with 0 when the job succeeded, 1 when it failed, 3 when "
    "it was stopped, 4 when the time to wait is over, and 130 when you leave it; the job then goes on.",
)

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's name.")]
JobArguments = Annotated[list[str], typer.Argument(metavar="JOB...", help="Names of jobs.")]
AttemptOption = Annotated[
    int | None, typer.Option("--attempt", min=1, help="Which attempt. [default: the last]")
]
RankOption = Annotated[int, typer.Option("--rank", min=0, help="Which rank of a distributed job.")]
FollowOption = Annotated[
    bool, typer.Option("--follow", "-f", help="Show the log and what happens, until the job ends.")
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter", "-p", metavar="NAME=VALUE", help="A parameter; JSON, or else text. Repeatable."
    ),
]
AFTER_DASHES = "himalia.words_after_dashes"


class SubmitCommand(TyperCommand):
    """Notes how many words came behind `--`, which the parser drops."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As its parent's."""
        ctx.meta[AFTER_DASHES] = len(args) - args.index("--") - 1 if "--" in args else 0
        return list(super().parse_args(ctx, args))


def code_of(words: Sequence[str], after_dashes: int) -> dict[str, Any]:
    """What is to run: only words behind `--` are a command; else the first is a notebook or a script."""
    if not words:
        raise typer.BadParameter("Name a notebook or a script, or give a command behind --.")
    if after_dashes == len(words):
        return {"command": list(words)}
    file, arguments = words[0], list(words[1:])
    if file.endswith(".ipynb"):
        if arguments:
            raise typer.BadParameter("A notebook takes parameters: -p NAME=VALUE.")
        return {"notebook": file}
    if file.endswith(".py"):
        return {"script": file, "arguments": arguments}
    raise typer.BadParameter(
        f"{file!r} is neither a notebook (.ipynb) nor a script (.py). A command comes behind --."
    )


@app.command(cls=SubmitCommand)
def submit(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NOTEBOOK | SCRIPT [ARGUMENT]... | -- COMMAND...", help="What to run.", show_default=False
        ),
    ] = None,
    parameter: Parameters = None,
    profile: Annotated[
        str | None, typer.Option(help="Profile. [default: the first that is available]")
    ] = None,
    size: Annotated[str | None, typer.Option(help="Size of the profile. [default: the profile's]")] = None,
    replicas: Annotated[
        int | None, typer.Option(min=1, help="How many of it start together, as ranks of a distributed job.")
    ] = None,
    environment: Annotated[str | None, typer.Option(help="Environment, other than the profile's.")] = None,
    name: Annotated[str | None, typer.Option(help="Name. [default: made from what is run]")] = None,
    project: ProjectOption = None,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label. Repeatable.")] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable. Repeatable.")
    ] = None,
    read: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="NAME=DATASET[@VERSION]", help="A dataset that it reads. Repeatable."
        ),
    ] = None,
    secret: Annotated[list[str] | None, typer.Option(help="A secret that the job gets. Repeatable.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder of code to send. [default: the notebook's or script's; none for a command]"
        ),
    ] = None,
    requirements: Annotated[
        str, typer.Option(help="A requirements.txt in that folder; auto: the one beside the notebook; none.")
    ] = "auto",
    retries: Annotated[int | None, typer.Option(min=0, max=10, help="Tries more when it fails.")] = None,
    priority: Annotated[int | None, typer.Option(min=-10, max=10, help="Higher runs first.")] = None,
    time_limit: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Such as 90s, 45m, 2h, 1d.")
    ] = None,
    follow_it: FollowOption = False,
    as_json: JsonOption = False,
) -> None:
    """Submit a notebook with parameters, a script with arguments, or a command."""
    code = code_of(words or [], context.meta[AFTER_DASHES])
    with connected(project) as client:
        with waiting("Sending the code", not as_json):
            job = client.jobs.submit(
                **code,
                parameters=parameters(parameter or []),
                folder=folder,
                profile=profile,
                size=size,
                replicas=replicas,
                environment=environment,
                requirements=None if requirements == "none" else requirements,
                name=name,
                labels=pairs(label or [], "--label"),
                inputs=pairs(read or [], "--input"),
                env=pairs(env or [], "--env"),
                secrets=secret or [],
                retries=retries,
                priority=priority,
                time_limit=time_limit,
            )
        _submitted(client, job, follow_it, as_json)


def _submitted(client: Any, job: Any, follow_it: bool, as_json: bool) -> None:
    """Say what was submitted; with `follow_it`, stay until its end and leave with its exit code."""
    if follow_it:
        follow(client, job, sys.stderr if as_json else None)
    if as_json:
        print_json(job.to_dict())
    elif not follow_it:
        say(job.name)
    if follow_it:
        raise typer.Exit(exit_code(job))


@app.command("list")
def list_jobs(
    state: Annotated[list[str] | None, typer.Option(help="Only these states. Repeatable.")] = None,
    text: Annotated[str | None, typer.Option(help="Only names with this in them.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only with this label.")
    ] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted jobs that can be restored.")] = False,
    trials: Annotated[bool, typer.Option("--trials", help="Trials of experiments, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the project's jobs, newest first."""
    with connected(project) as client:
        labels = pairs(label or [], "--label")
        found = client.jobs.list(state=state, text=text, label=labels, deleted=deleted, trials=trials)
        jobs = list(islice(found, limit))
    if as_json:
        print_json([job.to_dict() for job in jobs])
    else:
        job_views.job_list(jobs)


@app.command()
def show(job: JobArgument, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show one job in full."""
    with connected(project) as client:
        found = client.jobs.get(job)
    if as_json:
        print_json(found.to_dict())
    else:
        job_views.job_in_full(found)


@app.command()
def log(
    job: JobArgument,
    follow_it: FollowOption = False,
    attempt: AttemptOption = None,
    rank: RankOption = 0,
    project: ProjectOption = None,
) -> None:
    """Print a job's log; of one that waits for its environment, or got none, the log of how that is built."""
    with connected(project) as client:
        if follow_it:
            found = follow(client, client.jobs.get(job), rank=rank)
            raise typer.Exit(exit_code(found))
        harmless = TerminalText() if sys.stdout.isatty() else None
        for text in client.jobs.log(job, attempt=attempt, rank=rank):
            sys.stdout.write(harmless.feed(text) if harmless else text)


@app.command()
def stop(jobs: JobArguments, project: ProjectOption = None) -> None:
    """Ask jobs to end: politely first, then for good."""
    with connected(project) as client:
        for job in jobs:
            client.jobs.stop(job)


@app.command()
def retry(
    job: JobArgument,
    follow_it: FollowOption = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Queue a failed or stopped job again, as a new attempt."""
    with connected(project) as client:
        _submitted(client, client.jobs.retry(job), follow_it, as_json)


@app.command()
def rerun(
    job: JobArgument,
    parameter: Parameters = None,
    profile: Annotated[str | None, typer.Option(help="Another profile.")] = None,
    size: Annotated[str | None, typer.Option(help="Another size.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new job.")] = None,
    follow_it: FollowOption = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit the same code again as a new job; -p changes single parameters."""
    with connected(project) as client:
        old = client.jobs.get(job)
        changed = {**old.spec.parameters, **parameters(parameter)} if parameter else None
        made = client.jobs.rerun(old, parameters=changed, profile=profile, size=size, name=name)
        _submitted(client, made, follow_it, as_json)


@app.command()
def delete(
    jobs: JobArguments,
    cascade: Annotated[bool, typer.Option("--cascade", help="Stop them first if they run.")] = False,
    project: ProjectOption = None,
) -> None:
    """Delete jobs; they can be restored for 30 days."""
    with connected(project) as client:
        for job in jobs:
            client.jobs.delete(job, cascade=cascade)


@app.command()
def restore(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The deleted job's name or id.")],
    name: Annotated[str | None, typer.Option(help="A new name, where the old one is taken.")] = None,
    project: ProjectOption = None,
) -> None:
    """Bring a deleted job back."""
    with connected(project) as client:
        say(client.jobs.restore(job, name=name).name)


@app.command()
def outputs(
    job: JobArgument,
    attempt: AttemptOption = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the files that a job left."""
    with connected(project) as client:
        files = client.jobs.outputs(job, attempt=attempt)
    if as_json:
        print_json([file.to_dict() for file in files])
    else:
        print_table(
            ("PATH", "SIZE", "TYPE"), [(file.path, size(file.size), file.media_type) for file in files]
        )


@app.command()
def download(
    job: JobArgument,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Which outputs. [default: all]", show_default=False),
    ] = None,
    to: Annotated[Path, typer.Option(help="Folder to save them in; for one output, also a file.")] = Path(),
    attempt: AttemptOption = None,
    project: ProjectOption = None,
) -> None:
    """Save a job's outputs, whole and checked."""
    if paths and len(paths) > 1 and not to.is_dir():
        raise CommandError(f"{to} is not a folder.", ExitCode.USAGE)
    with connected(project) as client, bar() as told:
        if paths:
            get = client.jobs.download
            saved = [get(job, path, to, attempt=attempt, progress=told) for path in paths]
        else:
            saved = client.jobs.download_all(job, to, attempt=attempt, progress=told)
    for file in saved:
        say(printable(str(file)))


@app.command()
def metrics(
    job: JobArgument,
    metric: Annotated[str | None, typer.Argument(help="All points of this one.", show_default=False)] = None,
    attempt: AttemptOption = None,
    rank: RankOption = 0,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a job's metrics, or all points of one."""
    with connected(project) as client:
        series = client.jobs.metrics(job, attempt=attempt, rank=rank)
    chosen = [one for one in series if metric in (None, one.name)]
    if metric is not None and not chosen:
        raise CommandError(f"{job} has no metric {printable(metric)}.")
    if as_json:
        print_json([one.to_dict() for one in chosen])
    elif metric is not None:
        print_table(("STEP", "VALUE"), [(step, value) for step, value, _ in chosen[0].points])
    else:
        job_views.metric_list(series)


@app.command()
def wait(
    jobs: JobArguments,
    timeout: Annotated[str | None, typer.Option(metavar="DURATION", help="Such as 90s, 45m, 2h.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wait until jobs have ended; the exit code is that of the first that did not succeed."""
    with connected(project) as client:
        ended = wait_for(client.jobs.wait, jobs, timeout, not as_json)
    if as_json:
        print_json([job.to_dict() for job in ended])
    else:
        job_views.job_list(ended)
    raise typer.Exit(next((code for code in map(exit_code, ended) if code), ExitCode.OK))


@app.command()
def compare(jobs: JobArguments, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Put jobs side by side: parameters, results and durations; what differs is marked."""
    if len(jobs) < 2:
        raise CommandError("Name at least two jobs to compare.", ExitCode.USAGE)
    with connected(project) as client:
        found = [client.jobs.get(job) for job in jobs]
    if as_json:
        print_json({"jobs": jobs, "rows": job_views.comparison(found)})
    else:
        job_views.side_by_side(found)
