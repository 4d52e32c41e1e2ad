"""The accounts' store, passwords and throttle."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from himalia.core.errors import Forbidden, HimaliaError, Invalid, NameInUse, NotFound, Unavailable
from himalia.hub.accounts import passwords
from himalia.hub.accounts.store import AccountStore
from himalia.hub.accounts.throttle import Throttle


@pytest.fixture
def store(tmp_path: Path) -> AccountStore:
    return AccountStore.of_home(tmp_path)


def content(store: AccountStore) -> bytes:
    folder = store.path.parent
    return b"".join(file.read_bytes() for file in folder.iterdir())


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


def test_files_are_private(store: AccountStore) -> None:
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
    assert store.path.stat().st_mode & 0o777 == 0o600


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
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE accounts SET password = ?", (weak,))
    assert store.verify("ada", "long-password") is not None
    with sqlite3.connect(store.path) as connection:
        stored = connection.execute("SELECT password FROM accounts").fetchone()[0]
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


def test_the_journal_of_an_earlier_release_is_given_up(store: AccountStore) -> None:
    store.add("ada")
    with sqlite3.connect(store.path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert AccountStore(store.path).get("ada") is not None
    assert store.path.read_bytes()[18:20] == b"\1\1", (
        "the file says how it is written: 1 journal, 2 write-ahead log"
    )


def test_a_store_that_cannot_be_read_says_so(store: AccountStore) -> None:
    store.path.write_bytes(b"")
    with pytest.raises(Unavailable, match="The accounts cannot be read or changed now"):
        store.get("ada")
