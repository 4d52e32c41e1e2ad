"""The runner of a pod behind the suite of all backends: sandboxes in place of pods, and the real HTTP between."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pods_as_processes import ProcessPods

from himalia.core.settings import Settings
from himalia.engine.backends.base import Account, Place
from himalia.engine.backends.local.process import SandboxProcess
from himalia.engine.folders import Folders
from himalia.testing.backends import BackendSuite
from himalia.testing.service_side import Service, World
from himalia.testing.workload_api import WorkloadApi

ROOT = os.geteuid() == 0


class TestPodsAsProcesses(BackendSuite):
    @pytest.fixture
    def world(self, environments: Path) -> Iterator[World]:
        outer = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
        outer.chmod(0o711)
        folders = Folders(outer / "home")
        folders.prepare()
        (folders.home / "environments" / "base").symlink_to(environments / "base")
        api = WorkloadApi("127.0.0.1")
        settings = Settings(home=folders.home, log_limit_bytes=2**21, service_url=api.url)
        project = Place("j1", "digits", 410_001 if ROOT else None)
        yield World(
            backend=lambda: ProcessPods(settings),
            person=Account("p1", "ada", 210_001 if ROOT else None, 210_001 if ROOT else None),
            project=project,
            shared=folders.shared(project),
            environment="base",
            log_limit_bytes=settings.log_limit_bytes,
            api=api,
            many=20,
        )
        end_pods(folders.home)
        api.down()
        shutil.rmtree(outer)

    async def test_a_runner_keeps_its_memory_and_its_variables_to_itself(self, world: World) -> None:
        """Same user, other process. What cannot be hidden is the launch file: the token is all it has of others."""
        code = """
import os
for place in (f"/proc/{pid}/{file}" for pid in os.listdir("/proc") if pid.isdigit() for file in ("mem", "environ")):
    try:
        open(place, "rb").read(1)
    except OSError:
        continue
    print(open(place.rpartition("/")[0] + "/cmdline").read().replace(chr(0), " "))
"""
        async with Service(world) as service:
            ended = await service.run(world.python(code, secrets={"PASSWORD": "hunter2-very-secret"}))
        assert ended.reason is None
        assert "himalia.runner" not in service.log("a-1")


def end_pods(home: Path) -> None:
    """End what a test has left running."""
    for state in (home / "pods").glob("*/*/state.json"):
        SandboxProcess.from_state(json.loads(state.read_text())).stop(0.0)
