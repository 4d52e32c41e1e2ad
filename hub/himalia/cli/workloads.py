"""`himalia workloads`: what runs and waits of everybody, for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from himalia.cli.job_views import place
from himalia.cli.output import JsonOption, print_json, print_table, say, size
from himalia.cli.session import ago, connected

if TYPE_CHECKING:
    from himalia.client.workloads import Workload

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="What runs and waits of everybody. For administrators: with a token of the scope admin.",
)


@app.command("list")
def list_workloads(as_json: JsonOption = False) -> None:
    """List the jobs, notebook servers, endpoints and tasks that wait or run now."""
    with connected() as client:
        found = client.workloads.list()
    if as_json:
        print_json([one.to_dict() for one in found])
    elif found:
        columns = ("ID", "KIND", "NAME", "PROJECT", "PERSON", "STATE", "MACHINE", "HOLDS", "SINCE")
        print_table(columns, map(_row, found))
    else:
        say("Nothing waits or runs.")


def _row(one: Workload) -> tuple[object, ...]:
    return (
        one.id,
        f"{one.kind}, {one.purpose}" if one.purpose else one.kind,
        one.name,
        one.project,
        one.person,
        one.state,
        "; ".join(place(spot.machine, spot.devices) for spot in one.places),
        _amount(one.reserve),
        ago(one.started_at or one.queued_at),
    )


def _amount(resources: Mapping[str, Any]) -> str:
    devices = [f"{count} × {name}" for name, count in resources["devices"].items()]
    cores = f"{resources['cpus']:g} core{'' if resources['cpus'] == 1 else 's'}"
    return ", ".join([cores, size(resources["memory_bytes"]), *devices])


@app.command()
def stop(
    workloads: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, as list shows them.")],
) -> None:
    """End workloads; those whose they are see that an administrator did it."""
    with connected() as client:
        for workload in workloads:
            client.workloads.stop(workload)


@app.command()
def machines(as_json: JsonOption = False) -> None:
    """List the machines, and what of them is free."""
    with connected() as client:
        found = client.workloads.machines()
    if as_json:
        print_json([one.to_dict() for one in found])
    else:
        rows = [
            (one.name, _amount(one.allocatable), _amount(one.free), ", ".join(one.taints)) for one in found
        ]
        print_table(("MACHINE", "GIVES OUT", "FREE", "KEPT FOR WHO TOLERATES"), rows)
