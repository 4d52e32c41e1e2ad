"""`himalia profiles`: what jobs and notebook servers can run on."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from himalia.cli.output import JsonOption, print_json, print_table, size
from himalia.cli.session import connected
from himalia.client.records import Profile, Size

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="What jobs and notebook servers can run on.",
)


@app.callback()
def _profiles() -> None:
    pass


@app.command("list")
def list_profiles(as_json: JsonOption = False) -> None:
    """List the profiles and their sizes, with how many jobs of each would start now."""
    with connected() as client:
        profiles = client.profiles()
    if as_json:
        print_json([profile.to_dict() for profile in profiles])
        return
    rows = [row for profile in profiles for row in _rows(profile)]
    print_table(("PROFILE", "SIZE", "HAS", "FREE NOW", ""), rows)


def _rows(profile: Profile) -> Iterator[tuple[str, str, str, str, str]]:
    """One row for each size; `*` marks the default one, and what holds for all sizes is said once."""
    said = profile.reason or ""
    for one in profile.sizes:
        reason, said = said or one.reason or "", ""
        yield profile.name, one.name + ("*" if one.default else ""), _has(one), _free(one), reason


def _has(one: Size) -> str:
    devices = [f"{count} × {name}" for name, count in one.accelerators.items()]
    return ", ".join([f"{one.cpus:g} core{'' if one.cpus == 1 else 's'}", size(one.memory_bytes), *devices])


def _free(one: Size) -> str:
    return "-" if one.free_for_jobs is None else str(one.free_for_jobs)
