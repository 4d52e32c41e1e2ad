"""The accounts of this installation, in `<home>/hub/accounts.sqlite` or in PostgreSQL.

The hub, the service and the command line all open it; every call is one transaction of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url

from himalia.core import clock
from himalia.core.errors import Forbidden, Invalid, NameInUse, NotFound, Unavailable
from himalia.hub.accounts import passwords

NAME_PATTERN = r"[a-z]([a-z0-9._-]{0,30}[a-z0-9])?"
INVITATION_DAYS = 7

_NAME = re.compile(NAME_PATTERN)
_TAKEN = {"root"}
_LOCK = 0x6163636F
"""Advisory lock on PostgreSQL, while tables are made."""
_metadata = sa.MetaData()
_accounts = sa.Table(
    "accounts",
    _metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("password", sa.Text, nullable=False),
    sa.Column("admin", sa.Integer, nullable=False, server_default="0"),
    sa.Column("disabled", sa.Integer, nullable=False, server_default="0"),
    sa.Column("end_sessions", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("signed_in_at", sa.Text),
)
_invitations = sa.Table(
    "invitations",
    _metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("expires_at", sa.Text, nullable=False),
)


@dataclass(frozen=True)
class Account:
    """`end_sessions`: the hub has still to end what is signed in. Times are ISO 8601 in UTC."""

    name: str
    admin: bool
    disabled: bool
    end_sessions: bool
    created_at: str
    signed_in_at: str | None


def check_name(name: str) -> str:
    """`name`, or `Invalid` when it cannot be an account's."""
    if _NAME.fullmatch(name) is None or name in _TAKEN:
        raise Invalid.field(
            "username",
            "An account's name is 1 to 32 of a-z, 0-9, '.', '_' and '-', begins with a letter and ends "
            "with a letter or digit.",
        )
    return name


class AccountStore:
    """All that reads or changes accounts. Failures are `HimaliaError`s with a sentence."""

    def __init__(self, url: str | URL) -> None:
        self.url = make_url(url)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        if self._is_sqlite:
            path = Path(self.url.database or "")
            path.touch(mode=0o600, exist_ok=True)
            options: dict[str, Any] = {"poolclass": sa.NullPool, "connect_args": {"timeout": 10}}
        else:
            if self.url.get_backend_name() == "postgresql":
                self.url = self.url.set(drivername="postgresql+psycopg")
            options = {"pool_size": 2, "pool_pre_ping": True, "connect_args": {"connect_timeout": 5}}
        self._engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", **options)
        self._prepare()

    @classmethod
    def of_home(cls, home: Path, url: str | None = None) -> AccountStore:
        """The store of a platform: at `url` (the setting accounts_url), else in its home folder."""
        if url:
            return cls(url)
        folder = home / "hub"
        folder.mkdir(mode=0o700, exist_ok=True)
        return cls(URL.create("sqlite", database=str(folder / "accounts.sqlite")))

    def _prepare(self) -> None:
        if not self._is_sqlite:
            with self._write() as connection:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                _metadata.create_all(connection)
            return
        with self._connect() as connection:
            if connection.exec_driver_sql("PRAGMA user_version").scalar() == 0:
                _metadata.create_all(connection)
                connection.exec_driver_sql("PRAGMA user_version = 1")
            elif connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal":
                # Homes made before 0.1.0 have it; with it, a full disk keeps everybody from reading.
                connection.exec_driver_sql("PRAGMA journal_mode = DELETE")

    def add(self, name: str, password: str | None = None, *, admin: bool = False) -> str:
        """Make an account; answers its password, a generated one unless given."""
        check_name(name)
        chosen = password or passwords.random_words()
        passwords.check_new(chosen, name)
        hashed = passwords.hashed(chosen)
        with self._write() as connection:
            _insert(connection, name, hashed, admin=admin)
        return chosen

    def invite(self, name: str | None = None, *, days: int = INVITATION_DAYS) -> str:
        """A code with which one person can make one account: `name`, or of any name."""
        if name is not None:
            check_name(name)
            if self.get(name) is not None:
                raise NameInUse(f"There is an account {name} already.")
        code = passwords.random_words()
        expires = clock.now() + timedelta(days=days)
        with self._write() as connection:
            connection.execute(_invitations.delete().where(_invitations.c.expires_at <= _text(clock.now())))
            row = {"code": passwords.code_hash(code), "name": name, "expires_at": _text(expires)}
            connection.execute(_invitations.insert().values(row))
        return code

    def has_invitations(self) -> bool:
        """Whether any code could be used now."""
        query = sa.select(_invitations.c.code).where(_invitations.c.expires_at > _text(clock.now())).limit(1)
        with self._connect() as connection:
            return connection.execute(query).first() is not None

    def sign_up(self, code: str, name: str, password: str) -> None:
        """Make an account with an invitation's code, which is used up by it."""
        check_name(name)
        passwords.check_new(password, name)
        hashed = passwords.hashed(password)
        with self._write() as connection:
            used = connection.execute(
                _invitations.delete().where(
                    _invitations.c.code == passwords.code_hash(code),
                    _invitations.c.expires_at > _text(clock.now()),
                    sa.or_(_invitations.c.name.is_(None), _invitations.c.name == name),
                )
            )
            if used.rowcount != 1:
                raise Forbidden("This code is not valid for this name. Check both, or ask for a new code.")
            _insert(connection, name, hashed)

    def disable(self, name: str) -> None:
        """Nobody can sign in as `name` any more, and the hub ends its sessions and tokens.

        A running server is stopped by the caller: `DELETE /hub/api/users/{name}/server`, with the
        service token.
        """
        self._change(name, disabled=1, end_sessions=1)

    def enable(self, name: str) -> None:
        """Undo `disable`."""
        self._change(name, disabled=0)

    def reset_password(self, name: str, password: str | None = None) -> str:
        """Give `name` a new password, generated unless given; its sessions and tokens end."""
        self._get(name)
        chosen = password or passwords.random_words()
        passwords.check_new(chosen, name)
        self._change(name, password=passwords.hashed(chosen), end_sessions=1)
        return chosen

    def change_password(self, name: str, old: str, new: str) -> None:
        """The person's own change; `Forbidden` when the old password is wrong."""
        if self.verify(name, old) is None:
            raise Forbidden("The present password is wrong.")
        passwords.check_new(new, name)
        self._change(name, password=passwords.hashed(new))

    def sessions_ended(self, name: str) -> None:
        """The hub has ended what was signed in as `name`."""
        self._change(name, end_sessions=0)

    def list(self) -> list[Account]:
        """All accounts by name."""
        with self._connect() as connection:
            rows = connection.execute(sa.select(_accounts))
            return sorted((_account(row) for row in rows), key=lambda account: account.name)

    def disabled(self) -> frozenset[str]:
        """Names of the accounts that are disabled."""
        with self._connect() as connection:
            rows = connection.execute(sa.select(_accounts.c.name).where(_accounts.c.disabled != 0))
            return frozenset(rows.scalars())

    def get(self, name: str) -> Account | None:
        """The account of this name."""
        row = self._row(name)
        return _account(row) if row else None

    def verify(self, name: str, password: str) -> Account | None:
        """The account, if the password is right. `Forbidden` if it is right and the account disabled.

        Takes as long for a name that does not exist. A hash of older parameters is renewed.
        """
        row = self._row(name)
        if not passwords.matches(row.password if row else None, password) or row is None:
            return None
        if row.disabled:
            raise Forbidden("This account is disabled. Ask an administrator.")
        if passwords.is_outdated(row.password):
            self._change(name, password=passwords.hashed(password))
        self._change(name, signed_in_at=_text(clock.now()))
        return _account(row)

    def _get(self, name: str) -> Account:
        account = self.get(name)
        if account is None:
            raise NotFound(f"There is no account {name!r}.")
        return account

    def _row(self, name: str) -> sa.Row[Any] | None:
        if "\0" in name:  # PostgreSQL has no such texts
            return None
        with self._connect() as connection:
            return connection.execute(sa.select(_accounts).where(_accounts.c.name == name)).first()

    def _change(self, name: str, **values: str | int) -> None:
        with self._write() as connection:
            changed = connection.execute(_accounts.update().where(_accounts.c.name == name).values(values))
            if changed.rowcount == 0:
                raise NotFound(f"There is no account {name!r}.")

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            hint = "See whether the disk is full." if self._is_sqlite else "Try again in a moment."
            words = f"The accounts cannot be read or changed now ({error.orig}). {hint}"
            raise Unavailable(words) from error

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if self._is_sqlite else "BEGIN")
            try:
                yield connection
            except sa.exc.OperationalError:
                raise  # the connection, which is closed now, may be gone
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")


def _insert(connection: Connection, name: str, hashed: str, *, admin: bool = False) -> None:
    row = {"name": name, "password": hashed, "admin": int(admin), "created_at": _text(clock.now())}
    try:
        connection.execute(_accounts.insert().values(row))
    except sa.exc.IntegrityError as error:
        raise NameInUse(f"There is an account {name} already.") from error


def _account(row: sa.Row[Any]) -> Account:
    return Account(
        name=row.name,
        admin=bool(row.admin),
        disabled=bool(row.disabled),
        end_sessions=bool(row.end_sessions),
        created_at=row.created_at,
        signed_in_at=row.signed_in_at,
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
