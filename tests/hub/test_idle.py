"""Servers that nobody uses end; those that compute do not. Runs last: Lab looks once a minute."""

from __future__ import annotations

import os

import pytest
from hub_platform import Lab, Platform, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a root hub gives each person a UID")


def test_idle_servers_end_and_busy_ones_do_not(short_lived: Platform, servers: dict[str, Lab]) -> None:
    until(lambda: short_lived.server("ada") is None, "the idle server ends", 100)
    kernels = servers["bob"].call("GET", "/api/kernels").json()
    assert [kernel["execution_state"] for kernel in kernels] == ["busy"]
    assert len(short_lived.reservations.taken) == 1
