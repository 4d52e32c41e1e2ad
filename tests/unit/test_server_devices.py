"""Reservations of notebook servers: places and devices are given once, and come back."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from himalia.core.database import Database
from himalia.core.errors import Invalid, NoCapacity
from himalia.core.identity import Credentials, HubAccounts
from himalia.core.migrate import migrate
from himalia.core.settings import Settings
from himalia.core.tokens import WorkTokens
from himalia.engine import queue
from himalia.engine.board import Board
from himalia.engine.folders import Folders
from himalia.engine.resources import Machine, Resources
from himalia.engine.service import Engine, from_row, load_active
from himalia.environments.places import FolderEnvironments
from himalia.profiles.folder import ProfileFolder
from himalia.servers.catalogue import Catalogue
from himalia.servers.identities import Identities
from himalia.servers.schema import Reservation, ReservationCreate
from himalia.servers.service import Servers

GPU = "nvidia.com/gpu"
FAKE = ("/dev/full", "/dev/zero")
"""Two device files that every machine has, taken for accelerators."""
PROFILES = f"""
name: gpu
title: With an accelerator
environment: base
sizes:
  - {{name: one, title: One, cpus: 1, memory: 1GiB, accelerators: {{{GPU}: 1}}, default: true}}
  - {{name: none, title: None, cpus: 1, memory: 1GiB}}
"""
MACHINE = Machine("here", Resources.of(4, 8 << 30, {GPU: 2}), {GPU: FAKE})


class World:
    """The parts of the service that reserve, on a home of their own."""

    def __init__(self, home: Path) -> None:
        (home / "profiles").mkdir()
        (home / "profiles" / "gpu.yaml").write_text(PROFILES)
        (home / "environments/base/bin").mkdir(parents=True)
        (home / "environments/base/bin/python").symlink_to(sys.executable)
        settings = Settings(home=home, profiles_dir=home / "profiles")
        folders = Folders(home)
        folders.prepare()
        self.database = Database(settings.database)
        self.board = Board()
        self.engine = Engine(self.board, lambda: [MACHINE])
        hub = HubAccounts(settings, "token")
        work = WorkTokens(b"key")
        self.credentials = Credentials(
            self.database, hub, work, lambda _: None, lambda _: None, lambda *_: None
        )
        profiles = ProfileFolder(home / "profiles")
        catalogue = Catalogue(profiles, FolderEnvironments(home, profiles.now), self.engine)
        self.servers = Servers(self.database, self.engine, catalogue, Identities(settings), folders, hub)

    async def reserve(self, user: str, size: str = "one") -> Reservation:
        body = ReservationCreate(user=user, profile="gpu", size=size)
        return await self.servers.reserve(self.credentials, body)

    def job_gets(self) -> tuple[str, ...]:
        """The devices that a job would be given now."""
        reserve = Resources.of(0, 0, {GPU: 1})
        job = queue.Waiting("job", reserve)
        placed = queue.plan([job], self.board.held, [MACHINE], {job.shape})
        return placed[0].devices[GPU] if placed else ()


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        made = World(Path(folder))
        migrate(made.database)
        made.database.start()
        yield made
        await asyncio.to_thread(made.database.close)


def test_each_server_gets_devices_of_its_own() -> None:
    async def run() -> None:
        async with world() as here:
            first, second = await asyncio.gather(here.reserve("ada"), here.reserve("bob"))
            assert sorted([*first.devices, *second.devices]) == sorted(FAKE)
            assert here.job_gets() == ()
            with pytest.raises(NoCapacity, match="needs 1 GiB memory, 1 nvidia"):
                await here.reserve("eve")
            assert (await here.reserve("eve", "none")).devices == []

            await here.servers.release(first.id)
            assert list(here.job_gets()) == first.devices
            rows = await here.database.read(load_active)
            held = {row.id: from_row(row, 0).devices for row in rows}  # as the next service finds them
            assert held[second.id] == {GPU: tuple(second.devices)}

    asyncio.run(run())


def test_what_could_not_be_reserved_holds_nothing() -> None:
    async def run() -> None:
        async with world() as here:
            (here.servers.folders.home / "people").rmdir()
            (here.servers.folders.home / "people").write_text("in the way")
            for _ in range(3):
                with pytest.raises(NoCapacity, match="folders"):
                    await here.reserve("ada")
            assert list(here.board.held) == []
            assert here.board.active == {}

    asyncio.run(run())


def test_without_its_environment_nothing_is_reserved() -> None:
    async def run() -> None:
        async with world() as here:
            (here.servers.folders.environment("base") / "bin/python").unlink()
            with pytest.raises(Invalid, match="himalia environments create base"):
                await here.reserve("ada")
            assert list(here.board.held) == []

    asyncio.run(run())
