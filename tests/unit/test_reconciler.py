"""The reconciler with a database, and a backend that does what the test says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from himalia.core import clock, people
from himalia.core.database import Database, Transaction
from himalia.core.disk import Disk
from himalia.core.errors import NotFound, Unavailable, WrongState
from himalia.core.identity import HubAccounts
from himalia.core.ids import new_id
from himalia.core.live import Exchange
from himalia.core.migrate import migrate
from himalia.core.settings import Settings
from himalia.engine import outputs, reconciler
from himalia.engine.backends.base import (
    WHOLE,
    Account,
    Backend,
    Batch,
    Ended,
    Known,
    Launch,
    LogPiece,
    Place,
    Placed,
    Seen,
    Started,
)
from himalia.engine.board import Active, Board
from himalia.engine.held import Held, Holding
from himalia.engine.logs import LogFiles
from himalia.engine.queue import Placement, spot_on
from himalia.engine.reconciler import Reconciler
from himalia.engine.resources import Machine, Resources
from himalia.engine.service import Engine, WorkloadSpec
from himalia.engine.states import State
from himalia.engine.tables import ranks, workloads
from himalia.projects import service as projects_service
from himalia.projects.schema import ProjectCreate
from himalia.snapshots import service as snapshots_service
from himalia.storage.base import Stored
from himalia.storage.directory import DirectoryStore
from himalia.testing.service_side import eventually
from himalia.workloads import routes as workload_routes
from himalia.workloads.routes import WorkloadParts

SIZE = Resources.of(1, 2**30)
MINE, THEIRS = "a" * 64, "b" * 64
MORE_THAN_A_COLUMN_HOLDS = 2**70


class Told(Backend):
    """Sees what was started, unless the test has ended it, and reports what it is told."""

    def __init__(self) -> None:
        self.started: dict[str, Launch] = {}
        self.looks = 0
        self.news: asyncio.Queue[Batch] = asyncio.Queue()

    async def open(self, known: Sequence[Known]) -> None:
        pass

    async def close(self) -> None:
        pass

    def start(self, launch: Launch) -> None:
        self.started[launch.name] = launch
        starts = [Started(launch.name, 1.7e9, rank) for rank in range(launch.replicas)]
        self.news.put_nowait(Batch(starts, lambda: None))

    def stop(self, name: str, grace_s: float, reason: str) -> None:
        self.end(Ended(name, reason, rank=WHOLE))

    def advise_stop(self, name: str) -> None:
        pass

    def observe(self, names: Sequence[str]) -> dict[str, Seen]:
        self.looks += 1
        return {name: Seen.RUNNING if name in self.started else Seen.GONE for name in names}

    async def changes(self) -> AsyncIterator[Batch]:
        while True:
            yield await self.news.get()

    def machines(self) -> list[Machine]:
        return [Machine("here", Resources.of(8, 2**33), {})]

    def addresses(self, name: str) -> list[str]:
        return []

    async def logs(self, name: str, rank: int = 0) -> bytes:
        return b""

    def end(self, *ends: Ended) -> None:
        for end in ends:
            self.started.pop(end.name, None)
        self.news.put_nowait(Batch(ends, lambda: None))


class Platform:
    """A database, an engine and a reconciler; `launch` may be replaced."""

    def __init__(self, database: Database, folder: Path, backend: Told) -> None:
        self.database = database
        self.folder = folder
        self.backend = backend
        self.engine = Engine(Board(), self.backend.machines)
        self.launch: Callable[[Active], Awaitable[Launch]] = self.launched
        self.reconciler = Reconciler(
            database,
            self.engine,
            self.backend,
            LogFiles(folder / "logs"),
            lambda item: self.launch(item),
            lambda item, report: None,
            snapshots_service.owned,
        )
        self.person = self.project = self.other = ""

    def fill(self, tx: Transaction) -> None:
        ada = people.ensure(tx, "ada", "2026-01-01", [])
        self.person = ada.id
        self.project, self.other = (
            projects_service.create(tx, ProjectCreate(name=name), ada)["id"] for name in ("digits", "other")
        )
        snapshots_service.own(tx, self.project, Stored(MINE, 3))
        snapshots_service.own(tx, self.other, Stored(THEIRS, 3))

    async def launched(self, item: Active) -> Launch:
        return Launch(
            name=item.attempt_name,
            workload=item.id,
            attempt=item.attempt,
            kind=item.kind,
            person=Account(item.person_id, "ada", None, None),
            project=Place(item.project_id, "digits", None),
            environment=item.spec["environment"],
            overlay=item.spec["overlay"],
            task=item.spec["task"],
            limit=SIZE,
            devices={},
            time_limit_s=None,
            variables={},
            secrets={},
            token="",
            replicas=item.replicas,
            others=item.others,
        )

    async def submit(self, name: str = "work", placement: Placement | None = None, **more: Any) -> str:
        given = {"kind": "job", "reserve": SIZE, **more}
        spec = WorkloadSpec(
            id=new_id(),
            name=name,
            project_id=self.project,
            person_id=self.person,
            environment="base",
            task={"kind": "command", "command": ["true"]},
            limit=SIZE,
            **given,
        )
        await self.database.write(lambda tx: self.engine.submit(tx, spec, placement))
        return spec.id

    async def release(self, task: str) -> None:
        """Let go of those that need a task, all at once, so that they are launched in one go."""
        ids = await self.database.write(lambda tx: self.engine.task_ended(tx, task, State.SUCCEEDED))
        self.reconciler._release(ids)

    async def row(self, workload: str) -> Any:
        query = sa.select(workloads).where(workloads.c.id == workload)
        return await self.database.read(lambda c: c.execute(query).one())

    async def until(self, workload: str, *states: State) -> Any:
        async with asyncio.timeout(10):
            while (row := await self.row(workload)).state not in states:  # noqa: ASYNC110  (rows wake nobody)
                await asyncio.sleep(0.005)
            return row


@asynccontextmanager
async def platform_in(
    folder: Path, *, again: bool = False, backend: Told | None = None
) -> AsyncIterator[Platform]:
    """A platform whose reconciler is not started yet; `again` on what an earlier one left."""
    database = Database(f"sqlite:///{folder}/himalia.sqlite")
    await asyncio.to_thread(migrate, database)
    database.start()
    platform = Platform(database, folder, backend or Told())
    if not again:
        await database.write(platform.fill)
    try:
        yield platform
    finally:
        await platform.reconciler.close()
        database.close()


@pytest.fixture
async def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Platform]:
    monkeypatch.setattr(reconciler, "WATCH_S", 0.01)
    async with platform_in(tmp_path) as made:
        await made.reconciler.start()
        yield made


async def test_what_is_being_laid_out_is_not_lost(platform: Platform) -> None:
    platform.reconciler.lost_after_s = 0
    ready = asyncio.Event()

    async def slow(item: Active) -> Launch:
        await ready.wait()
        return await platform.launched(item)

    platform.launch = slow
    workload = await platform.submit()
    await platform.until(workload, State.STARTING)
    before = platform.backend.looks
    await eventually(lambda: platform.backend.looks >= before + 5, "the reconciler to look for lost ones")
    ready.set()
    row = await platform.until(workload, State.RUNNING)
    assert (row.attempt, row.restarts) == (1, 0)


async def test_what_is_being_laid_out_holds_up_no_other(platform: Platform) -> None:
    ready = asyncio.Event()
    large = await platform.submit("large", needs_id="x", inputs={"inputs/x": {"tree": MINE, "path": ""}})
    small = await platform.submit("small", needs_id="x")

    async def slow(item: Active) -> Launch:
        if item.id == large:
            await ready.wait()
        return await platform.launched(item)

    platform.launch = slow
    await platform.release("x")
    await platform.until(small, State.RUNNING)
    assert (await platform.row(large)).state == State.STARTING
    ready.set()
    await platform.until(large, State.RUNNING)


async def test_what_is_gone_without_a_word_is_lost(platform: Platform) -> None:
    platform.reconciler.lost_after_s = 0
    workload = await platform.submit(max_restarts=0)
    row = await platform.until(workload, State.RUNNING)
    del platform.backend.started[f"{workload}-{row.attempt}"]
    assert (await platform.until(workload, State.FAILED)).reason == "lost"


async def test_an_end_that_cannot_be_stored_ends_that_workload_alone(platform: Platform) -> None:
    hostile, good = await platform.submit("hostile"), await platform.submit("good")
    for workload in (hostile, good):
        await platform.until(workload, State.RUNNING)
    platform.backend.end(
        Ended(f"{hostile}-1", None, log_bytes=MORE_THAN_A_COLUMN_HOLDS), Ended(f"{good}-1", None)
    )
    assert (await platform.until(good, State.SUCCEEDED)).attempt == 1
    row = await platform.until(hostile, State.FAILED)
    assert (row.reason, row.message) == ("user_error", "What was told of its end could not be stored.")


async def test_a_log_that_cannot_be_stored_keeps_no_start_from_being_stored(platform: Platform) -> None:
    async def told(item: Active) -> Launch:
        launch = await platform.launched(item)
        started, hostile = Started(launch.name, 1.7e9), LogPiece(launch.name, 0, "\ud800")
        platform.backend.started[launch.name] = launch
        platform.backend.news.put_nowait(Batch([started, hostile], lambda: None))
        return launch

    platform.launch = told
    platform.backend.start = lambda launch: None  # type: ignore[method-assign]
    await platform.until(await platform.submit(), State.RUNNING)


async def test_outputs_that_the_project_does_not_have_are_not_believed(platform: Platform) -> None:
    workload = await platform.submit()
    await platform.until(workload, State.RUNNING)
    named = [("mine", MINE, 3), ("theirs", THEIRS, 3), ("larger", MINE, MORE_THAN_A_COLUMN_HOLDS)]
    left = [{"path": path, "digest": digest, "size": size} for path, digest, size in named]
    platform.backend.end(Ended(f"{workload}-1", None, outputs=left))
    row = await platform.until(workload, State.SUCCEEDED)
    assert row.message == "2 of its files are not kept: they were never sent to this project."
    rows = await platform.database.read(lambda c: outputs.of(c, workload, 1))
    assert [(one.path, one.digest, one.size) for one in rows] == [("mine", MINE, 3)]


async def test_a_start_that_the_database_or_the_disk_kept_from_being_is_made_again(
    platform: Platform,
) -> None:
    async def away(item: Active) -> Launch:
        if item.attempt == 1:
            raise Unavailable("The database does not answer.")
        return await platform.launched(item)

    platform.launch = away
    workload = await platform.submit()
    row = await platform.until(workload, State.RUNNING)
    assert (row.attempt, row.restarts) == (2, 1)


async def test_an_input_that_is_gone_is_said(platform: Platform) -> None:
    async def gone(item: Active) -> Launch:
        raise NotFound("An input could not be laid out: it is gone.")

    platform.launch = gone
    row = await platform.until(await platform.submit(), State.FAILED)
    assert (row.reason, row.message) == ("bad_input", "An input could not be laid out: it is gone.")


async def test_a_launch_that_breaks_ends_that_workload_alone(platform: Platform) -> None:
    broken = await platform.submit("broken", needs_id="x")
    good = await platform.submit("good", needs_id="x")

    async def launch(item: Active) -> Launch:
        if item.id == broken:
            raise KeyError("limit")
        return await platform.launched(item)

    platform.launch = launch
    await platform.release("x")
    assert (await platform.until(broken, State.FAILED)).reason == "start_failed"
    await platform.until(good, State.RUNNING)


async def test_a_retry_runs_in_the_environment_that_is_there_now(platform: Platform) -> None:
    workload = await platform.submit(overlay="before")
    await platform.until(workload, State.RUNNING)
    platform.backend.end(Ended(f"{workload}-1", "user_error"))
    await platform.until(workload, State.FAILED)
    await platform.database.write(lambda tx: platform.engine.retry(tx, workload, "after", None, "bob"))
    row = await platform.until(workload, State.RUNNING)
    assert (row.spec["overlay"], row.person_id) == ("after", "bob")
    assert platform.backend.started[f"{workload}-2"].person.id == "bob"
    assert platform.backend.started[f"{workload}-2"].overlay == "after"


async def test_a_row_that_cannot_be_read_does_not_keep_the_others_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with platform_in(tmp_path) as platform:
        good, odd = await platform.submit("good"), await platform.submit("odd")
        spoil = workloads.update().where(workloads.c.id == odd).values(spec={"from": "another release"})
        await platform.database.write(lambda tx: tx.execute(spoil).rowcount)
        after = Platform(platform.database, tmp_path, Told())
        with caplog.at_level(logging.ERROR):
            await after.reconciler.start()
        row = await after.until(odd, State.FAILED)
        assert (row.reason, row.message) == ("start_failed", reconciler.UNREADABLE)
        assert row.ended_at <= clock.now()
        assert odd in caplog.text
        await after.until(good, State.RUNNING)
        await after.reconciler.close()


async def test_the_stream_of_everything_ends_so_that_rights_are_looked_at_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workload_routes, "STREAM_S", 0.2)
    monkeypatch.setattr(workload_routes, "PAUSE_S", 0.01)
    monkeypatch.setattr(workload_routes, "QUIET_S", 0.05)
    store = DirectoryStore(platform.folder / "objects")
    disk = Disk(platform.folder, 0)
    snapshots = snapshots_service.Snapshots(platform.database, store, 2**20, disk.check)
    hub = HubAccounts(Settings(home=Path("/tmp/h")), "")
    parts = WorkloadParts(platform.database, platform.engine, snapshots, Exchange(), hub, 2**20)
    async with asyncio.timeout(10):
        events = [event async for event in workload_routes.changes(parts)]
    assert events[0].startswith("retry:")
    assert events[1].startswith("data: {")
    store.close()


async def rank_rows(platform: Platform, workload: str) -> list[Any]:
    query = sa.select(ranks).where(ranks.c.workload_id == workload).order_by(ranks.c.attempt, ranks.c.rank)
    return await platform.database.read(lambda c: list(c.execute(query)))


async def test_a_group_ends_with_the_rank_that_failed_first(platform: Platform) -> None:
    workload = await platform.submit(replicas=3)
    await platform.until(workload, State.RUNNING)
    left = [{"path": "outputs/part", "digest": MINE, "size": 3}]
    platform.backend.end(Ended(f"{workload}-1", None, outputs=left, rank=2))
    platform.backend.end(Ended(f"{workload}-1", "user_error", "It ended with exit code 3.", 3, rank=1))
    row = await platform.until(workload, State.FAILED)
    assert (row.reason, row.message) == ("user_error", "Rank 1: It ended with exit code 3.")
    told = [(one.state, one.reason) for one in await rank_rows(platform, workload)]
    assert told == [("STOPPED", "peer_failed"), ("FAILED", "user_error"), ("SUCCEEDED", None)]
    kept = await platform.database.read(lambda c: outputs.of(c, workload, 1))
    assert [one.path for one in kept] == ["rank-2/outputs/part"]
    assert list(platform.engine.board.held) == []


async def test_a_group_that_may_try_again_does_so_as_a_whole(platform: Platform) -> None:
    workload = await platform.submit(replicas=2, retries=1)
    await platform.until(workload, State.RUNNING)
    platform.backend.end(Ended(f"{workload}-1", "user_error", rank=0))
    async with asyncio.timeout(10):
        while (row := await platform.until(workload, State.RUNNING)).attempt != 2:  # noqa: ASYNC110  (rows wake nobody)
            await asyncio.sleep(0.005)
    assert row.tries == 1
    platform.backend.end(*(Ended(f"{workload}-2", None, rank=rank) for rank in (0, 1)))
    await platform.until(workload, State.SUCCEEDED)
    assert [one.attempt for one in await rank_rows(platform, workload)] == [1, 1, 2, 2]


async def test_a_group_holds_room_for_every_rank_and_starts_as_a_whole(platform: Platform) -> None:
    first = await platform.submit("first", replicas=5)
    await platform.until(first, State.RUNNING)
    second = await platform.submit("second", replicas=4)
    assert len(list(platform.engine.board.held)) == 5
    assert (await platform.row(second)).state == State.QUEUED
    platform.backend.end(*(Ended(f"{first}-1", None, rank=rank) for rank in range(5)))
    await platform.until(second, State.RUNNING)
    assert len(list(platform.engine.board.held)) == 4


async def test_what_the_backend_puts_elsewhere_is_counted_where_it_is(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Machine("there", Resources.of(8, 2**33, {"npu": 2}), {"npu": ("npu/0", "npu/1")})
    machines = [*platform.backend.machines(), there]
    monkeypatch.setattr(platform.backend, "machines", lambda: machines)
    board = platform.engine.board
    alone, group = await platform.submit("alone"), await platform.submit("group", replicas=2)
    for workload in (alone, group):
        await platform.until(workload, State.RUNNING)
    moves = [
        Placed(f"{alone}-1", "there"),
        Placed(f"{group}-1", "there", rank=1),
        Placed(f"{group}-1", "away"),
    ]
    platform.backend.news.put_nowait(Batch(moves, lambda: None))
    async with asyncio.timeout(10):
        while (await platform.row(alone)).machine != "there":  # noqa: ASYNC110  (rows wake nobody)
            await asyncio.sleep(0.005)
    assert sorted((one.id, one.machine) for one in board.held if one.id == alone) == [(alone, "there")]
    assert sorted(one.machine for one in board.held if one.id == group) == ["here", "there"]
    told = {one.rank: one.machine for one in await rank_rows(platform, group)}
    assert told == {0: "here", 1: "there"}
    first = spot_on(there, Resources.of(1, 1, {"npu": 1}), Held())
    taken = Holding("x", SIZE, "there", frozenset(first.devices["npu"]))
    assert spot_on(there, Resources.of(1, 1, {"npu": 1}), Held([taken])).devices == {"npu": ("npu/1",)}


async def test_devices_have_the_names_that_whoever_gives_them_out_tells(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Machine("here", Resources.of(8, 2**33, {"npu": 4}))
    monkeypatch.setattr(platform.backend, "machines", lambda: [counted])
    asked = Resources.of(1, 2**20, {"npu": 2})
    group = await platform.submit("group", replicas=2, reserve=asked)
    await platform.until(group, State.RUNNING)
    devices = {0: ("3", "1"), 1: ("0", "2")}
    starts = [
        Started(f"{group}-1", 1.7e9, rank, {"npu": given, "gpu": ("never asked for",)})
        for rank, given in devices.items()
    ]
    platform.backend.news.put_nowait(Batch(starts, lambda: None))
    active = platform.engine.board.active[group]
    await eventually(lambda: active.spots[1].devices["npu"] == ("0", "2"), "the names of the devices")
    await platform.database.write(lambda tx: None)  # what was told before is stored
    told = {one.rank: one.devices for one in await rank_rows(platform, group)}
    assert told == {0: {"npu": ["3", "1"]}, 1: {"npu": ["0", "2"]}}
    assert (await platform.row(group)).devices == {"npu": ["3", "1"]}


async def test_devices_that_the_queue_gave_are_not_a_runners_to_change(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = Machine("here", Resources.of(8, 2**33, {"npu": 2}), {"npu": ("/dev/npu0", "/dev/npu1")})
    monkeypatch.setattr(platform.backend, "machines", lambda: [named])
    workload = await platform.submit(reserve=Resources.of(1, 2**20, {"npu": 1}))
    await platform.until(workload, State.RUNNING)
    lie = Started(f"{workload}-1", 1.7e9, 0, {"npu": ("/dev/npu1",)})
    stored = asyncio.Event()
    platform.backend.news.put_nowait(Batch([lie], stored.set))
    await asyncio.wait_for(stored.wait(), 10)
    assert platform.engine.board.active[workload].devices == {"npu": ("/dev/npu0",)}


async def test_a_place_that_could_not_be_written_down_is_told_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = [*platform.backend.machines(), Machine("there", Resources.of(8, 2**33))]
    monkeypatch.setattr(platform.backend, "machines", lambda: machines)
    workload = await platform.submit()
    await platform.until(workload, State.RUNNING)
    write, failed = platform.database.write, asyncio.Event()

    async def fail_once(work: Callable[[Transaction], Any]) -> Any:
        if not failed.is_set():
            failed.set()
            raise WrongState("Not now.")
        return await write(work)

    monkeypatch.setattr(platform.database, "write", fail_once)
    platform.backend.news.put_nowait(Batch([Placed(f"{workload}-1", "there")], lambda: None))
    await failed.wait()
    async with asyncio.timeout(10):
        while (await platform.row(workload)).machine != "there":  # noqa: ASYNC110  (rows wake nobody)
            await asyncio.sleep(0.005)


async def test_a_notebook_server_is_counted_where_its_pod_is(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = [*platform.backend.machines(), Machine("there", Resources.of(8, 2**33))]
    monkeypatch.setattr(platform.backend, "machines", lambda: machines)
    place = Placement("s", "here", {})
    server = await platform.submit("lab", kind="server", placement=place)
    platform.backend.news.put_nowait(Batch([Placed(f"{server}-1", "there")], lambda: None))
    async with asyncio.timeout(10):
        while (await platform.row(server)).machine != "there":  # noqa: ASYNC110  (rows wake nobody)
            await asyncio.sleep(0.005)
    assert [one.machine for one in platform.engine.board.held if one.id == server] == ["there"]


async def test_a_service_that_starts_again_knows_the_ranks_that_have_ended(tmp_path: Path) -> None:
    async with platform_in(tmp_path) as platform:
        await platform.reconciler.start()
        workload = await platform.submit(replicas=2)
        await platform.until(workload, State.RUNNING)
        platform.backend.end(Ended(f"{workload}-1", None, exit_code=0, rank=0))
        await eventually(
            lambda: len(platform.engine.board.active[workload].group.ended) == 1,  # type: ignore[union-attr]
            "the first rank's end",
        )
        await platform.until(workload, State.RUNNING)
    async with platform_in(tmp_path, again=True) as platform:
        await platform.reconciler.start()
        assert len(list(platform.engine.board.held)) == 2
        platform.backend.end(Ended(f"{workload}-1", None, rank=1))
        await platform.until(workload, State.SUCCEEDED)


async def test_a_rank_that_failed_before_the_service_ended_stops_the_others_after_it(tmp_path: Path) -> None:
    async with platform_in(tmp_path) as platform:
        platform.backend.stop = lambda name, grace_s, reason: None  # type: ignore[method-assign]
        await platform.reconciler.start()
        workload = await platform.submit(replicas=2)
        await platform.until(workload, State.RUNNING)
        platform.backend.end(Ended(f"{workload}-1", "user_error", "It broke.", rank=1))
        async with asyncio.timeout(10):
            while not any(one.reason for one in await rank_rows(platform, workload)):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    async with platform_in(tmp_path, again=True) as platform:
        await platform.reconciler.start()
        row = await platform.until(workload, State.FAILED)
        assert row.message == "Rank 1: It broke."
