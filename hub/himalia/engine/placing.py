"""What backends tell of where ranks are, on the board and in the news that are stored."""

from __future__ import annotations

from collections.abc import Sequence

from himalia.engine import queue
from himalia.engine.backends.base import Placed, Started
from himalia.engine.board import Active, Board
from himalia.engine.news import News
from himalia.engine.resources import Machine, Spot
from himalia.engine.states import HOLDING


def placed(board: Board, machines: Sequence[Machine], item: Active, told: Placed, news: News) -> None:
    """Count a rank where it is: the backend put it on another machine than the queue chose."""
    machine = next((one for one in machines if one.name == told.machine), None)
    if machine is None or item.state not in HOLDING or told.rank >= item.replicas:
        return
    if item.spots[told.rank].machine != told.machine:
        _move(board, item, told.rank, queue.spot_on(machine, item.reserve, board.held), news)


def given(board: Board, machines: Sequence[Machine], item: Active, told: Started, news: News) -> None:
    """Note the names of the devices that a rank was given by somebody else than the queue.

    What the queue gave by name is not a runner's to change: its code might give itself somebody else's.
    """
    if not told.devices or item.state not in HOLDING or told.rank >= item.replicas:
        return
    spot = item.spots[told.rank]
    by_queue = {name for one in machines if one.name == spot.machine for name in one.devices}
    asked = {name for name, _ in item.reserve.devices} - by_queue
    devices = {**spot.devices, **{name: got for name, got in told.devices.items() if name in asked}}
    if devices != spot.devices:
        _move(board, item, told.rank, Spot(spot.machine, devices), news)


def take_back(board: Board, news: News) -> None:
    """Places as they were before news that could not be stored: they are told again."""
    for item, rank, before in reversed(news.moved):
        if item.state in HOLDING and rank < len(item.spots):
            board.place_rank(item, rank, before)


def _move(board: Board, item: Active, rank: int, spot: Spot, news: News) -> None:
    news.moved.append((item, rank, item.spots[rank]))
    board.place_rank(item, rank, spot)
