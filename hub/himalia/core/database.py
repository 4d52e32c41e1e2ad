"""The database: one writer that commits in groups, readers beside it.

SQLAlchemy's default transactions on SQLite lose updates (a deferred BEGIN takes its write lock too late), so
the writer opens each group with BEGIN IMMEDIATE. On PostgreSQL the group changes one row first, whose lock it holds
to its end: that makes event ids grow in the order of commits, and the row tells later which group was the last one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic_core import PydanticSerializationError, from_json, to_json
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Dialect, Engine, make_url

from himalia.core.clock import from_micros, to_micros
from himalia.core.errors import DiskFull, HimaliaError, Unavailable
from himalia.core.ids import new_id

T = TypeVar("T")
log = logging.getLogger(__name__)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

last_write = sa.Table(
    "last_write",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("mark", sa.String(16), nullable=False),
)
"""One row, on PostgreSQL: the mark of the group that was committed last.

The number of a transaction would not tell whether it was: a server that is killed gives it to another one again.
"""
_NEW_MARK = postgresql.insert(last_write).values(id=1, mark=sa.bindparam("mark"))
_LEAVE_MARK = _NEW_MARK.on_conflict_do_update(index_elements=["id"], set_={"mark": _NEW_MARK.excluded.mark})
_MARK = sa.select(last_write.c.mark).with_for_update()
"""What is under way still is waited for."""

GROUP_LIMIT = 2000
"""Most pieces of work in one transaction."""

CLOSE_S = 10.0

SERVICE_LOCK = 0x73657276
"""Advisory lock of the one service of a PostgreSQL database."""
ALONE_S = 60.0
"""How long a service waits for the one before it, or for what the server still holds of its own last connection."""
NETWORK = {
    **{"connect_timeout": 5, "tcp_user_timeout": 20_000},
    **{"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3},
    # The server's side: what holds the service's lock is let go of when its machine is gone.
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3",
}
"""How soon PostgreSQL and we see that the other is gone (libpq's parameters)."""


class InUse(Exception):
    """Another service works on the database."""


class Timestamp(sa.types.TypeDecorator[datetime]):
    """A moment, stored as microseconds since the epoch: the same on every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


def storable(text: str, limit: int) -> str:
    """`text` as every database can hold it: `limit` characters at most, no NUL, valid Unicode."""
    text = text[:limit]
    if text.isprintable():  # neither a NUL nor half a surrogate pair is
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


Rows = dict[sa.Insert, list[Mapping[str, Any]]]


@dataclass
class _Group:
    """Pieces of work in one transaction of the database.

    Rows that pieces add are kept and written together: before anybody reads, and at the end. Each statement
    lets go of the interpreter's lock and has to get it back, which costs more than the statement.
    """

    connection: Connection
    careful: bool = False
    rows: Rows = field(default_factory=dict)
    known: set[Hashable] = field(default_factory=set)

    def flush(self) -> None:
        """Write the rows that were added."""
        rows, self.rows = self.rows, {}
        for statement, values in rows.items():
            self.connection.execute(statement, values)

    def keep(self, rows: Rows) -> None:
        """Take over the rows of a piece that went well."""
        for statement, values in rows.items():
            self.rows.setdefault(statement, []).extend(values)


@dataclass
class Transaction:
    """What a piece of work may do: read and write rows, emit events, ask to be told of the commit.

    A piece may be run a second time, if what it added in bulk does not fit what is there. It is `careful` then.
    """

    database: Database
    _group: _Group
    _events: list[dict[str, Any]] = field(default_factory=list)
    _callbacks: list[Callable[[], object]] = field(default_factory=list)
    _rows: Rows = field(default_factory=dict)
    _touched: bool = False

    @property
    def careful(self) -> bool:
        """Whether to look before adding a row that may be there already."""
        return self._group.careful

    @property
    def connection(self) -> Connection:
        """The connection, for reading, with all that was added up to now in place."""
        if not self._touched:
            self._group.flush()
            self._touched = True
            _directly(self._group.connection, "SAVEPOINT piece")
        if self._rows:
            rows, self._rows = self._rows, {}
            for statement, values in rows.items():
                self._group.connection.execute(statement, values)
        return self._group.connection

    def holds(self, fact: Hashable, look: Callable[[Connection], bool]) -> bool:
        """Whether `look` finds `fact`. A fact that was found holds for the pieces that are committed together.

        It does so until one of them changes or removes a row; so whoever only adds rows need not read first.
        """
        if fact not in self._group.known and look(self.connection):
            self._group.known.add(fact)
        return fact in self._group.known

    def add(self, statement: sa.Insert, row: Mapping[str, Any]) -> None:
        """Insert a row; rows of one statement, which has no values of its own, are written together."""
        if self.careful:
            self.execute(statement, row)
        else:
            self._rows.setdefault(statement, []).append(row)

    def finish(self, error: BaseException | None) -> None:
        """Keep what the piece did, or undo it."""
        if self._touched:
            if error is not None:
                _directly(self._group.connection, "ROLLBACK TO piece")
                self._group.known.clear()
            _directly(self._group.connection, "RELEASE piece")
        if error is None:
            self._group.keep(self._rows)

    def execute(
        self,
        statement: sa.Executable,
        parameters: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None,
    ) -> sa.CursorResult[Any]:
        """Run one statement, or the same for each of `parameters`; the only way to change rows that are there."""
        if not isinstance(statement, sa.Select):
            self._group.known.clear()
        return self.connection.execute(statement, parameters)

    def emit(self, **event: Any) -> None:
        """Add a row of `core.events.events`; it gets its id at the commit. See `core.events.emit`."""
        self._events.append(event)

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call `callback` on the event loop once this transaction is durable."""
        self._callbacks.append(callback)


@dataclass
class _Work:
    run: Callable[[Transaction], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


_Outcome = tuple[
    list[tuple[_Work, Any, BaseException | None]], list[dict[str, Any]], list[Callable[[], object]]
]


class Database:
    """A database opened for one service process."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        if self.url.get_backend_name() == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.writer = self._engine(pool_size=1)
        self.reader = self._engine(pool_size=4)
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="database-reader")
        self._thread: threading.Thread | None = None
        self._listeners: list[Callable[[list[dict[str, Any]]], object]] = []
        self._next_event = 0

    def _engine(self, pool_size: int) -> Engine:
        options: dict[str, Any] = {
            "pool_size": pool_size,
            "max_overflow": 0,
            "isolation_level": "AUTOCOMMIT",
            "json_serializer": _to_json,
            "json_deserializer": _from_json,
        }
        if self.is_sqlite:
            options |= {"poolclass": sa.QueuePool, "connect_args": {"check_same_thread": False, "timeout": 5}}
        else:
            options |= {"pool_pre_ping": True, "connect_args": NETWORK}
        engine = sa.create_engine(self.url, **options)
        if self.is_sqlite:
            sa.event.listen(engine, "connect", _sqlite_settings)
        return engine

    def alone(self, wait_s: float | None = None) -> None:
        """Hold PostgreSQL's lock for the one service of a database, by the connection that writes.

        So a service that lost it cannot write. The server lets go of it soon after the service, or its machine, is
        gone; that long it is waited for. Raises InUse. SQLite is one home's, which has a lock of its own.
        """
        if self.is_sqlite:
            return
        sa.event.listen(self.writer, "connect", lambda made, _: _take_lock(made, wait_s or ALONE_S))
        self.writer.connect().close()

    def start(self) -> None:
        """Start the writer; call once, after migrations."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="database-writer", daemon=True)
            self._thread.start()

    def on_events(self, listener: Callable[[list[dict[str, Any]]], object]) -> None:
        """Call `listener` on the event loop with the events of each commit, in commit order."""
        self._listeners.append(listener)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in the writer's transaction; return its result once it is durable.

        Raises what `work` raises, with everything it did undone.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Work(work, loop, future))
        return await future

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a reader's connection, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a reader's connection, here."""
        try:
            with self.reader.connect() as connection:
                return work(connection)
        except sa.exc.OperationalError as error:
            log.error("A read failed: %s", error.orig)
            raise Unavailable("The database did not answer. Try again in a moment.") from error

    def close(self) -> None:
        """End the writer when what is queued is written, and close all connections.

        A database that does not answer is waited for no longer than CLOSE_S.
        """
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(CLOSE_S)
            self._thread = None
        self._readers.shutdown()
        self.writer.dispose()
        self.reader.dispose()

    def _run(self) -> None:
        try:
            connection = self._connect()
            while (group := self._next_group()) is not None:
                connection = self._write_group(connection, group)
            connection.close()
        except Exception:
            # A writer in an unknown state must not go on answering: the supervisor starts a new service.
            log.critical("The database writer failed; the service ends.", exc_info=True)
            os._exit(70)

    def _write_group(self, connection: Connection, group: list[_Work]) -> Connection:
        """Write a group and answer its callers; the connection for the next one."""
        written: tuple[str | None, _Outcome] | None = None
        try:
            written = self._attempt(connection, group)
            connection.exec_driver_sql("COMMIT")
        except sa.exc.OperationalError as error:
            log.error("A group of %d changes was not written: %s", len(group), error.orig)
            if written is None or written[0] is None:
                self._fail(group, error)
                return self._recover(connection)
            connection, last = self._last_mark(connection)
            if last != written[0]:
                self._fail(group, error)
                return connection
            log.info("It was written after all, as the database says now.")
        group[0].loop.call_soon_threadsafe(self._deliver, *written[1])
        return connection

    def _recover(self, connection: Connection) -> Connection:
        """A connection outside any transaction, after one that failed."""
        try:
            connection.exec_driver_sql("ROLLBACK")
        except sa.exc.SQLAlchemyError:
            connection.invalidate()
        connection.close()
        self._next_event = 0
        return self._connect()

    def _connect(self) -> Connection:
        """A connection, once the database answers."""
        delay = 0.1
        while True:
            try:
                return self.writer.connect()
            except sa.exc.OperationalError:
                time.sleep(delay)  # the writer has nothing else to do while the database is away
                delay = min(delay * 2, 2)

    def _last_mark(self, connection: Connection) -> tuple[Connection, str | None]:
        """A connection after one that failed, and the mark of the group that was committed last."""
        while True:
            connection = self._recover(connection)
            try:
                return connection, connection.execute(_MARK).scalar()
            except sa.exc.OperationalError as error:
                log.error("The database went away once more: %s", error.orig)

    @staticmethod
    def _fail(group: list[_Work], error: sa.exc.OperationalError) -> None:
        text = str(error.orig)
        failure: HimaliaError
        if "full" in text or "No space" in text:
            failure = DiskFull("The disk of the database is full. Free some space, then try again.")
        else:
            failure = Unavailable("The database did not answer. Try again in a moment.")

        def deliver() -> None:
            for work in group:
                if not work.future.done():
                    work.future.set_exception(failure)

        group[0].loop.call_soon_threadsafe(deliver)

    def _next_group(self) -> list[_Work] | None:
        first = self._queue.get()
        if first is None:
            return None
        group = [first]
        while len(group) < GROUP_LIMIT:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._queue.put(None)
                break
            group.append(more)
        return group

    def _attempt(
        self, connection: Connection, group: list[_Work], careful: bool = False
    ) -> tuple[str | None, _Outcome]:
        """Do all of a group's work; what `_begin` answered, and what is to be told after the commit."""
        mark = self._begin(connection)
        try:
            return mark, self._run_all(group, _Group(connection, careful=careful))
        except sa.exc.IntegrityError:
            if careful:
                raise
            # A row that was added unseen is there already; each piece by itself says which.
            connection.exec_driver_sql("ROLLBACK")
            return self._attempt(connection, group, careful=True)

    def _run_all(self, group: list[_Work], together: _Group) -> _Outcome:
        events: list[dict[str, Any]] = []
        callbacks: list[Callable[[], object]] = []
        done = []
        for work in group:
            tx = Transaction(self, together)
            result, error = self._run_one(work, tx)
            if error is None:
                events += tx._events
                callbacks += tx._callbacks
            done.append((work, result, error))
        together.flush()
        self._store_events(together.connection, events)
        return done, events, callbacks

    def _begin(self, connection: Connection) -> str | None:
        """Begin a transaction; the mark by which PostgreSQL tells later whether it was committed."""
        if self.is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return None
        connection.exec_driver_sql("BEGIN")
        mark = new_id()
        connection.execute(_LEAVE_MARK, {"mark": mark})
        return mark

    @staticmethod
    def _run_one(work: _Work, tx: Transaction) -> tuple[Any, BaseException | None]:
        try:
            result = work.run(tx)
        except sa.exc.OperationalError:
            raise
        except sa.exc.IntegrityError as error:
            if not tx.careful:
                raise
            tx.finish(error)
            return None, error
        except Exception as error:
            tx.finish(error)
            return None, error
        tx.finish(None)
        return result, None

    def _store_events(self, connection: Connection, events: list[dict[str, Any]]) -> None:
        if not events:
            return
        table = metadata.tables["events"]
        if self._next_event == 0 or not self.is_sqlite:
            highest = connection.execute(sa.select(sa.func.max(table.c.id))).scalar()
            self._next_event = (highest or 0) + 1
        for event in events:
            event["id"] = self._next_event
            self._next_event += 1
        connection.execute(table.insert(), events)

    def _deliver(
        self,
        done: Iterable[tuple[_Work, Any, BaseException | None]],
        events: list[dict[str, Any]],
        callbacks: list[Callable[[], object]],
    ) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception:
                # The change is durable, and its caller must hear so.
                log.exception("What should follow a commit failed.")
        for work, result, error in done:
            if work.future.done():
                continue
            if error is None:
                work.future.set_result(result)
            else:
                work.future.set_exception(error)
        if events:
            for listener in self._listeners:
                listener(events)


# In a fifth of the standard library's time; that one is for half of a surrogate pair, which only an escape can hold.


def _to_json(value: object) -> str:
    try:
        return to_json(value).decode()
    except PydanticSerializationError:
        return json.dumps(value)


def _from_json(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text)


def _directly(connection: Connection, statement: str) -> None:
    """Run a statement on the driver's own connection: SQLAlchemy's way costs ten times as much."""
    driver = connection.connection.dbapi_connection
    assert driver is not None
    try:
        driver.cursor().execute(statement)
    except connection.dialect.loaded_dbapi.OperationalError as error:
        raise sa.exc.OperationalError(statement, None, error) from error


def _take_lock(connection: Any, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    with connection.cursor() as cursor:
        while not cursor.execute(f"SELECT pg_try_advisory_lock({SERVICE_LOCK})").fetchone()[0]:
            if time.monotonic() > until:
                raise InUse("Another service works on this database. Stop it first.")
            time.sleep(0.5)
    connection.commit()


def _sqlite_settings(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "busy_timeout=5000",
        "wal_autocheckpoint=4000",
        "temp_store=MEMORY",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
