"""A job that starts processes without end harms nobody else, and ends at its time limit."""

from __future__ import annotations

import os
import time

import pytest
from platforms import Person

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only a root platform gives people user IDs of their own"
)


@needs_root
def test_a_fork_bomb_harms_nobody_else(ada: Person, bob: Person) -> None:
    bomb = ada.submit("sh", "-c", "f() { f | f & }; f; sleep 100", time_limit_s=4)["name"]
    deadline = time.monotonic() + 30
    while "fork" not in ada.text(bomb):
        assert time.monotonic() < deadline, "it could go on without end"
        time.sleep(0.1)
    status = bob.ended(bob.submit("true")["name"])["status"]
    assert status["state"] == "SUCCEEDED", status
    status = ada.ended(bomb)["status"]
    assert (status["state"], status["reason"]) == ("FAILED", "time_limit"), status
    status = ada.ended(ada.submit("true")["name"])["status"]
    assert status["state"] == "SUCCEEDED", "nothing of it was left"
