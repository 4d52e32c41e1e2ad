"""What each rank of a distributed job finds in its environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from himalia.runner import ranks
from himalia.runner.prepare import environment
from himalia.runner.task import BadTask, Task

HOSTS = ["abc-1-0.abc-1", "abc-1-1.abc-1"]


def task(**changes: object) -> Task:
    return Task.parse({"kind": "command", "directory": "/job/a", "command": ["true"], **changes})


def test_torchrun_mindspore_and_mpi_find_their_place() -> None:
    first, second = (ranks.variables(HOSTS, rank) for rank in (0, 1))
    assert first["MASTER_ADDR"] == second["MASTER_ADDR"] == HOSTS[0]
    assert (first["RANK"], second["RANK"]) == ("0", "1")
    assert second["WORLD_SIZE"] == second["PET_NNODES"] == second["MS_WORKER_NUM"] == "2"
    assert second["OMPI_COMM_WORLD_RANK"] == second["PET_NODE_RANK"] == second["MS_NODE_ID"] == "1"
    assert first["MASTER_PORT"] == second["MASTER_PORT"] != first["MS_SCHED_PORT"]


def test_tensorflow_finds_all_workers_at_addresses_of_their_own() -> None:
    config = json.loads(ranks.variables(["127.0.0.1"] * 3, 2)["TF_CONFIG"])
    assert config["task"] == {"type": "worker", "index": 2}
    workers = config["cluster"]["worker"]
    assert len(set(workers)) == 3
    assert all(worker.startswith("127.0.0.1:") for worker in workers)


def test_only_a_group_is_told_of_ranks(tmp_path: Path) -> None:
    socket = str(tmp_path / "run.sock")
    alone = environment(task(), "a-1", socket, "", "")
    assert "RANK" not in alone
    assert alone["HIMALIA_RUN_NAME"] == "a-1"
    of_two = task(hosts=HOSTS, rank=1, environment={"MASTER_PORT": "1234"})
    told = environment(of_two, "a-1-1", socket, "", "")
    assert (told["HIMALIA_RANK"], told["HIMALIA_REPLICAS"]) == ("1", "2")
    assert told["MASTER_PORT"] == "1234", "what the job itself sets wins"
    assert Path(told["HIMALIA_HOSTFILE"]).read_text().split() == HOSTS


@pytest.mark.parametrize(("hosts", "rank"), [(HOSTS, 2), (HOSTS, -1), ([], 1)])
def test_a_rank_that_is_not_there_is_refused(hosts: list[str], rank: int) -> None:
    with pytest.raises(BadTask, match="rank"):
        task(hosts=hosts, rank=rank)


def test_a_rank_is_a_whole_number() -> None:
    with pytest.raises(BadTask, match="wrong type"):
        task(hosts=HOSTS, rank=0.5)
