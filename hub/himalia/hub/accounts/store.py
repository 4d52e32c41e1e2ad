"""The accounts of this installation, in `<home>/hub/accounts.sqlite`.

The hub and the command line both open the file; every call is one transaction of its own.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from himalia.core import clock
from himalia.core.errors import Forbidden, Invalid, NameInUse, NotFound, Unavailable
from himalia.hub.accounts import passwords

NAME_PATTERN = r"[a-z]([a-z0-9._-]{0,30}[a-z0-9])?"
INVITATION_DAYS = 7

_NAME = re.compile(NAME_PATTERN)
_TAKEN = {"root"}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    name TEXT PRIMARY KEY,
    password TEXT NOT NULL,
    admin INTEGER NOT NULL DEFAULT 0,
    disabled INTEGER NOT NULL DEFAULT 0,
    end_sessions INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    signed_in_at TEXT
);
CREATE TABLE IF NOT EXISTS invitations (
    code TEXT PRIMARY KEY,
    name TEXT,
    expires_at TEXT NOT NULL
);
PRAGMA user_version = 1;
"""


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

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch(mode=0o600, exist_ok=True)
        with self._connect() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                connection.executescript(_SCHEMA)
            elif connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                # Homes made before 0.1.0 have it; with it, a full disk keeps everybody from reading.
                connection.execute("PRAGMA journal_mode = DELETE")

    @classmethod
    def of_home(cls, home: Path) -> AccountStore:
        """The store of a platform's home folder."""
        folder = home / "hub"
        folder.mkdir(mode=0o700, exist_ok=True)
        return cls(folder / "accounts.sqlite")

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
            connection.execute("DELETE FROM invitations WHERE expires_at <= ?", (_text(clock.now()),))
            row = (passwords.code_hash(code), name, _text(expires))
            connection.execute("INSERT INTO invitations VALUES (?, ?, ?)", row)
        return code

    def has_invitations(self) -> bool:
        """Whether any code could be used now."""
        query = "SELECT 1 FROM invitations WHERE expires_at > ? LIMIT 1"
        with self._connect() as connection:
            return connection.execute(query, (_text(clock.now()),)).fetchone() is not None

    def sign_up(self, code: str, name: str, password: str) -> None:
        """Make an account with an invitation's code, which is used up by it."""
        check_name(name)
        passwords.check_new(password, name)
        hashed = passwords.hashed(password)
        with self._write() as connection:
            used = connection.execute(
                "DELETE FROM invitations WHERE code = ? AND expires_at > ? AND (name IS NULL OR name = ?)",
                (passwords.code_hash(code), _text(clock.now()), name),
            )
            if used.rowcount != 1:
                raise Forbidden("This code is not valid for this name. Check both, or ask for a new code.")
            _insert(connection, name, hashed)

    def disable(self, name: str) -> None:
        """Nobody can sign in as `name` any more, and the hub ends its sessions and tokens.

        A running server is stopped by the caller: `DELETE /hub/api/users/{name}/server`, with the
        service token.
        """
        self._change(name, "disabled = 1, end_sessions = 1")

    def enable(self, name: str) -> None:
        """Undo `disable`."""
        self._change(name, "disabled = 0")

    def reset_password(self, name: str, password: str | None = None) -> str:
        """Give `name` a new password, generated unless given; its sessions and tokens end."""
        self._get(name)
        chosen = password or passwords.random_words()
        passwords.check_new(chosen, name)
        self._change(name, "password = ?, end_sessions = 1", passwords.hashed(chosen))
        return chosen

    def change_password(self, name: str, old: str, new: str) -> None:
        """The person's own change; `Forbidden` when the old password is wrong."""
        if self.verify(name, old) is None:
            raise Forbidden("The present password is wrong.")
        passwords.check_new(new, name)
        self._change(name, "password = ?", passwords.hashed(new))

    def sessions_ended(self, name: str) -> None:
        """The hub has ended what was signed in as `name`."""
        self._change(name, "end_sessions = 0")

    def list(self) -> list[Account]:
        """All accounts by name."""
        with self._connect() as connection:
            return [_account(row) for row in connection.execute("SELECT * FROM accounts ORDER BY name")]

    def disabled(self) -> frozenset[str]:
        """Names of the accounts that are disabled."""
        with self._connect() as connection:
            rows = connection.execute("SELECT name FROM accounts WHERE disabled")
            return frozenset(row["name"] for row in rows)

    def get(self, name: str) -> Account | None:
        """The account of this name."""
        with self._connect() as connection:
            row = connection.execute("SELECT * FROM accounts WHERE name = ?", (name,)).fetchone()
        return _account(row) if row else None

    def verify(self, name: str, password: str) -> Account | None:
        """The account, if the password is right. `Forbidden` if it is right and the account disabled.

        Takes as long for a name that does not exist. A hash of older parameters is renewed.
        """
        with self._connect() as connection:
            row = connection.execute("SELECT * FROM accounts WHERE name = ?", (name,)).fetchone()
        if not passwords.matches(row["password"] if row else None, password):
            return None
        if row["disabled"]:
            raise Forbidden("This account is disabled. Ask an administrator.")
        if passwords.is_outdated(row["password"]):
            self._change(name, "password = ?", passwords.hashed(password))
        self._change(name, "signed_in_at = ?", _text(clock.now()))
        return _account(row)

    def _get(self, name: str) -> Account:
        account = self.get(name)
        if account is None:
            raise NotFound(f"There is no account {name!r}.")
        return account

    def _change(self, name: str, assignment: str, *values: str | int) -> None:
        """`assignment` is this module's own text."""
        with self._write() as connection:
            statement = f"UPDATE accounts SET {assignment} WHERE name = ?"  # noqa: S608
            if connection.execute(statement, (*values, name)).rowcount == 0:
                raise NotFound(f"There is no account {name!r}.")

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=10, isolation_level=None)) as connection:
                connection.row_factory = sqlite3.Row
                yield connection
        except sqlite3.OperationalError as error:
            words = f"The accounts cannot be read or changed now ({error}). See whether the disk is full."
            raise Unavailable(words) from error

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield connection


def _insert(connection: sqlite3.Connection, name: str, hashed: str, *, admin: bool = False) -> None:
    try:
        connection.execute(
            "INSERT INTO accounts (name, password, admin, created_at) VALUES (?, ?, ?, ?)",
            (name, hashed, int(admin), _text(clock.now())),
        )
    except sqlite3.IntegrityError as error:
        raise NameInUse(f"There is an account {name} already.") from error


def _account(row: sqlite3.Row) -> Account:
    return Account(
        name=row["name"],
        admin=bool(row["admin"]),
        disabled=bool(row["disabled"]),
        end_sessions=bool(row["end_sessions"]),
        created_at=row["created_at"],
        signed_in_at=row["signed_in_at"],
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
