"""`himalia ssh` and `himalia ssh-proxy`: OpenSSH's client into one's own notebook server."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from typing import Annotated

import typer

from himalia.cli.output import CommandError
from himalia.cli.session import connected, in_words

ServerOption = Annotated[
    str, typer.Option("--server", help="The server's name, where you have several. [default: the first]")
]


def ssh(
    command: Annotated[
        list[str] | None,
        typer.Argument(help="What ssh gets beside: a command, or after -- its options.", show_default=False),
    ] = None,
    server: ServerOption = "",
) -> None:
    """Sign in to your notebook server by ssh, with a key that stands in its ~/.ssh/authorized_keys."""
    from himalia.client.config import find_place
    from himalia.client.tunnel import account

    program = shutil.which("ssh")
    if program is None:
        raise CommandError("ssh, OpenSSH's client, is not installed here.")
    with in_words():
        user = account(find_place(), url := _address(server))
    words = [sys.executable, "-m", "himalia.cli.main", "ssh-proxy", *(["--server", server] if server else [])]
    options = [
        f"ProxyCommand={' '.join(map(_word, words))}",
        # What answers is known by the platform's own address and token; its key belongs to the home.
        f"HostKeyAlias={url.partition('://')[2].replace('/', '-')}",
        "StrictHostKeyChecking=accept-new",
    ]
    line = [program, *(word for option in options for word in ("-o", option))]
    os.execv(program, [*line, "-l", user, server or "himalia", *(command or [])])  # noqa: S606


def ssh_proxy(server: ServerOption = "") -> None:
    """Carry an ssh connection to your notebook server; for ProxyCommand in ~/.ssh/config."""
    from himalia.client.config import find_place
    from himalia.client.tunnel import carry

    with in_words():
        asyncio.run(carry(find_place(), _address(server)))


def _address(server: str) -> str:
    from himalia.client.config import find_place
    from himalia.client.tunnel import address

    place = find_place()
    if place.socket:
        raise CommandError("This is a notebook server or a job; ssh comes from outside, after himalia login.")
    with connected() as client:
        return address(place, client.whoami().person.name, server)


def _word(text: str) -> str:
    """A word of a ProxyCommand, which the shell reads, and ssh, whose own signs begin with %."""
    import shlex

    return shlex.quote(text).replace("%", "%%")
