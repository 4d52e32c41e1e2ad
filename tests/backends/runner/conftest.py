from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from runner_harness import Runner, processes_with


@pytest.fixture
def make_runner() -> Iterator[Callable[..., Runner]]:
    """Starts runners; afterwards nothing of theirs may be left."""
    runners: list[Runner] = []

    def make(*options: str) -> Runner:
        runners.append(Runner(*options))
        return runners[-1]

    yield make
    for runner in runners:
        runner.close()
        assert processes_with(f"HIMALIA_RUN_SOCKET={runner.folder}") == []


@pytest.fixture
def runner(make_runner: Callable[..., Runner]) -> Runner:
    return make_runner()
