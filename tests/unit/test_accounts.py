"""The accounts' store, passwords and throttle."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from himalia.core.errors import Forbidden, HimaliaError, Invalid, NameInUse, NotFound, Unavailable
from himalia.hub.accounts import passwords
from himalia.hub.accounts.store import AccountStore
from himalia.hub.accounts.throttle import Throttle
from himalia.hub.kubernetes import config


@pytest.fixture
def local(tmp_path: Path) -> AccountStore:
    """One in a file."""
    return AccountStore.of_home(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> AccountStore:
    """One of each kind."""
    if request.param == "sqlite":
        made: AccountStore = request.getfixturevalue("local")
        return made
    url = sa.make_url(request.getfixturevalue("postgres_url"))
    name = f"accounts_{os.urandom(4).hex()}"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    server.dispose()
    return AccountStore(url.set(database=name))


def file(store: AccountStore) -> Path:
    return Path(store.url.database or "")


def content(store: AccountStore) -> bytes:
    """All that is kept, as bytes."""
    with store._connect() as connection:
        tables = [
            connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in ("accounts", "invitations")
        ]
    return str(tables).encode()


def test_an_account_signs_in_with_its_password_alone(store: AccountStore) -> None:
    generated = store.add("ada", admin=True)
    assert len(generated) == 19
    account = store.verify("ada", generated)
    assert account is not None
    assert account.admin
    assert store.verify("ada", generated + "x") is None
    assert store.verify("ada", "") is None
    assert store.verify("nobody", generated) is None
    assert store.verify("ada", "x" * 100_000) is None
    listed = store.list()[0]
    assert listed.signed_in_at is not None
    assert generated.encode() not in content(store)


def test_files_are_private(local: AccountStore) -> None:
    assert file(local).parent.stat().st_mode & 0o777 == 0o700
    assert file(local).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../etc",
        "a/b",
        "A",
        "ä",
        "a b",
        "a\n",
        "-a",
        "1a",
        "a.",
        "root",
        "a" * 33,
        "a\u202eb",
        "ａ",
        "%2e",
    ],
)
def test_odd_names_are_refused(store: AccountStore, name: str) -> None:
    for make in (store.add, store.invite):
        with pytest.raises(Invalid):
            make(name)
    assert store.list() == []


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaa", "x" * 1025, "ada-lovelace"])
def test_weak_passwords_are_refused(store: AccountStore, password: str) -> None:
    with pytest.raises(Invalid):
        store.add("ada-lovelace", password)


def test_the_same_letters_are_the_same_password(store: AccountStore) -> None:
    store.add("ada", "pass-wo\u0308rter")
    assert store.verify("ada", "pass-w\u00f6rter") is not None


def test_a_name_is_there_once(store: AccountStore) -> None:
    store.add("ada")
    with pytest.raises(NameInUse):
        store.add("ada")
    with pytest.raises(NameInUse):
        store.invite("ada")


def test_a_code_makes_one_account(store: AccountStore) -> None:
    assert not store.has_invitations()
    code = store.invite("ada")
    assert store.has_invitations()
    assert code.encode() not in content(store)
    with pytest.raises(Forbidden):
        store.sign_up(code, "bob", "long-password")
    with pytest.raises(Forbidden):
        store.sign_up("aaaa-aaaa-aaaa-aaaa", "ada", "long-password")
    store.sign_up(f" {code.upper().replace('-', ' ')}", "ada", "long-password")
    with pytest.raises(Forbidden):
        store.sign_up(code, "ada", "long-password")
    assert store.verify("ada", "long-password") is not None
    assert not store.has_invitations()


def test_a_failed_sign_up_keeps_the_code(store: AccountStore) -> None:
    store.add("ada")
    code = store.invite()
    with pytest.raises(NameInUse):
        store.sign_up(code, "ada", "long-password")
    with pytest.raises(Invalid):
        store.sign_up(code, "bob", "short")
    store.sign_up(code, "bob", "long-password")


def test_a_code_ends(store: AccountStore) -> None:
    code = store.invite(days=0)
    assert not store.has_invitations()
    with pytest.raises(Forbidden):
        store.sign_up(code, "ada", "long-password")


def test_a_code_used_by_many_at_once_makes_one_account(store: AccountStore) -> None:
    code = store.invite()
    answers: list[str] = []

    def use(name: str) -> None:
        try:
            store.sign_up(code, name, "long-password")
            answers.append("made")
        except HimaliaError as error:
            answers.append(error.code)

    threads = [threading.Thread(target=use, args=(f"user{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["forbidden"] * 5 + ["made"]
    assert len(store.list()) == 1


def test_disabled_is_said_only_to_who_knows_the_password(store: AccountStore) -> None:
    password = store.add("ada")
    store.disable("ada")
    assert store.verify("ada", "wrong-password") is None
    with pytest.raises(Forbidden):
        store.verify("ada", password)
    account = store.get("ada")
    assert account is not None
    assert account.end_sessions
    store.sessions_ended("ada")
    store.enable("ada")
    assert store.verify("ada", password) is not None


def test_a_reset_password_replaces_the_old_one(store: AccountStore) -> None:
    old = store.add("ada")
    new = store.reset_password("ada")
    assert store.verify("ada", old) is None
    assert store.verify("ada", new) is not None
    store.change_password("ada", new, "chosen-by-ada")
    with pytest.raises(Forbidden):
        store.change_password("ada", new, "chosen-by-other")
    assert store.verify("ada", "chosen-by-ada") is not None
    for change in (store.disable, store.enable, store.reset_password):
        with pytest.raises(NotFound):
            change("nobody")


def test_a_hash_of_weaker_parameters_is_renewed(store: AccountStore) -> None:
    store.add("ada", "long-password")
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("long-password")
    store._change("ada", password=weak)
    assert store.verify("ada", "long-password") is not None
    with store._connect() as connection:
        stored = connection.exec_driver_sql("SELECT password FROM accounts").scalar_one()
    assert not passwords.is_outdated(stored)
    assert store.verify("ada", "long-password") is not None


def test_an_unknown_name_takes_as_long(store: AccountStore) -> None:
    store.add("ada", "long-password")

    def fastest(name: str) -> float:
        times = []
        for _ in range(5):
            before = time.thread_time()
            store.verify(name, "wrong-password")
            times.append(time.thread_time() - before)
        return min(times)

    assert 0.6 < fastest("nobody") / fastest("ada") < 1.6


def test_delays_grow_and_end() -> None:
    moment = [100.0]
    throttle = Throttle(free=3, longest_s=10, keys=2, clock=lambda: moment[0])
    waits = []
    for _ in range(8):
        throttle.failed("ada")
        waits.append(throttle.wait_s("ada"))
    assert waits == [0, 0, 1, 2, 4, 8, 10, 10]
    assert throttle.wait_s("bob") == 0
    moment[0] += 10
    assert throttle.wait_s("ada") == 0
    throttle.cleared("ada")
    throttle.failed("ada")
    assert throttle.wait_s("ada") == 0
    for name in ("b", "c"):
        throttle.failed(name)
    assert len(throttle._failures) == 2


def test_an_address_keeps_what_was_tried_before_a_success() -> None:
    moment = [100.0]
    throttle = Throttle(free=3, longest_s=10, clock=lambda: moment[0])
    for _ in range(2):
        throttle.failed("10.0.0.1")
    throttle.failed("10.0.0.1")
    throttle.taken_back("10.0.0.1")
    assert throttle.wait_s("10.0.0.1") == 0
    throttle.failed("10.0.0.1")
    assert throttle.wait_s("10.0.0.1") == 1
    moment[0] += 4000
    throttle.failed("10.0.0.1")
    assert throttle.wait_s("10.0.0.1") == 0


def test_the_journal_of_an_earlier_release_is_given_up(local: AccountStore) -> None:
    local.add("ada")
    with sqlite3.connect(file(local)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert AccountStore(local.url).get("ada") is not None
    assert file(local).read_bytes()[18:20] == b"\1\1", (
        "the file says how it is written: 1 journal, 2 write-ahead log"
    )


def test_a_store_that_cannot_be_read_says_so(local: AccountStore) -> None:
    file(local).write_bytes(b"")
    with pytest.raises(Unavailable, match="The accounts cannot be read or changed now"):
        local.get("ada")


def test_several_processes_make_the_tables_at_once(postgres_url: str, store: AccountStore) -> None:
    store.add("ada")
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.append(AccountStore(store.url).get("ada") is not None))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 6


def test_the_first_administrator_of_a_cluster_keeps_the_password_they_chose(store: AccountStore) -> None:
    url = store.url.render_as_string(hide_password=False)
    told = {
        "HIMALIA_ACCOUNTS_URL": url,
        "HIMALIA_ADMIN_NAME": "admin",
        "HIMALIA_ADMIN_PASSWORD": "of-the-secret",
    }
    config.first_administrator(told)
    found = store.verify("admin", "of-the-secret")
    assert found is not None
    assert found.admin
    store.change_password("admin", "of-the-secret", "my-own-password")
    config.first_administrator(told)  # as each time that the hub starts
    assert store.verify("admin", "my-own-password") is not None
