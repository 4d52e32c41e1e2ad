"""Who may still run things in a project, asked where something that will run is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from himalia.core import people
from himalia.core.access import Access
from himalia.core.database import Database, Transaction
from himalia.core.errors import NotFound
from himalia.core.identity import Identity
from himalia.core.migrate import migrate
from himalia.projects import service
from himalia.projects.schema import ProjectCreate
from himalia.projects.tables import members


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/himalia.sqlite")
    await asyncio.to_thread(migrate, database)
    database.start()
    yield database
    database.close()


async def test_what_was_let_in_before_runs_only_if_it_still_may(database: Database) -> None:
    def begin(tx: Transaction) -> tuple[Access, Access]:
        ada, bob = (people.ensure(tx, name, "2026-01-01", ["vision"]) for name in ("ada", "bob"))
        project = service.create(tx, ProjectCreate(name="digits"), ada)
        service.set_member(tx, project, "person", "bob", "editor", ada.id)
        owner, editor = (Access(Identity("person", person=who), project) for who in (ada, bob))
        return owner, editor

    owner, editor = await database.write(begin)
    await database.write(lambda tx: service.check_may_run(tx, owner))
    await database.write(lambda tx: service.check_may_run(tx, editor))

    bob = editor.in_project, "person", "bob"
    await database.write(lambda tx: service.set_member(tx, *bob, "viewer", None))
    with pytest.raises(NotFound):
        await database.write(lambda tx: service.check_may_run(tx, editor))
    administrator = replace(editor, identity=replace(editor.identity, scopes=frozenset({"admin"})))
    await database.write(lambda tx: service.check_may_run(tx, administrator))

    await database.write(lambda tx: service.set_member(tx, bob[0], "group", "vision", "editor", None))
    await database.write(lambda tx: service.check_may_run(tx, editor))
    nobody = sa.delete(members).where(members.c.role != "owner")
    await database.write(lambda tx: tx.execute(nobody).rowcount)
    with pytest.raises(NotFound):
        await database.write(lambda tx: service.check_may_run(tx, editor))

    await database.write(lambda tx: service.delete(tx, owner.in_project, None, True, []))
    for access in (owner, administrator):
        with pytest.raises(NotFound, match="no project named digits"):
            await database.write(lambda tx, access=access: service.check_may_run(tx, access))


async def test_what_is_committed_together_sees_what_the_piece_before_it_changed(database: Database) -> None:
    def begin(tx: Transaction) -> Access:
        ada, bob = (people.ensure(tx, name, "2026-01-01", []) for name in ("ada", "bob"))
        project = service.create(tx, ProjectCreate(name="digits"), ada)
        service.set_member(tx, project, "person", "bob", "viewer", ada.id)
        return Access(Identity("person", person=bob), project)

    def promoted_and_undone(tx: Transaction) -> None:
        service.set_member(tx, access.in_project, "person", "bob", "editor", None)
        service.check_may_run(tx, access)
        raise KeyError

    def becomes(role: str) -> object:
        return database.write(
            lambda tx: service.set_member(tx, access.in_project, "person", "bob", role, None)
        )

    access = await database.write(begin)
    pieces: list[Any] = [
        database.write(promoted_and_undone),
        database.write(lambda tx: service.check_may_run(tx, access)),
        becomes("editor"),
        database.write(lambda tx: service.check_may_run(tx, access)),
        becomes("viewer"),
        database.write(lambda tx: service.check_may_run(tx, access)),
    ]
    first, *outcomes = await asyncio.gather(*pieces, return_exceptions=True)
    assert isinstance(first, KeyError)
    assert [isinstance(one, NotFound) for one in outcomes] == [True, False, False, False, True]


async def test_only_who_had_more_before_loses_what_runs(database: Database) -> None:
    """What hooks are told of ends work and notebook servers: a new viewer has lost nothing."""
    ended: list[set[str]] = []
    hooks = [lambda tx, project_id, who: ended.append(who)]

    def changes(tx: Transaction) -> str:
        ada, bob = (people.ensure(tx, name, "2026-01-01", ["vision"]) for name in ("ada", "bob"))
        project = service.create(tx, ProjectCreate(name="digits"), ada)
        for role in ("viewer", "viewer", "editor", "owner", "editor"):
            service.set_member(tx, project, "person", "bob", role, None, hooks)
        service.set_member(tx, project, "group", "vision", "viewer", None, hooks)
        service.remove_member(tx, project, "group", "vision", None, hooks)
        assert ended == []
        service.set_member(tx, project, "person", "bob", "viewer", None, hooks)
        service.remove_member(tx, project, "person", "bob", None, hooks)
        return bob.id

    bob = await database.write(changes)
    assert ended == [{bob}, {bob}], "as an editor who became a viewer, and as a viewer who was removed"
