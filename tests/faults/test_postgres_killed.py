"""PostgreSQL killed with -9 under load: what was answered is there, what was refused is not, and work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa
from postgres import PostgresServer
from sqlalchemy.engine import Connection

import himalia.app  # every table of every noun
from himalia.core import database as module
from himalia.core.database import Database, InUse, Transaction
from himalia.core.errors import Unavailable
from himalia.core.links import links
from himalia.core.migrate import migrate

assert himalia.app


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    made = PostgresServer()
    try:
        yield made.start()
    finally:
        made.remove()


@pytest.fixture
async def database(server: PostgresServer, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    made = Database(await asyncio.to_thread(server.create, request.node.name[:60]))
    await asyncio.to_thread(made.alone)
    await asyncio.to_thread(migrate, made)
    made.start()
    await made.write(lambda _: None)  # its writer is connected
    yield made
    await asyncio.to_thread(made.close)


def add(tx: Transaction, name: str) -> str:
    tx.execute(links.insert().values(from_id=name, to_id="it", kind="uses"))
    return name


def stored(connection: Connection) -> set[str]:
    return set(connection.execute(sa.select(links.c.from_id)).scalars())


async def test_under_load(database: Database, server: PostgresServer) -> None:
    answered: set[str] = set()
    refused: set[str] = set()
    told: set[str] = set()
    ends = asyncio.Event()

    async def load(who: int) -> None:
        number = 0
        while not ends.is_set():
            name, number = f"{who}-{number}", number + 1

            def work(tx: Transaction, name: str = name) -> None:
                tx.after_commit(lambda: told.add(name))
                add(tx, name)

            try:
                await database.write(work)
                answered.add(name)
            except Unavailable:
                refused.add(name)
                await asyncio.sleep(0.01)

    callers = [asyncio.create_task(load(who)) for who in range(8)]
    for _ in range(5):
        await asyncio.sleep(0.2)
        before = len(answered)
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(20):
            while len(answered) < before + 50:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    ends.set()
    await asyncio.gather(*callers)
    there = await database.read(stored)
    assert answered == there == told
    assert refused
    assert not refused & there


async def test_a_commit_whose_answer_was_lost_counts(
    database: Database, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes down when it has committed, before its answer arrives."""
    original = Database._attempt

    def attempt(self: Database, connection: Connection, group: object, careful: bool = False) -> object:
        made = original(self, connection, group, careful)  # type: ignore[arg-type]
        connection.exec_driver_sql("COMMIT")
        monkeypatch.undo()
        server.kill()
        server.start()
        return made

    monkeypatch.setattr(Database, "_attempt", attempt)
    assert await database.write(lambda tx: add(tx, "one")) == "one"
    assert await database.read(stored) == {"one"}


async def test_what_was_not_committed_is_refused_though_its_number_is_another_s(
    database: Database, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed server gives a transaction's number once more, where none of its changes had reached the disk."""
    original = Database._attempt
    taken = []

    def attempt(self: Database, connection: Connection, group: object, careful: bool = False) -> object:
        made = original(self, connection, group, careful)  # type: ignore[arg-type]
        number = "SELECT pg_current_xact_id()::text"
        taken.append(connection.exec_driver_sql(number).scalar())
        monkeypatch.undo()
        server.kill()
        server.start()
        # As MLflow may have a database of its own there.
        with sa.create_engine(server.url()).begin() as other:
            taken.append(other.exec_driver_sql(number).scalar())
        return made

    monkeypatch.setattr(Database, "_attempt", attempt)
    with pytest.raises(Unavailable):
        await database.write(lambda tx: add(tx, "lost"))
    assert taken[0] == taken[1]
    assert await database.write(lambda tx: add(tx, "next")) == "next"
    assert await database.read(stored) == {"next"}


async def test_reads_say_that_the_database_is_away(database: Database, server: PostgresServer) -> None:
    await asyncio.to_thread(server.kill)
    with pytest.raises(Unavailable):
        await database.read(stored)
    await asyncio.to_thread(server.start)
    assert await database.read(stored) == set()


async def test_one_service_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    with pytest.raises(InUse, match="Another service works on this database"):
        await asyncio.to_thread(other.alone, 0.6)
    await asyncio.to_thread(other.close)


async def test_who_lost_its_place_to_another_ends(
    database: Database, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server was gone for a while, and a new service was the first to come back: the old one writes no more."""
    ended: list[int] = []
    monkeypatch.setattr(module.os, "_exit", ended.append)  # what ends the process
    monkeypatch.setattr(module, "ALONE_S", 0.6)
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    other = Database(database.url.render_as_string(hide_password=False))
    await asyncio.to_thread(other.alone)
    with pytest.raises(Unavailable):
        await database.write(lambda tx: add(tx, "old"))
    async with asyncio.timeout(10):
        while not ended:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert ended == [70]
    assert await database.read(stored) == set()
    await asyncio.to_thread(other.close)
