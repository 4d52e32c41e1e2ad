"""The Kubernetes backend: the common suite in real pods."""

from __future__ import annotations

import pytest

from himalia.testing.backends import BackendSuite
from himalia.testing.groups import GroupSuite
from himalia.testing.service_side import World


class TestKubernetesBackend(BackendSuite):
    @pytest.fixture
    def world(self, world: World) -> World:
        return world


class TestKubernetesGroups(GroupSuite):
    @pytest.fixture
    def world(self, world: World) -> World:
        return world
