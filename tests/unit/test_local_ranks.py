"""What a runner of this machine is told of a group's ranks, and what it may say of them."""

from __future__ import annotations

from pathlib import Path

from himalia.engine.backends.base import Account, Launch, Place
from himalia.engine.backends.local.members import Members
from himalia.engine.backends.local.runner import Runner, RunnerKey
from himalia.engine.backends.local.tasks import all_devices, task
from himalia.engine.resources import Resources, Spot

GPU = "nvidia.com/gpu"
RUNNER = Runner(
    RunnerKey("p", "j", "base"), Account("p", "ada", None, None), Place("j", "digits", None), (), Path(), ""
)


def launch(*devices: tuple[str, ...]) -> Launch:
    first, *others = ({GPU: given} for given in devices)
    return Launch(
        name="abc-1",
        workload="abc",
        attempt=1,
        kind="job",
        person=RUNNER.account,
        project=RUNNER.project,
        environment="base",
        overlay=None,
        task={"kind": "command", "command": ["true"]},
        limit=Resources.of(1, 2**30),
        devices=first,
        time_limit_s=None,
        variables={"MINE": "1"},
        secrets={},
        token="",
        replicas=len(devices),
        others=tuple(Spot("here", given) for given in others),
    )


def test_each_rank_sees_its_own_devices_by_their_place_among_all() -> None:
    group = launch(("/dev/nvidia10", "/dev/nvidia2"), ("/dev/nvidia0", "/dev/nvidia3"))
    assert all_devices(group) == {GPU: ("/dev/nvidia0", "/dev/nvidia2", "/dev/nvidia3", "/dev/nvidia10")}
    first, second = (task(group, RUNNER, Path("/env"), 1, rank) for rank in (0, 1))
    assert first["environment"]["CUDA_VISIBLE_DEVICES"] == "3,1"
    assert second["environment"]["CUDA_VISIBLE_DEVICES"] == "0,2"
    assert (second["directory"], second["rank"], second["hosts"]) == ("/job/abc-1-1", 1, ["127.0.0.1"] * 2)
    assert second["environment"]["GLOO_SOCKET_IFNAME"] == "lo"


def test_one_that_is_no_group_is_told_nothing_of_it() -> None:
    alone = task(launch(("/dev/nvidia0",)), RUNNER, Path("/env"), 1)
    assert alone["directory"] == "/job/abc-1"
    assert not {"rank", "hosts"} & alone.keys()
    assert "CUDA_VISIBLE_DEVICES" not in alone["environment"]


def test_a_group_is_over_with_its_last_rank() -> None:
    members = Members()
    members.add("abc-1", 3, ended={1})
    members.add("abc-1", 3, ended={1})
    members.add("xyz-2")
    assert members.names("abc-1") == ["abc-1-0", "abc-1-2"]
    assert members.names("xyz-2") == ["xyz-2"]
    assert members.whose("abc-1-2") == ("abc-1", 2)
    assert members.whose("abc-1") is None, "a runner speaks of its ranks alone"
    assert members.remove("abc-1-0") is None
    assert members.remove("abc-1-0") is None
    assert members.remove("abc-1-2") == "abc-1"
    assert set(members.attempts) == {"xyz-2"}
