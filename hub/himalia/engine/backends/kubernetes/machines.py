"""The cluster's nodes as machines, and what pods that are not ours take of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from himalia.engine.backends.kubernetes.client import Object
from himalia.engine.backends.kubernetes.quantities import resources
from himalia.engine.backends.kubernetes.seen import Foreign
from himalia.engine.resources import Machine, Resources
from himalia.profiles.constraints import Taint


@dataclass(frozen=True, slots=True)
class Node:
    """A node that workloads may be put on."""

    name: str
    allocatable: Resources
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]


class Machines:
    """What is known of nodes and of foreign use; kept up to date by the watches of nodes and pods."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._foreign: dict[str, Resources] = {}
        self._made: list[Machine] | None = None

    def keep(self, item: Object) -> Node | None:
        """The record of a node, or None for one that no workload would get."""
        spec, status = item.get("spec", {}), item.get("status", {})
        ready = {one["type"]: one["status"] for one in status.get("conditions", ())}.get("Ready") == "True"
        if spec.get("unschedulable") or not ready:
            return None
        taints = [Taint(one["key"], one.get("value", ""), one["effect"]) for one in spec.get("taints", ())]
        return Node(
            name=item["metadata"]["name"],
            allocatable=resources(status.get("allocatable", {})),
            labels=item["metadata"].get("labels", {}),
            taints=tuple(one for one in taints if one.effect != "PreferNoSchedule"),
        )

    def node(self, before: Node | None, now: Node | None) -> None:
        """A node has come, changed or gone."""
        self._made = None
        if before is not None:
            self._nodes.pop(before.name, None)
        if now is not None:
            self._nodes[now.name] = now

    def foreign(self, before: Foreign | None, now: Foreign | None) -> None:
        """A pod that is not ours has come, changed or gone."""
        self._made = None
        for pod, sign in ((before, -1), (now, 1)):
            if pod is not None:
                held = self._foreign.get(pod.node, Resources())
                self._foreign[pod.node] = held.plus(pod.requests, sign)

    def all(self) -> list[Machine]:
        """The machines, as the queue counts them."""
        if self._made is None:
            self._made = [self._machine(node) for node in self._nodes.values()]
        return self._made

    def _machine(self, node: Node) -> Machine:
        foreign = self._foreign.get(node.name, Resources())
        taken = tuple((name, count) for name, count in foreign.devices if count)
        others = Resources(foreign.cpus_m, foreign.memory_bytes, taken)
        return Machine(node.name, node.allocatable, foreign=others, labels=node.labels, taints=node.taints)
