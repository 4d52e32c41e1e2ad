"""`himalia users`: the local accounts of a platform on this machine."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlsplit

import typer

from himalia.cli.output import (
    CommandError,
    ExitCode,
    HomeOption,
    JsonOption,
    complain,
    print_json,
    print_table,
    say,
)
from himalia.cli.platform import plain_errors
from himalia.supervisor.home import Home

if TYPE_CHECKING:
    from himalia.hub.accounts.store import AccountStore
    from himalia.supervisor.address import Address

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Manage local accounts."
)
NameArgument = Annotated[str, typer.Argument(help="The account's name.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, and print none.")
]


def _home(path: HomeOption) -> Home:
    with plain_errors():
        home = Home.at(path)
        if not home.setting("accounts_url"):
            home.prepare()
    return home


def _store(home: Home) -> AccountStore:
    from himalia.hub.accounts.store import AccountStore

    return AccountStore.of_home(home.path, home.setting("accounts_url"))


def _read_password(wanted: bool) -> str | None:
    if not wanted:
        return None
    password = typer.get_text_stream("stdin").readline().rstrip("\n")
    if not password:
        raise CommandError("Standard input holds no password.", ExitCode.USAGE)
    return password


@app.command()
def add(
    name: NameArgument,
    admin: Annotated[bool, typer.Option("--admin", help="Make an administrator's account.")] = False,
    password_stdin: PasswordStdin = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an account and show its generated password once."""
    given = _read_password(password_stdin)
    password = _store(_home(home)).add(name, given, admin=admin)
    _show_password(name, password, given is None, as_json)


@app.command()
def invite(
    name: Annotated[str | None, typer.Argument(help="Only for an account of this name.")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="Days for which the code can be used.")] = 7,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a code with which one person can sign up, once."""
    code = _store(_home(home)).invite(name, days=days)
    if as_json:
        print_json({"name": name, "code": code, "days": days})
    else:
        say(f"Code: {code}\nIt is typed on the sign-up page, works once, and ends after {days} days.")


@app.command()
def disable(name: NameArgument, home: HomeOption = None) -> None:
    """Refuse an account from now on: its sessions, tokens and running server end."""
    place = _home(home)
    _store(place).disable(name)
    with plain_errors():
        asyncio.run(_stop_server(place, name))
    say(f"{name} is disabled.")


@app.command()
def enable(name: NameArgument, home: HomeOption = None) -> None:
    """Let a disabled account in again."""
    _store(_home(home)).enable(name)
    say(f"{name} is enabled.")


@app.command()
def reset_password(
    name: NameArgument,
    password_stdin: PasswordStdin = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an account a new password and show it once; its sessions end."""
    given = _read_password(password_stdin)
    password = _store(_home(home)).reset_password(name, given)
    _show_password(name, password, given is None, as_json)


@app.command("list")
def list_accounts(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show all accounts."""
    accounts = _store(_home(home)).list()
    if as_json:
        internal = "end_sessions"  # what the hub has still to do
        print_json([{k: v for k, v in asdict(one).items() if k != internal} for one in accounts])
        return
    print_table(
        ["NAME", "ROLE", "STATE", "CREATED", "LAST SIGN-IN"],
        [
            [
                account.name,
                "administrator" if account.admin else "user",
                "disabled" if account.disabled else "enabled",
                account.created_at[:10],
                (account.signed_in_at or "never")[:16].replace("T", " "),
            ]
            for account in accounts
        ],
    )


def _show_password(name: str, password: str, show: bool, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, **({"password": password} if show else {})})
    elif show:
        say(f"{name}\nPassword: {password}   (shown only now)")
    else:
        say(f"{name}: done.")


def _hub(home: Home) -> Address | None:
    """Where the hub is: as the setting hub_url says, else on this machine, if `himalia up` has run here."""
    from himalia.supervisor.address import LOOPBACK, Address
    from himalia.supervisor.home import read_json

    if url := home.setting("hub_url"):
        parts = urlsplit(url)
        return Address(parts.hostname or LOOPBACK, parts.port or 80)
    ports = read_json(home.run / "ports.json")
    return Address(LOOPBACK, int(ports["hub"])) if ports is not None else None


async def _stop_server(home: Home, name: str) -> None:
    """Have a running hub stop the account's server; nothing to do when no hub runs."""
    from himalia.supervisor.http import request

    hub = _hub(home)
    if hub is None:
        return
    status, _ = await request(
        hub,
        f"/hub/api/users/{quote(name, safe='')}/server",
        method="DELETE",
        headers={"Authorization": f"token {home.secret('service-token')}"},
        timeout_s=30,
    )
    # 0: no hub runs; 404: no such user yet, or no server; 202: it is stopping.
    if status not in (0, 202, 204, 400, 404):
        complain(
            f"The hub did not stop the notebook server of {name} (HTTP {status}). Stop it in its admin page."
        )
