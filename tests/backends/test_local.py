"""The local backend: the common suite in real sandboxes, and what only processes of one machine can get wrong."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from himalia.core.settings import Settings
from himalia.engine.backends.base import Account, Place, Seen
from himalia.engine.backends.local.backend import LocalBackend
from himalia.engine.backends.local.folders import Folders
from himalia.engine.backends.local.runner import Runners
from himalia.testing.backends import COUNTED, FOREVER, BackendSuite, count
from himalia.testing.service_side import Service, World, eventually
from himalia.testing.workload_api import WorkloadApi

ROOT = os.geteuid() == 0


@pytest.fixture
def home(environments: Path) -> Iterator[Path]:
    """A home with an environment; afterwards no process of it may be left."""
    outer = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    outer.chmod(0o711)
    home = outer / "home"
    Folders(home).prepare()
    (home / "environments" / "base").symlink_to(environments / "base")
    yield home
    shutil.rmtree(outer)


class TestLocalBackend(BackendSuite):
    @pytest.fixture
    def world(self, home: Path) -> Iterator[World]:
        settings = Settings(home=home, log_limit_bytes=2**21, warm_kernels=0)
        folders = Folders(home)
        person = Account("p1", "ada", 210_001 if ROOT else None, 210_001 if ROOT else None)
        project = Place("j1", "digits", 410_001 if ROOT else None)
        api = WorkloadApi(home / "s" / "service" / "api.sock")
        yield World(
            backend=lambda: LocalBackend(settings),
            person=person,
            project=project,
            shared=folders.shared(project),
            environment="base",
            log_limit_bytes=settings.log_limit_bytes,
            api=api,
        )
        end_runners(settings)
        api.down()
        assert sandboxes(home) == []

    async def test_killed_runner_takes_its_workloads_along(self, world: World, home: Path) -> None:
        async with Service(world) as service:
            service.backend.start(world.shell(COUNTED + "echo begun; " + FOREVER))
            await service.printed("a-1", "begun")
            kill_runner(home)
            ended = await service.ended("a-1")
            assert (ended.reason, ended.exit_code, ended.final) == ("lost", None, False)
            assert service.backend.observe(["a-1"]) == {"a-1": Seen.GONE}
            assert (await service.run(world.shell("true", "b-1"))).reason is None
        assert count(world) == 1

    async def test_runner_killed_while_nobody_listened(self, world: World, home: Path) -> None:
        launch = world.shell(FOREVER)
        async with Service(world) as service:
            service.backend.start(launch)
            await service.started("a-1")
        kill_runner(home)
        async with Service(world, launch) as after:
            assert after.backend.observe(["a-1"]) == {"a-1": Seen.GONE}
            assert (await after.run(world.shell("true", "b-1"))).reason is None
        assert not [line for line in sandboxes(home) if "a-1" in line]

    async def test_start_that_a_dying_runner_never_took_goes_to_a_new_one(
        self, world: World, home: Path
    ) -> None:
        async with Service(world) as service:
            await service.run(world.shell("true"))
            os.kill(runner_pid(home), signal.SIGSTOP)
            service.backend.start(world.shell(COUNTED + "exit 7", "b-1"))
            await asyncio.sleep(0.1)
            kill_runner(home)
            assert (await service.ended("b-1")).exit_code == 7
        assert count(world) == 1

    async def test_sandbox_that_cannot_be_made_says_why(self, world: World, home: Path) -> None:
        async with Service(world) as service:
            launch = world.shell("true", devices={"example.com/accelerator": ("/dev/no-such-device",)})
            ended = await service.run(launch)
            assert (ended.reason, ended.final) == ("start_failed", False)
            assert "/dev/no-such-device" in str(ended.message)
            assert (await service.run(world.shell("true", "b-1"))).reason is None

    async def test_devices_are_in_a_sandbox_of_its_own_that_ends_with_the_attempt(
        self, world: World, home: Path
    ) -> None:
        devices = {"example.com/accelerator": ("/dev/full",)}
        async with Service(world) as service:
            service.backend.start(world.shell("[ -c /dev/full ] && sleep 0.3", "with-1", devices=devices))
            service.backend.start(world.shell("true", "without-1"))
            assert (await service.ended("with-1")).reason is None
            assert (await service.ended("without-1")).reason is None
            await eventually(lambda: len(states(home)) == 1, "only the shared runner to stay")


def states(home: Path) -> list[Path]:
    """What is written down of the runners there are."""
    return sorted((home / "run" / "runners").glob("*.json"))


def runner_pid(home: Path) -> int:
    """The first process of the only runner's sandbox."""
    (state,) = states(home)
    return int(json.loads(state.read_text())["process"]["child"])


def kill_runner(home: Path) -> None:
    """SIGKILL to the only runner, as a crash would."""
    os.kill(runner_pid(home), signal.SIGKILL)


def end_runners(settings: Settings) -> None:
    """End the runners that a test left: they outlive their service."""
    runners = Runners(settings, Folders(settings.home))
    for runner in runners.found():
        assert runner.process is not None
        runner.process.stop(0.0)
        runners.remove(runner)


def sandboxes(home: Path) -> list[str]:
    """Command lines of processes that name `home`, as every sandbox's does."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(home) in line:
                found.append(line.decode(errors="replace"))
    return found
