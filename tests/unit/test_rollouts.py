"""Rollouts go on when a part of what they need fails for a while."""

from __future__ import annotations

import asyncio
import errno
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from himalia.core import clock, people
from himalia.core.access import Access
from himalia.core.database import Transaction
from himalia.core.errors import DiskFull, Unavailable
from himalia.core.events import events
from himalia.core.identity import Identity
from himalia.core.migrate import migrate
from himalia.core.permissions import Role
from himalia.core.settings import Settings
from himalia.endpoints import rollouts
from himalia.endpoints.schema import EndpointTokenCreate
from himalia.endpoints.tables import endpoint_revisions, endpoints
from himalia.engine.folders import Folders
from himalia.engine.resources import Resources
from himalia.engine.service import from_row
from himalia.engine.tables import workloads
from himalia.gateway import state
from himalia.parts import Platform
from himalia.projects import service as projects_service


@pytest.fixture
def home() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    made.chmod(0o711)
    (made / "secrets").mkdir()
    for name in ("service-token", "service-key"):
        (made / "secrets" / name).write_text("of the tests")
    (made / "gateway").mkdir(mode=0o700)
    Folders(made).prepare()
    yield made
    shutil.rmtree(made)


@pytest.fixture
async def platform(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Platform]:
    """A service of which only the database and the rollouts run."""
    monkeypatch.setattr(rollouts, "LOOK_S", 0.02)
    monkeypatch.setattr(rollouts, "AGAIN_S", 0.02)
    made = Platform(Settings(home=home))
    await asyncio.to_thread(migrate, made.database)
    made.database.start()
    running = asyncio.create_task(made.rollouts.run())
    yield made
    assert not running.done(), running.exception()
    running.cancel()
    await made.rollouts.close()
    await made.hub.close()
    made.store.close()
    await asyncio.to_thread(made.database.close)


@pytest.fixture
async def ada(platform: Platform) -> Access:
    def work(tx: Transaction) -> Access:
        person = people.ensure(tx, "ada", "2026-01-01", [])
        project = projects_service.ensure_personal(tx, person)
        return Access(Identity("hub", person, frozenset({"write"})), project, Role.owner)

    return await platform.database.write(work)


def deploy(tx: Transaction, access: Access, name: str, workload: str = "RUNNING", **values: Any) -> None:
    """The rows of an endpoint, and of its revision 1, which has this state; `values` are the endpoint's."""
    now, person, project = clock.now(), access.person.id, access.in_project["id"]
    common = {"created_at": now, "created_by": person}
    known = {"labels": {}, "is_wanted": True, "next_attempt": 1, "next_weight": 100, "version": 1}
    tx.execute(
        endpoints.insert().values(
            id=name, name=name, project_id=project, updated_at=now, **common, **{**known, **values}
        )
    )
    source = {"files": "0" * 64, "path": "", "requirements": "six\n", "served_as": name}
    tx.execute(
        endpoint_revisions.insert().values(
            id=f"{name}-1", endpoint_id=name, number=1, weight=0, ready_attempt=1, source=source,
            spec={"environment": "gone", "profile": "base", "secrets": []}, **common,
        )
    )  # fmt: skip
    tx.execute(
        workloads.insert().values(
            id=f"{name}-1", kind="endpoint", name=name, project_id=project, person_id=person, state=workload,
            spec={"reserve": Resources().as_json(), "overlay": None}, reason="stopped_by_user", attempt=1, priority=0,
            devices={}, restarts=0, tries=0, created_at=now, queued_at=now,
        )
    )  # fmt: skip


def told(platform: Platform) -> dict[str, set[str]]:
    """Hashes of the tokens of each endpoint, as the gateway is told them."""
    file = platform.settings.home / "gateway" / state.FILE
    shown = json.loads(file.read_text()) if file.exists() else {"endpoints": []}
    return {one["name"]: set(one["tokens"]) for one in shown["endpoints"]}


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110  (files and rows, which tell nobody)
            await asyncio.sleep(0.01)


async def row_of(platform: Platform, table: sa.Table, identifier: str) -> Any:
    query = sa.select(table).where(table.c.id == identifier)
    return await platform.database.read(lambda c: c.execute(query).one())


async def test_what_a_revision_waits_for_is_said(platform: Platform, ada: Access) -> None:
    await platform.database.write(lambda tx: deploy(tx, ada, "iris", "STARTING", next_id="iris-1"))
    row = await row_of(platform, workloads, "iris-1")
    active = platform.engine.board.active["iris-1"] = from_row(row, 1)
    words = "0/1 nodes have nvidia.com/gpu free."
    active.progress = {"message": words}
    platform.engine.progressed(active)
    shown = await platform.endpoints.get(ada, "iris")
    assert shown.status.message == shown.status.revisions[0].message == words
    told = sa.select(events.c.data).where(events.c.kind == "endpoint.changed")
    async with asyncio.timeout(20):
        while not (found := await platform.database.read(lambda c: c.execute(told).scalars().all())):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert found == [{"revision": 1, "message": words}]


async def test_a_database_that_is_away_for_a_while(
    platform: Platform, ada: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    await platform.database.write(lambda tx: deploy(tx, ada, "iris", "STOPPED"))
    failed = 0
    really = platform.database.read

    async def read(work: Callable[..., Any]) -> Any:
        nonlocal failed
        failed += 1
        raise Unavailable("The database did not answer.")

    monkeypatch.setattr(platform.database, "read", read)
    platform.rollouts.wake("iris")
    await until(lambda: failed > 5)  # those who look and those who settle have both met it
    monkeypatch.setattr(platform.database, "read", really)
    await until(lambda: told(platform) == {"iris": set()})
    await platform.endpoint_tokens.create(ada, "iris", EndpointTokenCreate())
    assert len(told(platform)["iris"]) == 1


async def test_a_revision_that_cannot_be_started_holds_up_no_other(platform: Platform, ada: Access) -> None:
    def work(tx: Transaction) -> None:
        deploy(tx, ada, "stuck", "STOPPED", next_id="stuck-1", next_attempt=2)
        deploy(tx, ada, "iris", "STOPPED")
        tx.after_commit(lambda: [platform.rollouts.wake(one) for one in ("stuck", "iris")])

    await platform.database.write(work)
    await until(lambda: "iris" in told(platform))
    stuck = await row_of(platform, endpoints, "stuck")
    assert stuck.next_id is None
    assert stuck.message.startswith("Revision 1 did not start: The environment gone is not on this")


async def test_one_that_served_is_told_of_and_tried_again(platform: Platform, ada: Access) -> None:
    def work(tx: Transaction) -> None:
        deploy(tx, ada, "iris", "FAILED")
        tx.execute(endpoint_revisions.update().values(weight=100))
        tx.after_commit(lambda: platform.rollouts.wake("iris"))

    await platform.database.write(work)
    await until(lambda: "iris" in told(platform))
    endpoint = await row_of(platform, endpoints, "iris")
    assert endpoint.message.startswith(
        "Revision 1 could not be started again: The environment gone is not on this"
    )


async def test_a_token_ends_though_the_gateway_could_not_be_told_at_once(
    platform: Platform, ada: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    await platform.database.write(lambda tx: deploy(tx, ada, "iris", "STOPPED"))
    made = await platform.endpoint_tokens.create(ada, "iris", EndpointTokenCreate())
    assert len(told(platform)["iris"]) == 1
    really, failed = state.write, 0

    def full(folder: Path, shown: Any) -> None:
        nonlocal failed
        failed += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state, "write", full)
    with pytest.raises(Unavailable, match="No space left on device"):
        await platform.endpoint_tokens.delete(ada, "iris", made.id)
    await until(lambda: failed > 2)
    monkeypatch.setattr(state, "write", really)
    await until(lambda: told(platform) == {"iris": set()})


async def test_what_could_not_be_stopped_is_stopped_later(
    platform: Platform, ada: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, refused = platform.engine.stop, 0

    def stop(*arguments: Any) -> None:
        nonlocal refused
        refused += 1
        if refused == 1:
            raise DiskFull("Only 0 MiB of disk are free.")
        really(*arguments)

    monkeypatch.setattr(platform.engine, "stop", stop)

    def work(tx: Transaction) -> None:
        deploy(tx, ada, "iris", "RUNNING")  # without a weight: it was replaced
        tx.after_commit(lambda: platform.rollouts.wake("iris"))

    await platform.database.write(work)
    await until(lambda: refused >= 2)
    async with asyncio.timeout(20):
        while (await row_of(platform, workloads, "iris-1")).state != "STOPPING":  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_pauses_grow_while_a_server_goes_on_failing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    server = SimpleNamespace(id="r", endpoint_id="e", ended_at=1)
    may_start = platform.rollouts._may_start
    assert may_start(server), "at once"
    assert may_start(server), "a change may be carried out twice"
    for count, pause in enumerate([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300], 2):
        server.ended_at = count
        assert not may_start(server)
        now += pause - 0.5
        assert not may_start(server)
        now += 0.5
        assert may_start(server)
    now += rollouts.SETTLED_S + 1
    server.ended_at = 100
    assert may_start(server), "it ran for long"
