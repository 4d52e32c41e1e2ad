"""`himalia up`: one start of the platform, from the lock to the last process that ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import himalia
from himalia.supervisor import control
from himalia.supervisor.address import Address, Ports
from himalia.supervisor.errors import AlreadyRunning, SupervisorError
from himalia.supervisor.home import Home, write_private
from himalia.supervisor.platform import Platform
from himalia.supervisor.proxy import ensure_proxy
from himalia.supervisor.supervisor import Say, Supervisor, take_over

ADMINISTRATOR = "admin"
DEFAULT_ADDRESS = "127.0.0.1:8000"

log = logging.getLogger("himalia.up")


@dataclass(frozen=True)
class Start:
    """How to start: the home, where to listen, and the administrator's password if it is not to be made."""

    home: Home
    listen: Address
    password: str | None = None


def up(start: Start, say: Say, make: type[Platform] = Platform) -> None:
    """Run the platform until SIGINT, SIGTERM or SIGHUP; `SupervisorError` when it cannot be.

    `make` puts the programs together.
    """
    if not sys.platform.startswith("linux"):
        raise SupervisorError("Himalia runs on Linux only. On Windows, use it inside WSL2.")
    home = start.home
    home.prepare()
    try:
        lock = home.lock()
    except AlreadyRunning as error:
        running = control.call(home, "status")
        say(f"{error} {'Its address: ' + running['url'] if running else ''}".strip())
        return
    try:
        home.make_secrets()
        _log_to(home)
        if count := take_over(home):
            say(
                f"The last run did not end in order: {count} processes of it were ended, and this one takes over."
            )
        start.listen.check()
        ensure_proxy(home.path, say)
        asyncio.run(_run(start, make(home, start.listen, Ports.of(home)), say))
    finally:
        os.close(lock)


def read_password(file: Path) -> str:
    """The first line of `file`; `SupervisorError` when it cannot be read or is empty."""
    try:
        password = file.read_text().split("\n", 1)[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SupervisorError(f"The password file {file} cannot be read: {error}.") from error
    if not password:
        raise SupervisorError(
            f"The password file {file} is empty. Write the administrator's password into it."
        )
    return password


async def _run(start: Start, platform: Platform, say: Say) -> None:
    home = platform.home
    supervisor = Supervisor(home, platform.programs(), say)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.ask_to_stop)

    async def answer(op: str) -> dict[str, Any]:
        if op == "down":
            supervisor.ask_to_stop()
        return {
            "pid": os.getpid(),
            "url": platform.url,
            "home": str(home.path),
            "version": himalia.__version__,
            "since": supervisor.since,
            "stopping": supervisor.stopping.is_set(),
            "processes": await supervisor.status() if op == "status" else [],
        }

    say(f"Himalia {himalia.__version__} in {home.path}")
    async with control.listening(home, answer):
        try:
            await supervisor.start()
            if not supervisor.stopping.is_set():
                await _welcome(start, platform.url, say)
                await supervisor.run()
        finally:
            supervisor.stopping.set()
            await supervisor.stop()
            log.info("Stopped")
    say("Stopped.")


async def _welcome(start: Start, url: str, say: Say) -> None:
    password = await asyncio.to_thread(_first_administrator, start)
    log.info("Ready: %s", url)
    say(f"\nHimalia is ready: {url}\n")
    if password is not None and start.password is None:
        say(f"  Sign in as   {ADMINISTRATOR}\n  Password     {password}   (shown only now)\n")
    say("Ctrl-C stops everything.")


def _first_administrator(start: Start) -> str | None:
    """Make the administrator on the very first start; answers the password, None at later starts."""
    marker = start.home.path / "hub" / "administrator"
    if marker.exists():
        return None
    # Imported here, since only the first start needs it.
    from himalia.core.errors import HimaliaError
    from himalia.hub.accounts.store import AccountStore

    store = AccountStore.of_home(start.home.path, start.home.setting("accounts_url"))
    password = None
    try:
        if store.get(ADMINISTRATOR) is None:
            password = store.add(ADMINISTRATOR, start.password, admin=True)
    except HimaliaError as error:
        raise SupervisorError(f"The administrator's account was not made: {error.message}") from error
    write_private(marker, ADMINISTRATOR)
    return password


def _log_to(home: Home) -> None:
    handler = logging.FileHandler(home.log("up"))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def tell(text: str) -> None:
    """Print a line now. A terminal that has gone must not keep the platform from stopping in order."""
    with suppress(OSError):
        print(text, flush=True)
