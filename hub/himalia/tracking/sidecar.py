"""MLflow beside the service, as on a cluster: `python -m himalia.tracking.sidecar` runs it in its own container.

It listens on a Unix socket in a folder that it shares with the service alone, and keeps what it has in a database,
which may be PostgreSQL, and in `<home>/mlflow`. Its container bounds its memory and starts it anew when it ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import httpx
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from himalia.core import clock
from himalia.core.errors import Unavailable
from himalia.core.settings import BadSettings, Settings, read_settings
from himalia.tracking import server
from himalia.tracking.server import State

log = logging.getLogger(__name__)

WAIT_S = 30.0
"""How long a call waits for an MLflow that is not there."""
LOOK_S = 2.0
SOON_S = 0.5


class MlflowSidecar:
    """The service's side: it waits for MLflow's socket, and starts and ends nothing."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.home / "mlflow"
        self.on_ready: Callable[[], None] = lambda: None
        self.start_s: float | None = None
        self._http = server.client(settings.home / "s" / "mlflow")
        self._is_ready = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """Whether it answers."""
        return "ready" if self.is_ready else "starting"

    @property
    def is_ready(self) -> bool:
        """Whether it answers calls."""
        return self._is_ready.is_set()

    def start(self) -> None:
        """Begin to look for it."""
        self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        missed = clock.monotonic()
        while True:
            if not await server.answers(self._http):
                if self.is_ready:
                    log.warning("MLflow does not answer.")
                    missed = clock.monotonic()
                self._is_ready.clear()
            elif not self.is_ready:
                self.start_s = clock.monotonic() - missed
                log.info("MLflow answers.")
                self._is_ready.set()
                self.on_ready()
            await asyncio.sleep(LOOK_S if self.is_ready else SOON_S)

    @asynccontextmanager
    async def use(self, *, passing: bool = False) -> AsyncIterator[httpx.AsyncClient]:
        """A client for MLflow's paths, which is waited for where it does not answer. Raises Unavailable."""
        if not self.is_ready:
            try:
                await asyncio.wait_for(self._is_ready.wait(), WAIT_S)
            except TimeoutError:
                raise Unavailable("MLflow does not answer now. Try again in a moment.") from None
        yield self._http

    async def stop(self) -> None:
        """Look no more; MLflow itself goes on."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        await self._http.aclose()


def database(settings: Settings) -> str:
    """SQLAlchemy's URL of MLflow's database, with the driver that the platform has for PostgreSQL."""
    if settings.mlflow_database_url is None:
        return f"sqlite:///{settings.home / 'mlflow' / server.DATABASE}"
    url = make_url(settings.mlflow_database_url)
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


def has_tables(url: str) -> bool:
    """Whether a database of MLflow's has its tables, of whatever version."""
    engine = create_engine(url)
    with engine.connect() as connection:
        there = inspect(connection).has_table("alembic_version")
        made = there and connection.execute(text("SELECT 1 FROM alembic_version")).first() is not None
    engine.dispose()
    return made


def main() -> None:
    """Become MLflow's server."""
    try:
        settings = read_settings(None)
    except BadSettings as error:
        sys.exit(str(error))
    os.umask(0o077)
    folder, sockets = settings.home / "mlflow", settings.home / "s" / "mlflow"
    for path in (folder / "artifacts", sockets):
        path.mkdir(parents=True, exist_ok=True)
    url = database(settings)
    if not has_tables(url):
        subprocess.run([sys.executable, "-W", "ignore", "-m", "himalia.tracking.making"], check=True)
    command = server.command(str(sockets / server.SOCKET))
    variables = server.environment(url, str(folder))
    os.execve(command[0], command, {**os.environ, **variables})  # noqa: S606  (the platform's own interpreter)


if __name__ == "__main__":
    main()
