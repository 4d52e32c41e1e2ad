"""`himalia endpoints`: deploy models, call them, update and roll back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from himalia.cli.output import CommandError, ExitCode, JsonOption, print_json, print_table, say
from himalia.cli.progress import waiting
from himalia.cli.session import ProjectOption, TerminalText, ago, connected, pairs

if TYPE_CHECKING:
    from himalia.client import Endpoint

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Models that answer at an address of their own.",
)
tokens_app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="The tokens that open an endpoint.",
)
app.add_typer(tokens_app, name="tokens")

EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's name.")]
ModelArgument = Annotated[
    str | None,
    typer.Argument(metavar="MODEL[@VERSION]", help="A model version: iris@3, iris@champion, or iris."),
]
FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Instead of a version: a folder with an MLflow model.")
]
ProfileOption = Annotated[str | None, typer.Option(help="Profile. [default: the first that is available]")]
SizeOption = Annotated[str | None, typer.Option(help="Size of the profile. [default: the profile's]")]
EnvOption = Annotated[
    list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="A variable. Repeatable.")
]
ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace", help="Where it does not fit beside: stop the present one first. Calls fail meanwhile."
    ),
]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is ready.")]


@app.command()
def deploy(
    model: ModelArgument = None,
    folder: FolderOption = None,
    name: Annotated[str | None, typer.Option(help="Name. [default: the model's]")] = None,
    profile: ProfileOption = None,
    size: SizeOption = None,
    env: EnvOption = None,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label. Repeatable.")] = None,
    wait: WaitOption = True,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy a model version at a new address."""
    _one_of(model, folder)
    with connected(project) as client:
        with waiting("Sending the model", not as_json):
            endpoint = client.endpoints.deploy(
                model,
                folder=folder,
                name=name,
                profile=profile,
                size=size,
                env=pairs(env or [], "--env"),
                labels=pairs(label or [], "--label"),
            )
        _settled(endpoint, wait, as_json)


@app.command()
def update(
    endpoint: EndpointArgument,
    model: ModelArgument = None,
    folder: FolderOption = None,
    profile: ProfileOption = None,
    size: SizeOption = None,
    weight: Annotated[int, typer.Option(min=1, max=100, help="Its share of the calls, in per cent.")] = 100,
    replace: ReplaceOption = False,
    wait: WaitOption = True,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve another model version; no call fails meanwhile."""
    _one_of(model, folder)
    with connected(project) as client:
        with waiting("Sending the model", not as_json):
            found = client.endpoints.update(
                endpoint, model, folder=folder, profile=profile, size=size, weight=weight, replace=replace
            )
        _settled(found, wait, as_json)


@app.command()
def rollback(
    endpoint: EndpointArgument,
    revision: Annotated[
        int | None, typer.Option(help="Which one. [default: the one that served before]")
    ] = None,
    replace: ReplaceOption = False,
    wait: WaitOption = True,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Return to an earlier revision; no call fails meanwhile."""
    with connected(project) as client:
        _settled(client.endpoints.rollback(endpoint, revision, replace=replace), wait, as_json)


def _one_of(model: str | None, folder: Path | None) -> None:
    if (model is None) == (folder is None):
        raise CommandError(
            "Name a model version, as iris@3, or a model's folder with --folder.", ExitCode.USAGE
        )


def _settled(endpoint: Endpoint, wait: bool, as_json: bool) -> None:
    if wait:
        with waiting(f"Starting {endpoint.name}", not as_json):
            endpoint.wait()
    if as_json:
        print_json(endpoint.to_dict())
        return
    if wait and endpoint.status.message:
        raise CommandError(endpoint.status.message)
    say(f"{endpoint.name}: {endpoint.state.lower()} at {endpoint.url}")


@app.command("list")
def list_endpoints(
    state: Annotated[list[str] | None, typer.Option(help="Only these states. Repeatable.")] = None,
    text: Annotated[str | None, typer.Option(help="Part of the name.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted ones that can be restored.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a project's endpoints, newest first."""
    with connected(project) as client:
        found = list(client.endpoints.list(state=state, text=text, deleted=deleted))
    if as_json:
        print_json([one.to_dict() for one in found])
    else:
        rows = [(one.name, one.state, _serving(one), ago(one.created_at), one.url) for one in found]
        print_table(("NAME", "STATE", "SERVES", "MADE", "ADDRESS"), rows)


def _serving(endpoint: Endpoint) -> str:
    shares = [one for one in endpoint.status.revisions if one.weight]
    if len(shares) == 1:
        return _what(shares[0])
    return ", ".join(f"{_what(one)} {one.weight} %" for one in shares) or "nothing"


def _what(revision: Any) -> str:
    model = revision.model
    return f"{model['name']}@{model['version']}" if model else f"revision {revision.number}"


@app.command()
def show(endpoint: EndpointArgument, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show an endpoint with its revisions."""
    with connected(project) as client:
        found = client.endpoints.get(endpoint)
    if as_json:
        print_json(found.to_dict())
        return
    say(f"{found.name}: {found.state}{f'. {found.status.message}' if found.status.message else ''}")
    say(f"Address:  {found.url}")
    say(f"Directly: {found.direct_url}")
    rows = [
        (one.number, _what(one), one.state, f"{one.weight} %", ago(one.created_at), one.created_by.name)
        for one in found.status.revisions
    ]
    print_table(("REVISION", "MODEL", "STATE", "CALLS", "MADE", "BY"), rows)


@app.command()
def predict(
    endpoint: EndpointArgument,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[JSON]", help="Rows, or inputs by name. [default: standard input]"),
    ] = None,
    project: ProjectOption = None,
) -> None:
    """Call an endpoint, and print its answer as JSON."""
    try:
        given = json.loads(sys.stdin.read() if data is None else data)
    except ValueError as error:
        raise CommandError(f"The data is not JSON: {error}.", ExitCode.USAGE) from error
    with connected(project) as client, waiting("Waiting for the answer"):
        answer = client.endpoints.predict(endpoint, given)
    print_json(answer)


@app.command()
def example(endpoint: EndpointArgument, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Print a call that the model takes, as a curl line."""
    with connected(project) as client:
        found = client.endpoints.example(endpoint)
    if as_json:
        print_json(found.to_dict())
    else:
        say(found.curl)


@app.command()
def traffic(
    endpoint: EndpointArgument,
    weights: Annotated[
        list[str], typer.Argument(metavar="REVISION=PERCENT...", help="Shares that come to 100.")
    ],
    project: ProjectOption = None,
) -> None:
    """Share the calls among revisions that are ready."""
    try:
        shares = {int(number): int(share) for number, share in pairs(weights, "", "REVISION=PERCENT").items()}
    except ValueError as error:
        raise typer.BadParameter("Write shares as 2=90 3=10.") from error
    with connected(project) as client:
        say(_serving(client.endpoints.set_traffic(endpoint, shares)))


@app.command()
def stop(endpoint: EndpointArgument, project: ProjectOption = None) -> None:
    """Take no more calls, and end the model servers."""
    with connected(project) as client:
        client.endpoints.stop(endpoint)


@app.command()
def start(endpoint: EndpointArgument, wait: WaitOption = True, project: ProjectOption = None) -> None:
    """Start a stopped endpoint again."""
    with connected(project) as client:
        _settled(client.endpoints.start(endpoint), wait, False)


@app.command()
def rename(
    endpoint: EndpointArgument,
    name: Annotated[str, typer.Argument(help="The new name; the address changes with it.")],
    project: ProjectOption = None,
) -> None:
    """Rename an endpoint."""
    with connected(project) as client:
        say(client.endpoints.edit(endpoint, name=name).url)


@app.command()
def delete(
    endpoint: EndpointArgument,
    cascade: Annotated[bool, typer.Option("--cascade", help="Stop it first if it runs.")] = False,
    project: ProjectOption = None,
) -> None:
    """Delete an endpoint; it can be restored for 30 days."""
    with connected(project) as client:
        client.endpoints.delete(endpoint, cascade=cascade)


@app.command()
def restore(
    endpoint: EndpointArgument,
    name: Annotated[str | None, typer.Option(help="Another name, where the old one is taken.")] = None,
    project: ProjectOption = None,
) -> None:
    """Bring back a deleted endpoint, stopped."""
    with connected(project) as client:
        say(client.endpoints.restore(endpoint, name=name).name)


@app.command()
def log(
    endpoint: EndpointArgument,
    revision: Annotated[int | None, typer.Option(help="Which revision. [default: the newest]")] = None,
    project: ProjectOption = None,
) -> None:
    """Print what a revision's model server printed."""
    with connected(project) as client:
        sys.stdout.write(TerminalText().feed(client.endpoints.log(endpoint, revision=revision)))


@app.command()
def metrics(endpoint: EndpointArgument, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show calls, failures, what was refused as the caller's doing, and times, by revision."""
    with connected(project) as client:
        found = client.endpoints.metrics(endpoint)
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    rows = []
    for one in found:
        last = one.points[-1] if one.points else [0, 0, 0, None, None, None]
        times = [f"{value:.1f} ms" if value is not None else "" for value in last[3:]]
        rows.append((one.revision, one.requests, one.failures, one.refused, *times))
    print_table(("REVISION", "CALLS", "FAILED", "REFUSED", "MEDIAN", "95 %", "99 %"), rows)


@tokens_app.command("create")
def create_token(
    endpoint: EndpointArgument,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="How long it is good. [default: for ever]")
    ] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token for callers. It is shown only now."""
    with connected(project) as client:
        made = client.endpoints.create_token(endpoint, note, expires_in_s=days * 86_400 if days else None)
    if as_json:
        print_json(made.to_dict())
    else:
        say(made.token)


@tokens_app.command("list")
def list_tokens(
    endpoint: EndpointArgument, project: ProjectOption = None, as_json: JsonOption = False
) -> None:
    """List the tokens of an endpoint."""
    with connected(project) as client:
        found = client.endpoints.tokens(endpoint)
    if as_json:
        print_json([one.to_dict() for one in found])
    else:
        rows = [
            (one.id, f"{one.hint}…", one.note, ago(one.created_at), one.expires_at or "never")
            for one in found
        ]
        print_table(("ID", "BEGINS", "NOTE", "MADE", "ENDS"), rows)


@tokens_app.command("delete")
def delete_token(
    endpoint: EndpointArgument,
    token: Annotated[str, typer.Argument(metavar="ID", help="The token's id, from the list.")],
    project: ProjectOption = None,
) -> None:
    """Revoke a token; it opens nothing from now on."""
    with connected(project) as client:
        client.endpoints.revoke_token(endpoint, token)
