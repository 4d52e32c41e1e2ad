"""What every backend must do with attempts of several ranks; used as `himalia.testing.backends` is."""

from __future__ import annotations

import asyncio
import json

import pytest

from himalia.engine.backends.base import Ended, Launch, Seen
from himalia.engine.groups import PEER_FAILED
from himalia.engine.resources import Spot
from himalia.testing.service_side import Service, World

FOREVER = "sleep 3600"
MEET = """
import os, socket
here, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
there = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if here == 0:
    with socket.create_server(("", there[1])) as server:
        met = sorted(server.accept()[0].makefile().readline().strip() for _ in range(size - 1))
    print("met", *met)
else:
    for tries in range(400):
        try:
            line = socket.create_connection(there)
            break
        except OSError:
            __import__("time").sleep(0.05)
    line.sendall(f"{here}\\n".encode())
    print("greeted", os.environ["MASTER_ADDR"])
"""
"""Ranks that find each other by torchrun's variables: rank 0 prints whom it met."""


def group(world: World, script: str, name: str = "g-1", replicas: int = 2) -> Launch:
    """A launch of several ranks that each run a script of the shell."""
    return world.shell(script, name, replicas=replicas, others=(Spot("here"),) * (replicas - 1))


@pytest.mark.asyncio
class GroupSuite:
    """Tests of groups; `world` must be new for each test."""

    @pytest.fixture
    def world(self) -> World:
        """Where the backend under test starts workloads."""
        raise NotImplementedError("Override the fixture “world” with one of the implementation to check.")

    async def test_ranks_meet(self, world: World) -> None:
        launch = world.python(MEET, "g-1", replicas=3, others=(Spot("here"),) * 2)
        async with Service(world) as service:
            service.backend.start(launch)
            ends = [await service.ended("g-1", rank) for rank in range(3)]
        assert [end.reason for end in ends] == [None, None, None], service.reports
        assert service.log("g-1").strip() == "met 1 2"
        assert service.log("g-1", rank=2).startswith("greeted")

    async def test_each_rank_is_told_where_tensorflow_finds_all(self, world: World) -> None:
        async with Service(world) as service:
            service.backend.start(group(world, 'echo "$TF_CONFIG"'))
            for rank in (0, 1):
                await service.ended("g-1", rank)
        first, second = (json.loads(service.log("g-1", rank=rank)) for rank in (0, 1))
        assert first["cluster"] == second["cluster"]
        assert len(set(first["cluster"]["worker"])) == 2
        assert [one["task"]["index"] for one in (first, second)] == [0, 1]

    async def test_each_rank_ends_by_itself(self, world: World) -> None:
        script = f'[ "$RANK" = 1 ] && exit 3; {FOREVER}'
        async with Service(world) as service:
            service.backend.start(group(world, script))
            ended = await service.ended("g-1", 1)
            assert (ended.exit_code, ended.reason) == (3, "user_error")
            assert service.of(Ended, "g-1", 0) == [], (
                "what that means for the others is not the backend's affair"
            )
            assert service.backend.observe(["g-1"]) == {"g-1": Seen.RUNNING}
            service.backend.stop("g-1", 5.0, PEER_FAILED)
            assert (await service.ended("g-1", 0)).reason == PEER_FAILED
            assert len(service.of(Ended, "g-1", 1)) == 1, "it had ended already"

    async def test_a_stop_is_for_all(self, world: World) -> None:
        async with Service(world) as service:
            service.backend.start(group(world, "echo up; " + FOREVER))
            for rank in (0, 1):
                await service.printed("g-1", "up", rank)
            service.backend.stop("g-1", 5.0, "stopped_by_user")
            ends = [await service.ended("g-1", rank) for rank in (0, 1)]
        assert [end.reason for end in ends] == ["stopped_by_user"] * 2

    async def test_metrics_and_outputs_are_each_ranks(self, world: World) -> None:
        code = (
            "import himalia.run as run, os, pathlib; rank = int(os.environ['HIMALIA_RANK']); "
            "run.log('loss', rank + 0.5); pathlib.Path('outputs').mkdir(); "
            "pathlib.Path('outputs/part').write_text(str(rank))"
        )
        async with Service(world) as service:
            service.backend.start(world.python(code, "g-1", replicas=2, others=(Spot("here"),)))
            ends = [await service.ended("g-1", rank) for rank in (0, 1)]
            values = [(await service.measured("g-1", rank)).items[0][2] for rank in (0, 1)]
        assert values == [0.5, 1.5]
        assert [[output["path"] for output in end.outputs] for end in ends] == [["outputs/part"]] * 2
        assert ends[0].outputs[0]["digest"] != ends[1].outputs[0]["digest"]

    async def test_a_group_outlives_a_service(self, world: World) -> None:
        launch = group(world, 'echo up; while ! [ -e "$SHARED/go" ]; do sleep 0.05; done')
        async with Service(world) as service:
            service.backend.start(launch)
            for rank in (0, 1):
                await service.printed("g-1", "up", rank)
        async with Service(world, launch) as after:
            assert after.backend.observe(["g-1"])["g-1"] != Seen.GONE
            after.backend.start(launch)
            await asyncio.to_thread((world.shared / "go").write_text, "")
            ends = [await after.ended("g-1", rank) for rank in (0, 1)]
        assert [end.reason for end in ends] == [None, None]
