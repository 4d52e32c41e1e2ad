"""Who may reach whom: Kubernetes' NetworkPolicy evaluated from its specification, from one pod to another.

The test cluster's network plug-in enforces none, so tests ask here what an enforcing one would do with the policies
that are installed. Where the specification leaves something to plug-ins, the more open reading counts: a block of
addresses matches pods, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """A pod, or, without a namespace, an address somewhere else."""

    ip: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, pod: Rule) -> Peer:
        """A pod as the API tells it."""
        meta, containers = pod["metadata"], pod["spec"]["containers"]
        named = [port for one in containers for port in one.get("ports", ()) if "name" in port]
        ports = {port["name"]: port["containerPort"] for port in named}
        return cls(pod["status"].get("podIP", "0.0.0.0"), meta["namespace"], meta.get("labels", {}), ports)


@dataclass(frozen=True)
class Policies:
    """All policies of a cluster, and its namespaces' labels."""

    policies: Sequence[Rule]
    namespaces: Mapping[str, Mapping[str, str]]

    def allow(self, source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
        """Whether a connection is let out of `source` and into `target`."""
        return self._passes("Egress", source, target, target, port, protocol) and self._passes(
            "Ingress", target, source, target, port, protocol
        )

    def _passes(
        self, direction: str, here: Peer, other: Peer, target: Peer, port: int, protocol: str
    ) -> bool:
        specs = [
            one["spec"]
            for one in self.policies
            if one["metadata"]["namespace"] == here.namespace
            and matches(one["spec"]["podSelector"], here.labels)
            and direction in _types(one["spec"])
        ]
        if not specs:
            return True
        peers = "to" if direction == "Egress" else "from"
        return any(
            self._among(rule.get(peers), here, other) and _port(rule.get("ports"), target, port, protocol)
            for spec in specs
            for rule in spec.get(direction.lower()) or ()
        )

    def _among(self, peers: Iterable[Rule] | None, here: Peer, other: Peer) -> bool:
        return not peers or any(self._is(peer, here, other) for peer in peers)

    def _is(self, peer: Rule, here: Peer, other: Peer) -> bool:
        if "ipBlock" in peer:
            block, address = peer["ipBlock"], ip_address(other.ip)
            inside = address in ip_network(block["cidr"])
            return inside and not any(address in ip_network(one) for one in block.get("except", ()))
        if other.namespace is None:
            return False
        if "namespaceSelector" in peer:
            there = matches(peer["namespaceSelector"], self.namespaces[other.namespace])
        else:
            there = other.namespace == here.namespace
        return there and matches(peer.get("podSelector", {}), other.labels)


def matches(selector: Rule, labels: Mapping[str, str]) -> bool:
    """A label selector; an empty one selects everything."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or ())


def _holds(expression: Rule, labels: Mapping[str, str]) -> bool:
    key, operator = expression["key"], expression["operator"]
    match operator:
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "In":
            return labels.get(key) in expression["values"]
        case "NotIn":
            return labels.get(key) not in expression["values"]
    raise ValueError(f"There is no operator {operator}.")


def _types(spec: Rule) -> Sequence[str]:
    """Without `policyTypes`, a policy is for ingress, and for egress if it has such rules."""
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _port(ports: Iterable[Rule] | None, target: Peer, port: int, protocol: str) -> bool:
    return not ports or any(_is_port(one, target, port, protocol) for one in ports)


def _is_port(rule: Rule, target: Peer, port: int, protocol: str) -> bool:
    if rule.get("protocol", "TCP") != protocol:
        return False
    wanted = rule.get("port")
    if wanted is None:
        return True
    first = target.ports.get(wanted) if isinstance(wanted, str) else wanted
    return first is not None and first <= port <= rule.get("endPort", first)
