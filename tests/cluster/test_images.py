"""The images for notebooks and jobs, each in a pod that keeps to the restricted security standard.

Those of frameworks are large: each is removed from the node before the next comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from machinery import images
from machinery.cluster import Cluster
from machinery.images import CHECKOUT
from machinery.waiting import until
from worlds import Place

from himalia.engine.resources import Resources, Spot
from himalia.testing import service_side
from himalia.testing.service_side import Service, World

pytestmark = pytest.mark.full
CHECKS = (Path(__file__).parent / "image_checks.py").read_text()
FRAMEWORKS = ("pytorch-cpu", "tensorflow", "paddlepaddle")
EXAMPLES = {
    "scikit-learn": ("xgboost_trees.py", r"rmse (\S+)"),
    "tensorflow": ("tensorflow_workers.py", r"y = (.*)"),
    "pytorch-cpu": ("pytorch_ddp.py", r"y = (.*)"),
}
"""What two workers of a distributed job run, and what both must say the same."""


def restricted(command: list[str], image: str) -> dict[str, object]:
    """A pod's specification as user pods have it."""
    security = {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "main", "image": image, "args": command, "securityContext": security}
    return {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}


def of_images(names: Iterable[str]) -> pytest.MarkDecorator:
    """Run a test with each of these; what is large takes its time."""
    large = pytest.mark.timeout(1500)
    params = [pytest.param(name, marks=large if name in FRAMEWORKS else ()) for name in names]
    return pytest.mark.parametrize("environment", params, indirect=True, scope="module")


@pytest.fixture(scope="module")
def environment(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[str]:
    """An environment whose image the node has."""
    name: str = request.param
    built = images.build(name)
    cluster.load([built])
    yield name
    if name in FRAMEWORKS:
        cluster.unload(built)


@of_images(["base", "scikit-learn", "vscode", *FRAMEWORKS])
def test_image_can_do_what_it_is_for(environment: str, place: Place) -> None:
    image = f"localhost/himalia-{environment}:test"
    spec = restricted(["python3", "-c", CHECKS], image)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": environment}, "spec": spec}
    place.cluster.apply(pod, namespace=place.namespace)

    def phase() -> str:
        found = place.cluster.get("pod", environment, place.namespace)
        assert found is not None
        said: str = found["status"].get("phase", "")
        return said if said in ("Succeeded", "Failed") else ""

    try:
        ended = until(phase, f"the checks in {image}", within_s=300)
        log = place.kubectl("logs", environment)
        assert ended == "Succeeded", log
        assert log.rstrip().endswith("All is well."), log
    finally:
        place.kubectl("delete", "pod", environment, "--grace-period=1")


@of_images(EXAMPLES)
async def test_two_workers_learn_the_same(
    environment: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_side, "TIMEOUT_S", 240.0)  # TensorFlow alone takes long to be imported
    example, said = EXAMPLES[environment]
    (world.shared / example).write_text((CHECKOUT / "examples/distributed" / example).read_text())
    launch = world.shell(
        f'cd /tmp && cp "$SHARED/{example}" . && HOME=/tmp python -u {example}',
        "g-1",
        replicas=2,
        others=(Spot("here"),),
        environment=environment,
        limit=Resources.of(1, 3 * 2**30),
    )
    async with Service(world) as service:
        service.backend.start(launch)
        ends = [await service.ended("g-1", rank) for rank in (0, 1)]
        logs = [service.log("g-1", rank=rank) for rank in (0, 1)]
    assert [(end.reason, end.message) for end in ends] == [(None, None)] * 2, logs
    results = [re.search(rf"rank {rank} of 2: {said}", log) for rank, log in enumerate(logs)]
    assert all(results), logs
    assert results[0][1] == results[1][1]  # type: ignore[index]
