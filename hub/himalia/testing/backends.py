"""What every backend must do.

An implementation's tests make a subclass and override the fixture:

    class TestMyBackend(BackendSuite):
        @pytest.fixture
        def world(self, tmp_path):
            yield World(backend=lambda: MyBackend(...), ...)

Its teardown should make sure that nothing was left running. pytest-asyncio is needed too.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from himalia.engine.backends.base import Ended, Metrics, Progress, Seen, Started
from himalia.engine.resources import Resources
from himalia.testing.service_side import TOKEN, Service, World, eventually

FOREVER = "sleep 3600"
COUNTED = "echo begun >> $SHARED/count; "
STOPPED = "stopped_by_user"


@pytest.mark.asyncio
class BackendSuite:
    """Tests of `himalia.engine.backends.base.Backend`; `world` must be new for each test."""

    @pytest.fixture
    def world(self) -> World:
        """Where the backend under test starts workloads."""
        raise NotImplementedError("Override the fixture “world” with one of the implementation to check.")

    # Starting and ending

    async def test_start_is_told_and_so_is_the_end(self, world: World) -> None:
        async with Service(world) as service:
            service.backend.start(world.shell("echo hello; echo problem >&2; sleep 0.2"))
            started = await service.started("a-1")
            ended = await service.ended("a-1")
        assert (ended.exit_code, ended.reason, ended.final) == (0, None, True)
        assert service.log("a-1") == "hello\nproblem\n"
        assert (ended.log_bytes, ended.log_dropped_bytes) == (14, 0)
        assert ended.usage["wall_s"] >= 0.2
        assert ended.usage["max_memory_bytes"] > 0
        assert started.at > 1_600_000_000
        kinds = [type(report) for report in service.reports if isinstance(report, Started | Ended)]
        assert kinds == [Started, Ended]

    @pytest.mark.parametrize(
        ("script", "exit_code", "reason"),
        [
            ("exit 0", 0, None),
            ("exit 3", 3, "user_error"),
            ("exit 255", 255, "user_error"),
            ("kill -KILL $$", 137, "user_error"),
            ("kill -SEGV $$", 139, "user_error"),
        ],
    )
    async def test_exit_code_and_what_it_means(
        self, world: World, script: str, exit_code: int, reason: str | None
    ) -> None:
        async with Service(world) as service:
            ended = await service.run(world.shell(script))
        assert (ended.exit_code, ended.reason) == (exit_code, reason)
        assert bool(ended.message) == (reason is not None)

    async def test_command_that_is_not_there(self, world: World) -> None:
        async with Service(world) as service:
            ended = await service.run(world.command("no-such-command"))
        assert (ended.reason, ended.exit_code) == ("bad_input", None)
        assert "no-such-command" in str(ended.message)

    async def test_environment_that_is_not_there(self, world: World) -> None:
        async with Service(world) as service:
            ended = await service.run(world.shell("true", environment="no-such-environment"))
            assert ended.reason in ("environment_missing", "start_failed")
            assert "no-such-environment" in str(ended.message)
            assert (await service.run(world.shell("true", "b-1"))).reason is None

    async def test_variables_and_where_it_runs(self, world: World) -> None:
        code = "import os; print(os.environ['HIMALIA_' + 'WORKLOAD'], os.environ['HIMALIA_ATTEMPT'], os.getcwd())"
        async with Service(world) as service:
            await service.run(world.python(code, "abc-7", variables={"COLOUR": "blau"}))
            await service.run(
                world.shell('echo "$COLOUR" ${PWD##*/}', "b-1", variables={"COLOUR": "it's blue"})
            )
        workload, attempt, directory = service.log("abc-7").split()
        assert (workload, attempt, Path(directory).name) == ("abc", "7", "abc-7")
        assert service.log("b-1") == "it's blue b-1\n"

    async def test_many_short_ones_at_once(self, world: World) -> None:
        names = [f"many{number}-1" for number in range(world.many)]
        async with Service(world) as service:
            for number, name in enumerate(names):
                service.backend.start(world.shell(f"{COUNTED} echo {number}; exit {number % 3}", name))
            ends = [await service.ended(name) for name in names]
        assert [ended.exit_code for ended in ends] == [number % 3 for number in range(world.many)]
        assert [service.log(name) for name in names] == [f"{number}\n" for number in range(world.many)]
        assert count(world) == world.many

    # The same once more

    async def test_the_same_name_runs_once(self, world: World) -> None:
        launch = world.shell(COUNTED + "sleep 0.5")
        async with Service(world) as service:
            service.backend.start(launch)
            service.backend.start(launch)
            await service.started("a-1")
            service.backend.start(launch)
            assert (await service.ended("a-1")).reason is None
        assert count(world) == 1

    async def test_what_has_ended_is_told_again_and_not_run_again(self, world: World) -> None:
        launch = world.shell(COUNTED + "exit 4")
        async with Service(world, durable=False) as service:
            service.backend.start(launch)
            ended = await service.ended("a-1")
        async with Service(world, launch) as after:
            after.backend.start(launch)
            assert await after.ended("a-1") == ended
            assert (await after.run(world.shell("true", "b-1"))).reason is None
            assert await after.ended("a-1") == ended
        assert count(world) == 1

    async def test_start_that_a_service_did_not_live_to_see(self, world: World) -> None:
        launch = world.shell(COUNTED + "sleep 0.2")
        async with Service(world) as service:
            service.backend.start(launch)
        async with Service(world, launch) as after:
            after.backend.start(launch)
            assert (await after.ended("a-1")).reason is None
        assert count(world) == 1

    # Stopping

    async def test_stop_asks_first(self, world: World) -> None:
        script = "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
        async with Service(world) as service:
            service.backend.start(world.shell(script))
            await service.printed("a-1", "ready")
            service.backend.stop("a-1", 30, "stopped_by_administrator")
            service.backend.stop("a-1", 30, "stopped_by_administrator")
            ended = await service.ended("a-1")
        assert (ended.reason, ended.exit_code) == ("stopped_by_administrator", 0)
        assert service.log("a-1").endswith("asked\n")

    async def test_stop_ends_all_that_it_started(self, world: World) -> None:
        code = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for generation in range(3):
    if os.fork():
        break
    os.setsid()
print("ready", flush=True)
while True:
    open(sys.argv[1] + f"/beat{generation}", "a").write("x")
    time.sleep(0.01)
"""
        folder = f"/shared/{world.project.name}"
        async with Service(world) as service:
            service.backend.start(world.command("python", "-c", code, folder))
            beats = [world.shared / f"beat{generation}" for generation in range(3)]
            await eventually(lambda: all(beat.exists() for beat in beats), "three generations to run")
            service.backend.stop("a-1", 0.3, STOPPED)
            assert (await service.ended("a-1")).reason == STOPPED
            sizes = [beat.stat().st_size for beat in beats]
            await asyncio.sleep(0.3)
        assert [beat.stat().st_size for beat in beats] == sizes

    async def test_what_it_left_behind_ends_with_it(self, world: World) -> None:
        beats = world.shared / "beats"
        script = "setsid sh -c 'while :; do echo >> $SHARED/beats; sleep 0.01; done' & sleep 0.3"
        async with Service(world) as service:
            assert (await service.run(world.shell(script))).reason is None
            size = beats.stat().st_size
            await asyncio.sleep(0.3)
        assert beats.stat().st_size == size > 0

    async def test_stop_before_it_began(self, world: World) -> None:
        async with Service(world) as service:
            service.backend.start(world.shell(COUNTED + FOREVER))
            service.backend.stop("a-1", 0.0, STOPPED)
            assert (await service.ended("a-1")).reason == STOPPED

    async def test_stop_of_what_is_not_there_disturbs_nothing(self, world: World) -> None:
        async with Service(world, durable=False) as service:
            service.backend.stop("never-1", 0.0, STOPPED)
            ended = await service.run(world.shell("true"))
            service.backend.stop("a-1", 0.0, STOPPED)
            await service.run(world.shell("true", "b-1"))
            assert await service.ended("a-1") == ended
        assert ended.reason is None

    async def test_advice_to_stop_is_told_before_the_code_asks_again(self, world: World) -> None:
        code = """
import os, sys, time
import himalia.run as run
assert not run.log("step", 0)
while not (run.should_stop() or os.path.exists(sys.argv[1] + "/go")): time.sleep(0.01)
print(run.log("step", 1))
"""
        folder = f"/shared/{world.project.name}"
        async with Service(world) as service:
            for name in ("a-1", "other-1"):
                service.backend.start(world.command("python", "-c", code, folder, name=name))
                await service.measured(name)
            service.backend.advise_stop("never-1")
            service.backend.advise_stop("a-1")
            assert (await service.ended("a-1")).reason is None
            (world.shared / "go").touch()
            assert (await service.ended("other-1")).reason is None
        assert [service.log(name) for name in ("a-1", "other-1")] == ["True\n", "False\n"]

    # Observing

    async def test_observe(self, world: World) -> None:
        async with Service(world, durable=False) as service:
            assert service.backend.observe(["a-1"]) == {"a-1": Seen.GONE}
            service.backend.start(world.shell(FOREVER))
            assert service.backend.observe(["a-1"])["a-1"] in (Seen.STARTING, Seen.RUNNING)
            await service.started("a-1")
            assert service.backend.observe(["a-1", "never-1"]) == {"a-1": Seen.RUNNING, "never-1": Seen.GONE}
            assert service.backend.observe([]) == {}
        async with Service(world, world.shell(FOREVER)) as after:
            await eventually(
                lambda: after.backend.observe(["a-1"]) == {"a-1": Seen.RUNNING}, "a-1 to be found"
            )
            after.backend.stop("a-1", 0.0, STOPPED)
            await after.ended("a-1")
            await eventually(lambda: after.backend.observe(["a-1"]) == {"a-1": Seen.GONE}, "a-1 to be gone")

    # A service that goes away and comes back

    async def test_reports_are_kept_until_they_are_stored(self, world: World) -> None:
        launch = world.shell("echo kept; exit 3")
        async with Service(world, durable=False) as service:
            ended = await service.run(launch)
        for durable in (False, True):
            async with Service(world, launch, durable=durable) as after:
                assert await after.ended("a-1") == ended
                assert after.log("a-1") == "kept\n"
                await after.run(world.shell("true", f"after{durable}-1".lower()))

    async def test_what_was_stored_is_not_told_again(self, world: World) -> None:
        launch = world.shell("echo once")
        async with Service(world) as service:
            await service.run(launch)
            await service.run(world.shell("true", "b-1"))
        async with Service(world, launch) as after:
            await after.run(world.shell("true", "c-1"))
            assert [report for report in after.reports if report.name == "a-1"] == []

    async def test_it_runs_on_while_nobody_listens(self, world: World) -> None:
        script = COUNTED + "echo before; until [ -e $SHARED/go ]; do sleep 0.02; done; seq 20000; exit 5"
        launch = world.shell(script)
        async with Service(world) as service:
            service.backend.start(launch)
            await service.printed("a-1", "before")
        async with Service(world, launch) as after:
            await eventually(
                lambda: after.backend.observe(["a-1"]) == {"a-1": Seen.RUNNING}, "a-1 to be found"
            )
            (world.shared / "go").touch()
            assert (await after.ended("a-1")).exit_code == 5
        numbers = "".join(f"{number}\n" for number in range(1, 20001))
        assert after.log("a-1", service.reports) == "before\n" + numbers
        assert count(world) == 1

    async def test_it_ended_while_nobody_listened(self, world: World) -> None:
        script = "until [ -e $SHARED/go ]; do sleep 0.02; done; echo after; touch $SHARED/done; exit 6"
        launches = [world.shell(script, f"away{number}-1") for number in range(3)]
        async with Service(world) as service:
            for launch in launches:
                service.backend.start(launch)
                await service.started(launch.name)
        (world.shared / "go").touch()
        await eventually((world.shared / "done").exists, "the end of what runs alone")
        async with Service(world, *launches) as after:
            ends = [await after.ended(launch.name) for launch in launches]
        assert [(ended.exit_code, ended.reason) for ended in ends] == [(6, "user_error")] * 3
        assert [after.log(launch.name) for launch in launches] == ["after\n"] * 3

    async def test_stop_reaches_what_an_earlier_service_started(self, world: World) -> None:
        launch = world.shell(FOREVER)
        async with Service(world) as service:
            service.backend.start(launch)
            await service.started("a-1")
        async with Service(world, launch) as after:
            after.backend.stop("a-1", 5.0, "platform_stopped")
            assert (await after.ended("a-1")).reason == "platform_stopped"

    # Limits

    async def test_time_limit(self, world: World) -> None:
        async with Service(world) as service:
            ended = await service.run(world.shell(FOREVER, time_limit_s=0.5))
        assert ended.reason == "time_limit"
        assert 0.5 <= ended.usage["wall_s"] < 10

    async def test_out_of_memory_is_told_apart_and_hurts_nobody_else(self, world: World) -> None:
        greedy = "held = []\nwhile True: held.append(b'x' * 2**20)"
        async with Service(world) as service:
            service.backend.start(world.shell(FOREVER, "other-1"))
            await service.started("other-1")
            ended = await service.run(world.python(greedy, limit=Resources.of(1, 100 * 2**20)))
            assert ended.reason == "out_of_memory"
            assert "memory" in str(ended.message)
            assert service.backend.observe(["other-1"]) == {"other-1": Seen.RUNNING}
            service.backend.stop("other-1", 0.0, STOPPED)
            assert (await service.ended("other-1")).reason == STOPPED

    # Logs

    async def test_binary_becomes_text(self, world: World) -> None:
        code = "import os; os.write(1, b'begin' + bytes(range(256)) * 500 + b'end')"
        async with Service(world) as service:
            ended = await service.run(world.python(code))
        log = service.log("a-1")
        assert log.startswith("begin\x00\x01")
        assert log.endswith("\ufffdend")
        assert ended.log_bytes == len(log.encode())

    async def test_unicode_is_kept(self, world: World) -> None:
        text = "grüße 日本 🚀"
        code = "import os, sys, time\nfor byte in sys.argv[1].encode(): os.write(1, bytes([byte])); time.sleep(0.01)"
        async with Service(world) as service:
            await service.run(world.command("python", "-c", code, text))
            await service.run(world.shell('printf %s "$TEXT"', "b-1", variables={"TEXT": text}))
        assert service.log("a-1") == service.log("b-1") == text

    async def test_endless_line_is_capped(self, world: World) -> None:
        limit, printed = world.log_limit_bytes, world.log_limit_bytes * 3
        script = f"printf begin; head -c {printed} /dev/zero | tr '\\0' x; printf end"
        async with Service(world) as service:
            ended = await service.run(world.shell(script))
        log = service.log("a-1")
        assert ended.reason is None
        assert limit / 2 < ended.log_bytes == len(log) <= limit
        assert log.startswith("beginxxx")
        assert log.endswith("xxxend")
        assert ended.log_dropped_bytes >= printed - limit

    async def test_it_is_heard_while_it_runs(self, world: World) -> None:
        async with Service(world) as service:
            service.backend.start(world.shell("echo first; " + FOREVER))
            await service.printed("a-1", "first\n")
            assert service.of(Ended, "a-1") == []
            service.backend.stop("a-1", 0.0, STOPPED)
            await service.ended("a-1")

    # What goes in and what comes out

    async def test_outputs_are_stored_before_the_end_is_told(self, world: World) -> None:
        files = {
            "outputs/model.bin": b"\x00" * 100_000,
            "outputs/tief/größe 日本.txt": "ü".encode(),
            "plot.svg": b"",
        }
        script = """
mkdir -p outputs/tief; head -c 100000 /dev/zero > outputs/model.bin
printf ü > 'outputs/tief/größe 日本.txt'; : > plot.svg; : > not-kept
python -c 'import himalia.run; himalia.run.output("plot.svg")'; exit 1
"""
        async with Service(world) as service:
            ended = await service.run(world.shell(script))
            stored = dict(world.api.outputs)
        assert stored == {("a", path): content for path, content in files.items()}
        assert {one["path"]: (one["size"], one["digest"]) for one in ended.outputs} == {
            path: (len(content), hashlib.sha256(content).hexdigest()) for path, content in files.items()
        }
        assert ended.reason == "user_error"
        assert set(world.api.authorizations) == {f"Bearer {TOKEN}"}

    async def test_code_comes_from_the_snapshot(self, world: World) -> None:
        world.api.add_snapshot("a", {"main.py": "import parts.part", "parts/part.py": "print('imported')"})
        task = {"kind": "command", "command": ["python", "main.py"], "snapshot": True}
        async with Service(world) as service:
            assert (await service.run(world.task(task))).reason is None
            assert service.log("a-1") == "imported\n"
            ended = await service.run(world.task(task, "without-1"))
        assert ended.reason == "bad_input"
        assert "snapshot" in str(ended.message)

    async def test_notebook(self, world: World) -> None:
        world.api.add_snapshot("a", {"train.ipynb": NOTEBOOK})
        task = {"kind": "notebook", "notebook": "train.ipynb", "parameters": {"epochs": 5}, "snapshot": True}
        async with Service(world) as service:
            ended = await service.run(world.task(task))
        assert (ended.reason, ended.message) == (None, None)
        assert {one["path"] for one in ended.outputs} == {"outputs/train.ipynb", "outputs/train.html"}
        executed = json.loads(world.api.outputs["a", "outputs/train.ipynb"])
        printed = [output["text"] for cell in executed["cells"] for output in cell.get("outputs", [])]
        assert ["".join(text) for text in printed] == ["epochs 5\n"]
        assert service.of(Progress, "a-1")[-1].data["cells"] >= 2

    async def test_notebooks_of_one_group_know_nothing_of_each_other(self, world: World) -> None:
        look = "import os; print(sorted({'left', 'other'} & {*globals(), *os.environ}), Out, os.environ['PASSWORD'])"
        leave = "left = 1; os.environ['other'] = '1'; left"
        async with Service(world) as service:
            for number, secret in enumerate(("the-first-secret", "the-second-secret")):
                name = f"n{number}-1"
                world.api.add_snapshot(f"n{number}", {"train.ipynb": _notebook(_cell(look), _cell(leave))})
                task = {"kind": "notebook", "notebook": "train.ipynb", "snapshot": True}
                launch = world.task(task, name, kernel_group="group", secrets={"PASSWORD": secret})
                assert (await service.run(launch)).reason is None
                assert service.log(name) == "[] {} [secret]\n1\n"

    async def test_metrics_and_progress(self, world: World) -> None:
        code = """
import himalia.run as run
for step in range(2500):
    run.log("loss", 1 / (step + 1), step=step)
run.progress("done", 1.0)
"""
        async with Service(world) as service:
            assert (await service.run(world.python(code))).reason is None
        items = [item for report in service.of(Metrics, "a-1") for item in report.items]
        assert [item[:3] for item in items] == [("loss", step, 1 / (step + 1)) for step in range(2500)]
        latest = service.of(Progress, "a-1")[-1].data
        assert (latest["message"], latest["fraction"]) == ("done", 1.0)

    async def test_secrets_are_given_and_never_told(self, world: World) -> None:
        script = (
            'echo "$PASSWORD"; cat "$HIMALIA_SECRETS_DIR/PASSWORD"; [ "$PASSWORD" = hunter2-very-secret ]'
        )
        async with Service(world) as service:
            ended = await service.run(world.shell(script, secrets={"PASSWORD": "hunter2-very-secret"}))
        assert ended.reason is None
        assert "hunter2" not in repr(service.reports)

    # The world as the backend sees it

    async def test_machines(self, world: World) -> None:
        async with Service(world) as service:
            machines = service.backend.machines()
        assert machines
        assert len({machine.name for machine in machines}) == len(machines)
        for machine in machines:
            assert machine.allocatable.cpus_m > 0
            assert machine.allocatable.memory_bytes > 0
            named = {name: len(devices) for name, devices in machine.devices.items()}
            assert named in ({}, dict(machine.allocatable.devices))

    async def test_what_serves_nothing_has_no_address(self, world: World) -> None:
        async with Service(world) as service:
            service.backend.start(world.shell(FOREVER))
            await service.started("a-1")
            assert service.backend.addresses("a-1") == service.backend.addresses("never-1") == []
            assert isinstance(await service.backend.logs("a-1"), bytes)
            assert await service.backend.logs("never-1") == b""
            service.backend.stop("a-1", 0.0, STOPPED)
            await service.ended("a-1")


def count(world: World) -> int:
    """How many workloads with `COUNTED` in their script have begun."""
    return len((world.shared / "count").read_text().splitlines())


def _cell(source: str, *tags: str) -> dict[str, object]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": hashlib.sha256(source.encode()).hexdigest()[:8],
        "metadata": {"tags": list(tags)},
        "outputs": [],
        "source": source,
    }


def _notebook(*cells: dict[str, object]) -> str:
    spec = {"display_name": "Python", "language": "python", "name": "python3"}
    content = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content)


NOTEBOOK = _notebook(_cell("epochs = 1", "parameters"), _cell("print('epochs', epochs)"))
