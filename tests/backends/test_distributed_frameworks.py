"""The distributed examples with the frameworks that they are for, two ranks each, on the local backend.

Each runs in whichever environment of `.cache/environments` has its framework, and is left out where none has:
`himalia environments create tensorflow --home .cache` makes one.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from platforms import ENVIRONMENTS, ROOT

from himalia.core.settings import Settings
from himalia.engine.backends.base import Account, Place
from himalia.engine.backends.local.backend import LocalBackend
from himalia.engine.folders import Folders
from himalia.engine.resources import Resources, Spot
from himalia.testing import service_side
from himalia.testing.service_side import Service, World
from himalia.testing.workload_api import WorkloadApi

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
AS_ROOT = os.geteuid() == 0


def environment_with(package: str) -> str:
    """The name of an environment that has a package; skips the test where there is none."""
    for found in sorted(ENVIRONMENTS.glob(f"[a-z]*/lib/python3*/site-packages/{package}")):
        return found.relative_to(ENVIRONMENTS).parts[0]
    pytest.skip(f"no environment here has {package}")


@pytest.fixture
def world() -> Iterator[World]:
    outer = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    outer.chmod(0o711)
    home = outer / "home"
    Folders(home).prepare()
    for environment in ENVIRONMENTS.glob("[a-z]*"):
        (home / "environments" / environment.name).symlink_to(environment)
    settings = Settings(home=home, warm_kernels=0)
    uid, gid = (210_001, 410_001) if AS_ROOT else (None, None)
    project = Place("j1", "digits", gid)
    api = WorkloadApi(home / "s" / "service" / "api.sock")
    made: list[LocalBackend] = []

    def backend() -> LocalBackend:
        made.append(LocalBackend(settings))
        return made[-1]

    yield World(
        backend=backend,
        person=Account("p1", "ada", uid, uid),
        project=project,
        shared=Folders(home).shared(project),
        environment="base",
        log_limit_bytes=settings.log_limit_bytes,
        api=api,
    )
    api.down()
    shutil.rmtree(outer)


@pytest.mark.parametrize(
    ("package", "example", "said"),
    [
        ("xgboost", "xgboost_trees.py", r"rmse (\S+)"),
        ("tensorflow", "tensorflow_workers.py", r"y = (.*)"),
        ("torch", "pytorch_ddp.py", r"y = (.*)"),
    ],
)
async def test_two_ranks_learn_the_same(
    world: World, package: str, example: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_side, "TIMEOUT_S", 240.0)  # TensorFlow alone takes long to be imported
    environment = environment_with(package)
    code = (ROOT / "examples" / "distributed" / example).read_text()
    (world.shared / example).write_text(code)
    launch = world.shell(
        f'cd "$SHARED" && HOME=$TMPDIR python -u {example}',
        "g-1",
        replicas=2,
        others=(Spot("here"),),
        environment=environment,
        limit=Resources.of(1, 3 * 2**30),
        variables={"TMPDIR": "/tmp"},
    )
    async with Service(world) as service:
        service.backend.start(launch)
        ends = [await service.ended("g-1", rank) for rank in (0, 1)]
        logs = [service.log("g-1", rank=rank) for rank in (0, 1)]
        await service.backend.end_all()  # type: ignore[attr-defined]
    assert [end.reason for end in ends] == [None, None], logs
    results = [re.search(rf"rank {rank} of 2: {said}", log) for rank, log in enumerate(logs)]
    assert all(results), logs
    assert results[0][1] == results[1][1]  # type: ignore[index]
