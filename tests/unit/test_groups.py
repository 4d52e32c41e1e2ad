"""What a group's ranks tell, and what becomes of the attempt."""

from __future__ import annotations

import pytest

from himalia.engine.backends.base import WHOLE, Ended, Started
from himalia.engine.groups import PEER_FAILED, Group, output_path


def failed(rank: int, message: str | None = None, reason: str = "user_error") -> Ended:
    return Ended("a-1", reason, message, 3, {"cpu_s": 1, "wall_s": 5.0}, rank=rank)


def test_it_runs_when_every_rank_has_started() -> None:
    group = Group(2)
    assert group.start(Started("a-1", 10.0, rank=1))
    assert group.all_started("a-1") is None
    assert group.start(Started("a-1", 8.0, rank=0))
    assert group.all_started("a-1") == Started("a-1", 10.0)
    assert not group.start(Started("a-1", 9.0, rank=0)), "told again"
    assert not group.start(Started("a-1", 9.0, rank=2)), "there is no such rank"


def test_it_succeeds_when_every_rank_has() -> None:
    group = Group(2)
    assert group.end(Ended("a-1", None, exit_code=0, usage={"cpu_s": 1, "wall_s": 2}, rank=1)) == [1]
    assert group.outcome("a-1") is None
    assert not group.is_to_be_stopped
    group.end(Ended("a-1", None, exit_code=0, usage={"cpu_s": 2, "wall_s": 3}, log_bytes=7))
    outcome = group.outcome("a-1")
    assert outcome is not None
    assert (outcome.reason, outcome.exit_code, outcome.log_bytes) == (None, 0, 7)
    assert outcome.usage == {"cpu_s": 3, "wall_s": 3}


def test_the_first_that_fails_decides_and_is_named() -> None:
    group = Group(3)
    group.end(failed(1, "It ended with exit code 3."))
    assert group.is_to_be_stopped
    group.end(failed(0, None, PEER_FAILED))
    group.end(failed(2, "It was killed."))
    outcome = group.outcome("a-1")
    assert outcome is not None
    assert (outcome.reason, outcome.message, outcome.exit_code) == (
        "user_error",
        "Rank 1: It ended with exit code 3.",
        3,
    )
    assert not group.is_to_be_stopped


def test_who_was_stopped_for_another_never_decides() -> None:
    group = Group(2)
    group.end(failed(0, None, PEER_FAILED))  # of a service that was killed before it stored why
    group.end(failed(1, "It ran out of memory.", "out_of_memory"))
    outcome = group.outcome("a-1")
    assert outcome is not None
    assert (outcome.reason, outcome.message) == ("out_of_memory", "Rank 1: It ran out of memory.")


def test_what_ends_all_ranks_names_none() -> None:
    group = Group(2)
    group.end(Ended("a-1", None, rank=0))
    assert group.end(Ended("a-1", "lost", final=False, rank=WHOLE)) == [1]
    outcome = group.outcome("a-1")
    assert outcome is not None
    assert (outcome.reason, outcome.message, outcome.final) == (
        "lost",
        "Its process was gone without a word.",
        False,
    )


@pytest.mark.parametrize("reason", ["stopped_by_user", "platform_stopped"])
def test_a_stop_is_of_all(reason: str) -> None:
    group = Group(2)
    for rank in (1, 0):
        group.end(failed(rank, "It was stopped.", reason))
    outcome = group.outcome("a-1")
    assert outcome is not None
    assert (outcome.reason, outcome.message) == (reason, "It was stopped.")


def test_what_ranks_left_stays_apart() -> None:
    assert [output_path(rank, "outputs/model.pt") for rank in (0, 2)] == [
        "outputs/model.pt",
        "rank-2/outputs/model.pt",
    ]
