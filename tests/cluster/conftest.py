"""What tests on a real cluster share. They need root; `make test-cluster` runs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1] / "hub"))

from machinery import images
from machinery.cluster import Cluster
from machinery.release import Release
from platforms import Person
from worlds import Place, a_place, a_world

from himalia.testing.service_side import World

TIMEOUT_S = 600
"""For a test and the fixtures before it: bringing an image into a node can take a minute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only tests of this folder: pytest calls this with all that were collected."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster of one node with four GPUs and eight NPUs; nothing of it is left behind."""
    if os.geteuid():
        pytest.fail("A cluster needs root.", pytrace=False)
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def namespace(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[str]:
    """A namespace of the module's own, which admits only pods that keep to the restricted security standard."""
    name = request.module.__name__.removeprefix("test_").replace("_", "-")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    yield name
    cluster.kubectl("delete", "namespace", name, "--timeout=60s", timeout_s=70)


@pytest.fixture(scope="session")
def platform_images(cluster: Cluster) -> str:
    """The tag under which the first node has the images that the chart needs: ``localhost/himalia-<name>:<tag>``."""
    cluster.load(images.build(name) for name in images.CORE)
    return "test"


@pytest.fixture(scope="module")
def release(cluster: Cluster, platform_images: str) -> Iterator[Release]:
    """The platform that modules share, with this checkout's images; what they started on it ends with them."""
    release = Release.on(cluster, platform_images)
    release.install()
    yield release
    release.kubectl("delete", "jobs,pods", "-l", "himalia/role", "--grace-period=1")


@pytest.fixture
def ivy(release: Release) -> Iterator[Person]:
    """Somebody on the platform that the module has."""
    release.add_user("ivy")
    person = Person(release, "ivy")
    yield person
    person.close()


@pytest.fixture(scope="module")
def place(cluster: Cluster, namespace: str) -> Iterator[Place]:
    """The module's namespace as a service of this process uses it, whose backend reaches the cluster meanwhile."""
    with a_place(cluster, namespace) as place:
        yield place


@pytest.fixture
def world(place: Place) -> Iterator[World]:
    """A service's world in that place; nothing of it is left behind."""
    with a_world(place) as world:
        yield world
