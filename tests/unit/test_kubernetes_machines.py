"""A cluster's nodes as machines, and the quantities of what they have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from himalia.engine.backends.kubernetes import seen
from himalia.engine.backends.kubernetes.machines import Machines
from himalia.engine.backends.kubernetes.quantities import quantity, requested, resources
from himalia.engine.resources import Resources
from himalia.profiles.constraints import ANYWHERE, Constraints, Taint, Toleration

NODE = json.loads((Path(__file__).parent / "cluster_objects" / "node.json").read_text())
GPU = "nvidia.com/gpu"
ONE_CORE = Resources.of(1, 2**20)


def with_node(**spec: Any) -> Machines:
    """Machines that have seen the node, changed so."""
    machines = Machines()
    machines.node(None, machines.keep({**NODE, "spec": {**NODE["spec"], **spec}}))
    return machines


def foreign(**container: Any) -> seen.Foreign:
    item = {"metadata": {}, "spec": {"nodeName": "himalia-node", "containers": [container]}, "status": {}}
    found = seen.foreign(item)
    assert found is not None
    return found


NUMBERS = {
    "100m": 0.1,
    "250u": 0.00025,
    "2": 2,
    "1Ki": 1024,
    "24632896Ki": 25224085504,
    "1.5Gi": 1610612736,
    "1e3": 1000,
    "5M": 5_000_000,
    "2E": 2e18,
}


@pytest.mark.parametrize(("text", "number"), [*NUMBERS.items(), (3, 3)])
def test_quantities(text: str | int, number: float) -> None:
    assert float(quantity(text)) == number


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1GiB", "x", "--1"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity(text)


def test_node_as_a_machine() -> None:
    (machine,) = with_node().all()
    assert machine.name == "himalia-node"
    assert machine.takes(ONE_CORE, Constraints.of({"kubernetes.io/arch": "amd64"}))
    assert not machine.takes(ONE_CORE, Constraints.of({"kubernetes.io/arch": "arm64"}))
    assert machine.allocatable.cpus_m == 2000
    assert dict(machine.allocatable.devices) == {GPU: 4, "huawei.com/Ascend910": 8}
    assert not machine.devices, "which one a pod gets is the kubelet's affair"


def test_a_node_that_is_cordoned_is_no_machine() -> None:
    assert not with_node(unschedulable=True).all()


@pytest.mark.parametrize(
    ("taint", "taken"),
    [
        ({"key": "x", "effect": "NoSchedule"}, False),
        ({"key": "x", "effect": "PreferNoSchedule"}, True),
        ({"key": "team", "value": "ours", "effect": "NoExecute"}, True),
        ({"key": "team", "value": "theirs", "effect": "NoSchedule"}, False),
    ],
)
def test_whom_a_taint_keeps_away(taint: dict[str, Any], taken: bool) -> None:
    (machine,) = with_node(taints=[taint]).all()
    tolerant = Constraints.of({}, [{"key": "team", "operator": "Equal", "value": "ours"}])
    assert machine.takes(ONE_CORE, tolerant) is taken
    assert machine.takes(ONE_CORE, ANYWHERE) is (taint["effect"] == "PreferNoSchedule")


def test_a_taint_of_a_devices_name_is_for_those_who_do_not_ask_for_it() -> None:
    (machine,) = with_node(taints=[{"key": GPU, "effect": "NoSchedule"}]).all()
    assert machine.takes(Resources.of(1, 1, {GPU: 1}))
    assert not machine.takes(ONE_CORE)


def test_node_that_is_not_ready_has_nothing_to_give() -> None:
    conditions = [{"type": "Ready", "status": "Unknown"}]
    node = {**NODE, "status": {**NODE["status"], "conditions": conditions}}
    assert Machines().keep(node) is None


def test_foreign_pods_come_and_go() -> None:
    machines = with_node()
    one = foreign(resources={"requests": {"cpu": "500m", "memory": "1Gi", GPU: "1"}})
    other = foreign(resources={"requests": {"cpu": "1"}})
    machines.foreign(None, one)
    machines.foreign(None, other)
    assert machines.all()[0].foreign == Resources(1500, 2**30, ((GPU, 1),))
    machines.foreign(other, None)
    machines.foreign(one, other)
    assert machines.all()[0].foreign == Resources(1000, 0)


def test_what_the_scheduler_counts_for_a_pod() -> None:
    spec = {
        "containers": [{"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}, {}],
        "initContainers": [
            {"resources": {"requests": {"memory": "3Gi"}}},
            {"restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
        ],
        "overhead": {"memory": "1Mi"},
    }
    assert requested(spec) == Resources(1100, 3 * 2**30 + 2**20)
    assert resources(
        {"cpu": "1", "ephemeral-storage": "5Gi", "hugepages-2Mi": "0", "pods": "110"}
    ) == Resources(1000)


def test_tolerations() -> None:
    taint = Taint("a", "b", "NoSchedule")
    assert taint.words == "a=b:NoSchedule"
    assert Toleration.of({"operator": "Exists"}).covers(taint)
    assert Toleration.of({"key": "a", "value": "b", "effect": "NoSchedule"}).covers(taint)
    assert not Toleration.of({"key": "a", "value": "c"}).covers(taint)
    assert not Toleration.of({"key": "a", "operator": "Exists", "effect": "NoExecute"}).covers(taint)
    assert not Toleration.of({"value": "b"}).covers(taint)
