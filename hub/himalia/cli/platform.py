"""`himalia up | down | status | doctor`: the platform on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from himalia.cli.output import (
    CommandError,
    ExitCode,
    HomeOption,
    JsonOption,
    duration,
    print_json,
    print_table,
    say,
    size,
)
from himalia.supervisor.errors import SupervisorError
from himalia.supervisor.home import Home

DEFAULT_ADDRESS = "127.0.0.1:8000"
AddressOption = Annotated[str, typer.Option("--address", metavar="HOST:PORT", help="Where to listen.")]


@contextmanager
def plain_errors() -> Iterator[None]:
    """Supervision's failures as a command's."""
    try:
        yield
    except SupervisorError as error:
        raise CommandError(str(error)) from error


def up(
    home: HomeOption = None,
    address: AddressOption = DEFAULT_ADDRESS,
    admin_password_file: Annotated[
        Path | None,
        typer.Option(help="Take the first administrator's password from this file, and print none."),
    ] = None,
) -> None:
    """Start the platform here and keep it running until Ctrl-C."""
    # Asked first, so that a machine with the SDK alone is not half prepared.
    import jupyterhub  # noqa: F401

    from himalia.supervisor.address import Address
    from himalia.supervisor.up import Start, read_password, tell
    from himalia.supervisor.up import up as start_platform

    with plain_errors():
        password = read_password(admin_password_file) if admin_password_file else None
        start_platform(Start(Home.at(home), Address.parse(address), password), tell)


def service(home: HomeOption = None) -> None:
    """Run the service alone, in the foreground, for a hub that has a supervisor of its own."""
    from himalia.app import serve

    with plain_errors():
        place = Home.at(home)
        place.prepare()
        place.make_secrets()
    serve(place.path)


def down(home: HomeOption = None) -> None:
    """Stop the platform; jobs that run start again at its next start."""
    from himalia.supervisor.down import down as stop_platform

    with plain_errors():
        place = Home.at(home)
        stopped = stop_platform(place)
    say("Stopped." if stopped else f"Himalia does not run in {place.path}.")


def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what runs. The exit code is 0 only when all is healthy, else 3."""
    from himalia.supervisor.status import status as platform_status

    with plain_errors():
        found = platform_status(Home.at(home))
    if as_json:
        print_json(found)
    else:
        _show_status(found)
    if not found["healthy"]:
        raise typer.Exit(ExitCode.NOT_HEALTHY)


def _show_status(found: dict[str, Any]) -> None:
    if not found["running"]:
        say(f"Himalia does not run in {found['home']}. Start it with: himalia up --home {found['home']}")
        return
    now = time.time()
    state = "is stopping" if found["stopping"] else "runs"
    say(f"Himalia {found['version']} {state} at {found['url']}, for {duration(now - found['since'])}\n")
    print_table(
        ["PROCESS", "STATE", "FOR", "RESTARTS", "PID", "MEMORY"],
        [
            [
                process["name"],
                process["state"],
                duration(now - process["since"]),
                process["restarts"],
                process["pid"] or "",
                size(process["memory_bytes"]),
            ]
            for process in found["processes"]
        ],
    )
    memory = found["memory"]
    say(
        f"\nMemory: platform {size(memory['platform_bytes'])}, "
        f"notebook servers and jobs {size(memory['sandboxes_bytes'])}"
    )


def doctor(
    home: HomeOption = None, address: AddressOption = DEFAULT_ADDRESS, as_json: JsonOption = False
) -> None:
    """Check this machine and say what to do about what is missing."""
    from himalia.supervisor.address import Address
    from himalia.supervisor.doctor import examine

    with plain_errors():
        checks = examine(Home.at(home), Address.parse(address))
    if as_json:
        print_json([check.to_json() for check in checks])
    else:
        for check in checks:
            say(f"{check.verdict:<8} {check.name:<13} {check.message}")
    if any(check.verdict == "problem" for check in checks):
        raise typer.Exit(ExitCode.NOT_HEALTHY)
