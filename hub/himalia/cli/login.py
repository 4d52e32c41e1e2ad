"""`himalia login`, `logout` and `whoami`."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from himalia.cli.output import CommandError, ExitCode, JsonOption, complain, print_json, printable, say
from himalia.cli.session import connected, in_words

if TYPE_CHECKING:
    from himalia.client.login import Login

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def login(
    url: Annotated[str, typer.Argument(help="The platform's address, such as http://host:8000.")],
    username: Annotated[
        str | None, typer.Option(help="Sign in as this local account, without a browser.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="The account's password. [default: asked for]", show_default=False)
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="With --username: how long it is valid.")] = 30,
    scope: Annotated[
        str, typer.Option(help="With --username: read, write, or admin for an administrator's commands.")
    ] = "write",
) -> None:
    """Log in to a platform: a person approves a short code in the browser."""
    from himalia.client.credentials import Credentials
    from himalia.client.login import Login

    if password_file is not None and username is None:
        raise CommandError("--password-file goes with --username.", ExitCode.USAGE)
    password = None if username is None else _password(password_file)
    with in_words():
        session = Login(url)
        try:
            session.check()
            _warn(session.base)
            if username is None or password is None:
                made = _approved(session)
            else:
                made = session.with_password(username, password, socket.gethostname(), days, scope)
        finally:
            session.close()
        Credentials().store(session.base, made)
    say(f"Logged in to {session.place.shown} as {printable(str(made['person']['name']))}.")


def _password(file: Path | None) -> str:
    if file is None:
        return str(typer.prompt("Password", hide_input=True))
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The password cannot be read from {file}.", ExitCode.USAGE) from error
    if not lines:
        raise CommandError(f"{file} is empty.", ExitCode.USAGE)
    return lines[0]


def _approved(session: Login) -> dict[str, Any]:
    code = session.start(socket.gethostname())
    say(f"Open {code.verification_url} and enter this code:\n\n    {code.user_code}\n")
    complain(f"Waiting for your approval, for {code.expires_in // 60} minutes. Press Ctrl-C to give up.")
    return session.finish(code)


def _warn(base: str) -> None:
    parts = urlsplit(base)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        complain("Note: this connection is not encrypted; who can listen to it can read your token.")


def logout(
    url: Annotated[
        str | None, typer.Argument(help="[default: the platform logged in to last]", show_default=False)
    ] = None,
) -> None:
    """Forget a login and revoke its token."""
    from himalia.client.config import service_url
    from himalia.client.credentials import Credentials
    from himalia.client.errors import HimaliaError, Unauthenticated

    with in_words():
        credentials = Credentials()
        base = service_url(url) if url else credentials.current
        stored = credentials.get(base) if base else None
        if base is None or stored is None:
            raise CommandError("You are not logged in there." if url else "You are not logged in.")
        try:
            _revoke(base, stored)
        except Unauthenticated:
            pass  # it has expired or was revoked before
        except HimaliaError as error:
            complain(f"The token was forgotten here, and not revoked: {printable(error.message)}")
        credentials.forget(base)
    say("Logged out.")


def _revoke(base: str, stored: dict[str, Any]) -> None:
    """Revoke the stored token, which the service knows by the moment of its end."""
    from himalia.client import Client
    from himalia.client.records import moment

    end = moment(str(stored["expires_at"]))
    with Client(base, str(stored["token"])) as client:
        for token in client.tokens.list():
            if token.expires_at == end:
                client.tokens.delete(token)


def whoami(as_json: JsonOption = False) -> None:
    """Show who you are, where, and which project is current."""
    with connected() as client:
        caller, project, place = client.whoami(), client.project, client.place.shown
    if as_json:
        print_json({**caller.to_dict(), "address": place, "current_project": project})
    else:
        say(f"{printable(caller.person.name)} at {place}, project {project}")
