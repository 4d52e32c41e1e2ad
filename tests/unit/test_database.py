"""The database's one writer: groups, savepoints, events in order, and what happens when it cannot write."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection

import himalia.app  # every table of every noun
from himalia.core import clock, events
from himalia.core.database import Database, Transaction, metadata
from himalia.core.errors import DiskFull, NameInUse
from himalia.core.links import links
from himalia.core.migrate import migrate

assert himalia.app


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'h.sqlite'}"
    server: str = request.getfixturevalue("postgres_url")
    name = f"test_{os.urandom(4).hex()}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    made = Database(url)
    await asyncio.to_thread(migrate, made)
    made.start()
    yield made
    await asyncio.to_thread(made.close)


def add(tx: Transaction, name: str, kind: str = "uses") -> str:
    tx.execute(links.insert().values(from_id=name, to_id="it", kind=kind))
    events.emit(tx, "project.changed", subject=("project", name, name))
    return name


def stored(connection: Connection) -> set[str]:
    return set(connection.execute(sa.select(links.c.from_id)).scalars())


def event_rows(connection: Connection) -> list[Any]:
    return list(connection.execute(sa.select(events.events).order_by(events.events.c.id)))


async def test_many_writes_at_once_are_few_transactions(database: Database) -> None:
    commits = 0

    def begun(*_: object) -> None:
        nonlocal commits
        commits += 1

    original = database._begin
    database._begin = lambda connection: (begun(), original(connection))[1]  # type: ignore[method-assign]
    names = [f"n{number}" for number in range(500)]
    written = await asyncio.gather(*(database.write(lambda tx, n=name: add(tx, n)) for name in names))
    assert written == names
    assert await database.read(stored) == set(names)
    assert commits < 100


async def test_what_fails_is_undone_alone(database: Database) -> None:
    def fails(tx: Transaction) -> None:
        add(tx, "undone")
        tx.after_commit(lambda: pytest.fail("called for what was undone"))
        raise NameInUse("Taken.")

    def clashes(tx: Transaction) -> None:
        add(tx, "clash")
        add(tx, "clash")

    work: list[Any] = [
        database.write(lambda tx: add(tx, "before")),
        database.write(fails),
        database.write(clashes),
        database.write(lambda tx: add(tx, "after")),
    ]
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    assert outcomes[0] == "before"
    assert isinstance(outcomes[1], NameInUse)
    assert isinstance(outcomes[2], sa.exc.IntegrityError)
    assert outcomes[3] == "after"
    assert await database.read(stored) == {"before", "after"}
    assert [row.subject_id for row in await database.read(event_rows)] == ["before", "after"]


@pytest.mark.parametrize(
    "value", ["half a pair \ud800", {"i": 10**40, "x": 1e300, "none": None}, "é\0", [0.1, True]]
)
async def test_json_comes_back_as_it_was(database: Database, value: object) -> None:
    def work(tx: Transaction) -> None:
        events.emit(tx, "project.changed", subject=("project", "p", "p"), data={"value": value})

    await database.write(work)
    assert (await database.read(event_rows))[0].data == {"value": value}


LINK = links.insert()


def add_together(tx: Transaction, name: str) -> str:
    tx.add(LINK, {"from_id": name, "to_id": "it", "kind": "uses"})
    events.emit(tx, "project.changed", subject=("project", name, name))
    return name


async def test_rows_written_together_are_there_for_whoever_reads(database: Database) -> None:
    seen: list[set[str]] = []

    def reads(tx: Transaction) -> None:
        add_together(tx, "own")
        seen.append(stored(tx.connection))

    def fails(tx: Transaction) -> None:
        add_together(tx, "undone")
        stored(tx.connection)
        add_together(tx, "undone-too")
        raise NameInUse("Taken.")

    await asyncio.gather(
        database.write(lambda tx: add_together(tx, "first")),
        database.write(reads),
        database.write(fails),
        database.write(lambda tx: add_together(tx, "last")),
        return_exceptions=True,
    )
    assert "own" in seen[0]
    assert await database.read(stored) == {"first", "own", "last"}
    assert {row.subject_id for row in await database.read(event_rows)} == {"first", "own", "last"}


async def test_a_row_that_is_there_already_fails_its_piece_alone(database: Database) -> None:
    await database.write(lambda tx: add(tx, "taken"))
    names = ["a", "taken", "b", "b", "c"]
    outcomes = await asyncio.gather(
        *(database.write(lambda tx, n=name: add_together(tx, n)) for name in names), return_exceptions=True
    )
    assert [isinstance(one, sa.exc.IntegrityError) for one in outcomes] == [False, True, False, True, False]
    assert await database.read(stored) == {"taken", "a", "b", "c"}
    assert [row.subject_id for row in await database.read(event_rows)] == ["taken", "a", "b", "c"]


async def test_events_have_ids_in_the_order_of_commits(database: Database) -> None:
    heard: list[int] = []
    database.on_events(lambda committed: heard.extend(event["id"] for event in committed))
    for turn in range(3):
        names = [f"{turn}-{number}" for number in range(50)]
        await asyncio.gather(*(database.write(lambda tx, n=name: add(tx, n)) for name in names))
    rows = await database.read(event_rows)
    await asyncio.sleep(0)
    assert [row.id for row in rows] == list(range(1, 151))
    assert heard == [row.id for row in rows]


async def test_two_writers_share_one_order_of_events(url: str, database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("a SQLite home has one service, which its lock sees to")
    other = Database(url)
    other.start()
    names = [f"n{number}" for number in range(200)]
    both = [(database, other)[number % 2] for number in range(200)]
    await asyncio.gather(
        *(one.write(lambda tx, n=name: add(tx, n)) for one, name in zip(both, names, strict=True))
    )
    assert [row.id for row in await database.read(event_rows)] == list(range(1, 201))
    await asyncio.to_thread(other.close)


async def test_callers_hear_after_the_commit_even_when_what_follows_fails(database: Database) -> None:
    def broken() -> None:
        raise RuntimeError("what follows a commit")

    def work(tx: Transaction) -> str:
        tx.after_commit(broken)
        return add(tx, "there")

    assert await asyncio.wait_for(database.write(work), 10) == "there"
    assert await database.read(stored) == {"there"}


async def test_a_written_thing_survives_an_orderly_end(url: str, database: Database) -> None:
    await database.write(lambda tx: add(tx, "kept"))
    await asyncio.to_thread(database.close)
    again = Database(url)
    await asyncio.to_thread(migrate, again)  # a second time does nothing
    assert again.read_now(stored) == {"kept"}
    again.close()


async def test_times_are_kept_to_the_microsecond(database: Database) -> None:
    moments = [
        datetime(2026, 11, 21, tzinfo=UTC) + timedelta(microseconds=n * 333_333_333) for n in range(300)
    ]

    def work(tx: Transaction) -> None:
        for moment in moments:
            tx.emit(
                kind="project.changed", at=moment, project_id=None, subject_kind="a", subject_id="a",
                subject_name="a", person_id=None, data={},
            )  # fmt: skip

    await database.write(work)
    assert [row.at for row in await database.read(event_rows)] == moments
    assert [clock.from_micros(clock.to_micros(moment)) for moment in moments] == moments


def test_the_migrations_make_what_the_models_say(url: str) -> None:
    database = Database(url)
    migrate(database)
    with database.reader.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


@pytest.fixture
def tiny() -> Iterator[Path]:
    """A file system of 2 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a tiny file system")
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("mounting is not allowed here")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def fill(path: Path) -> None:
    """Write until there is no more room."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(descriptor, b"0" * 4096):
            pass
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    finally:
        os.close(descriptor)


async def test_a_full_disk_is_said_and_gone_when_there_is_room(tiny: Path) -> None:
    database = Database(f"sqlite:///{tiny / 'h.sqlite'}")
    await asyncio.to_thread(migrate, database)
    database.start()
    await database.write(lambda tx: add(tx, "before"))
    filler = tiny / "filler"
    fill(filler)

    def much(tx: Transaction) -> None:
        for number in range(2000):
            add(tx, f"lost-{number}")

    with pytest.raises(DiskFull):
        await asyncio.wait_for(database.write(much), 20)
    assert await database.read(stored) == {"before"}
    filler.unlink()
    await asyncio.wait_for(database.write(lambda tx: add(tx, "after")), 20)
    assert await database.read(stored) == {"before", "after"}
    await asyncio.to_thread(database.close)
