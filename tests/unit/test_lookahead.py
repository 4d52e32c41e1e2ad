"""Who goes ahead to a runner, behind whom; and that a place is never held twice."""

from __future__ import annotations

from datetime import timedelta

from himalia.core import clock
from himalia.engine.board import Active, Board
from himalia.engine.lookahead import DEEPEST, RECALL_S, Lookahead
from himalia.engine.resources import Machine, Resources
from himalia.engine.states import State

ONE_CORE = Resources.of(1, 2**30)
TWO_CORES = Resources.of(2, 2**30)
MACHINE = Machine("here", Resources.of(2, 8 * 2**30), {})


def workload(
    number: int,
    state: State = State.QUEUED,
    person: str = "ada",
    reserve: Resources = ONE_CORE,
    secrets: tuple[str, ...] = (),
) -> Active:
    now = clock.now()
    return Active(
        id=f"w{number}",
        kind="job",
        name=f"w{number}",
        project_id="p",
        person_id=person,
        spec={"reserve": reserve.as_json(), "secrets": secrets, "max_restarts": 3, "retries": 0},
        needs_id=None,
        priority=0,
        number=number,
        state=state,
        attempt=0 if state == State.QUEUED else 1,
        restarts=0,
        tries=0,
        created_at=now,
        queued_at=now,
        machine=None if state == State.QUEUED else "here",
    )


def board_of(*items: Active) -> Board:
    board = Board()
    for item in items:
        board.put(item)
    return board


def taught(board: Board, seconds: float = 0.002) -> Lookahead:
    """A lookahead that has seen Ada's workloads take so long."""
    lookahead = Lookahead(board, lambda item: None if item.person_id == "nobody" else item.person_id)
    lookahead.ran(workload(0), seconds)
    return lookahead


def go_ahead(board: Board, lookahead: Lookahead) -> list[tuple[str, str]]:
    chosen = lookahead.choose()
    for item, leader in chosen:
        board.follow(item, leader)
        item.attempt += 1
        board.move(item, State.STARTING)
    return [(item.id, leader.id) for item, leader in chosen]


def test_short_ones_go_ahead_by_turns() -> None:
    board = board_of(workload(1, State.RUNNING), workload(2, State.STARTING), *map(workload, range(3, 8)))
    assert go_ahead(board, taught(board)) == [
        ("w3", "w1"),
        ("w4", "w2"),
        ("w5", "w3"),
        ("w6", "w4"),
        ("w7", "w5"),
    ]
    assert set(board.held.workloads) == {"w1", "w2"}


def test_no_more_than_some_go_ahead_and_more_when_half_of_them_are_done() -> None:
    board = board_of(workload(1, State.RUNNING), *map(workload, range(2, 200)))
    lookahead = taught(board)
    assert len(go_ahead(board, lookahead)) == DEEPEST
    board.remove("w1")
    assert go_ahead(board, lookahead) == []
    for number in range(2, 2 + DEEPEST // 2):
        board.remove(f"w{number}")
    assert len(go_ahead(board, lookahead)) == DEEPEST // 2 + 1


def test_what_nothing_is_known_of_or_was_long_stays_in_the_queue() -> None:
    board = board_of(workload(1, State.RUNNING), workload(2))
    unknown = Lookahead(board, lambda item: item.person_id)
    assert unknown.choose() == []
    assert taught(board, 0.5).choose() == []
    lookahead = taught(board)
    lookahead.ran(workload(0), 60)
    assert lookahead.choose() == []
    for _ in range(30):
        lookahead.ran(workload(0), 0.002)
    assert len(lookahead.choose()) == 1


def test_nobody_goes_behind_one_that_runs_for_long_or_is_being_stopped() -> None:
    for state in (State.RUNNING, State.STOPPING):
        first = workload(1, state)
        first.started_at = clock.now() - timedelta(seconds=5 if state == State.RUNNING else 0)
        board = board_of(first, workload(2))
        assert taught(board).choose() == []


def test_nobody_goes_behind_a_notebook_server() -> None:
    server = workload(1, State.RUNNING)
    server.kind = "server"
    assert taught(board_of(server, workload(2))).choose() == []


def test_only_the_head_of_the_queue_goes_ahead() -> None:
    for other in (
        workload(2, person="bob"),
        workload(2, person="nobody"),
        workload(2, reserve=TWO_CORES),
        workload(2, secrets=("token",)),
    ):
        board = board_of(workload(1, State.RUNNING), other, workload(3))
        assert taught(board).choose() == []


def test_who_is_behind_takes_the_place_of_the_one_that_ended() -> None:
    board = board_of(workload(1, State.RUNNING), *map(workload, range(2, 5)))
    go_ahead(board, taught(board))
    board.release("w1")
    assert list(board.held.workloads) == ["w2"]
    board.remove("w1")
    board.remove("w2")
    assert list(board.held.workloads) == ["w3"]
    assert board.held.of("w3")[0].reserve == ONE_CORE


def test_who_leaves_the_row_is_followed_by_the_next() -> None:
    board = board_of(workload(1, State.RUNNING), *map(workload, range(2, 6)))
    go_ahead(board, taught(board))
    board.move(board.active["w3"], State.QUEUED)
    board.remove("w5")
    assert [item.id for item in board.followers()] == ["w2", "w4"]
    assert list(board.held.workloads) == ["w1"]
    board.remove("w1")
    board.remove("w2")
    assert list(board.held.workloads) == ["w4"]
    assert [item.id for item in board.queued()] == ["w3"]


def test_those_that_wait_too_long_are_recalled_until_they_are_back() -> None:
    board = board_of(workload(1, State.RUNNING), workload(2), workload(3))
    lookahead = taught(board)
    go_ahead(board, lookahead)
    now = clock.monotonic()
    assert lookahead.overdue(now) == []
    assert [item.id for item in lookahead.overdue(now + RECALL_S + 1)] == ["w2", "w3"]
    assert lookahead.overdue(now + RECALL_S + 1) == []
    assert len(lookahead.overdue(now + 2 * RECALL_S + 2)) == 2, "the runner may not have known them"
    board.move(board.active["w3"], State.QUEUED)
    assert lookahead.choose() == [], "behind a long one they would be recalled again and again"


def test_after_a_restart_only_those_that_fit_hold_places() -> None:
    board = board_of(workload(1, State.RUNNING), *(workload(n, State.STARTING) for n in range(2, 7)))
    lookahead = taught(board)
    lookahead.line_up([MACHINE])
    assert set(board.held.workloads) == {"w1", "w2"}
    assert len(board.followers()) == 4
    assert len(lookahead.overdue(clock.monotonic() + RECALL_S + 1)) == 4, "what runs there may be long"
    other = board_of(*(workload(n, State.STARTING, person="nobody") for n in range(1, 4)))
    taught(other).line_up([MACHINE])
    assert len(other.held.workloads) == 3, "those of no lane cannot wait behind each other"
