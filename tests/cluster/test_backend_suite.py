"""The Kubernetes backend: the common suite in real pods."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from machinery.cluster import Cluster
from worlds import Place, a_place, a_world

from himalia.testing.backends import BackendSuite
from himalia.testing.groups import GroupSuite
from himalia.testing.service_side import World


@pytest.fixture(scope="module")
def place(cluster: Cluster, namespace: str) -> Iterator[Place]:
    with a_place(cluster, namespace) as place:
        yield place


@pytest.fixture
def world(place: Place) -> Iterator[World]:
    with a_world(place) as world:
        yield world


class TestKubernetesBackend(BackendSuite):
    @pytest.fixture
    def world(self, world: World) -> World:
        return world


class TestKubernetesGroups(GroupSuite):
    @pytest.fixture
    def world(self, world: World) -> World:
        return world
