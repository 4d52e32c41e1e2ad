"""The evaluation of network policies that the cluster's tests lean on, against cases of the specification."""

from __future__ import annotations

from typing import Any

import pytest
from network_policies import Peer, Policies, matches

A = Peer("10.0.0.1", "one", {"app": "a"})
B = Peer("10.0.0.2", "one", {"app": "b"}, {"http": 8080})
C = Peer("10.0.0.3", "two", {"app": "b"})
OUTSIDE = Peer("192.0.2.9")
SPACES = {"one": {"name": "one"}, "two": {"name": "two"}}


def policies(**spec: Any) -> Policies:
    return Policies([{"metadata": {"namespace": "one"}, "spec": {"podSelector": {}, **spec}}], SPACES)


def test_without_a_policy_everything_is_allowed() -> None:
    assert Policies([], SPACES).allow(A, C, 80)


@pytest.mark.parametrize(("target", "allowed"), [(B, False), (C, True)])
def test_a_policy_without_rules_shuts_its_own_namespace(target: Peer, allowed: bool) -> None:
    assert policies(policyTypes=["Ingress"]).allow(A, target, 80) is allowed


def test_types_follow_from_the_rules_when_they_are_not_named() -> None:
    assert policies(ingress=[{}]).allow(A, OUTSIDE, 80)
    assert not policies(ingress=[{}], egress=[{"ports": [{"port": 53}]}]).allow(A, OUTSIDE, 80)


@pytest.mark.parametrize(
    ("peer", "source", "allowed"),
    [
        ({"podSelector": {"matchLabels": {"app": "a"}}}, A, True),
        ({"podSelector": {"matchLabels": {"app": "b"}}}, C, False),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "b"}}}, C, True),
        ({"namespaceSelector": {"matchLabels": {"name": "two"}}}, A, False),
        ({"namespaceSelector": {}}, OUTSIDE, False),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, OUTSIDE, True),
        ({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["192.0.2.0/24"]}}, OUTSIDE, False),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, A, True),
    ],
)
def test_who_is_let_in(peer: dict[str, Any], source: Peer, allowed: bool) -> None:
    assert policies(policyTypes=["Ingress"], ingress=[{"from": [peer]}]).allow(source, B, 80) is allowed


@pytest.mark.parametrize(
    ("ports", "port", "protocol", "allowed"),
    [
        ([{"port": 80}], 80, "TCP", True),
        ([{"port": 80}], 80, "UDP", False),
        ([{"port": 80}], 81, "TCP", False),
        ([{"port": 80, "endPort": 90}], 85, "TCP", True),
        ([{"port": "http"}], 8080, "TCP", True),
        ([{"port": "other"}], 8080, "TCP", False),
        ([{"protocol": "UDP"}], 9, "UDP", True),
    ],
)
def test_which_ports(ports: list[dict[str, Any]], port: int, protocol: str, allowed: bool) -> None:
    found = policies(policyTypes=["Ingress"], ingress=[{"ports": ports}])
    assert found.allow(A, B, port, protocol) is allowed


def test_policies_add_up_and_both_ends_must_agree() -> None:
    shut = {"metadata": {"namespace": "one"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}}
    rule = {"to": [{"podSelector": {"matchLabels": {"app": "b"}}}]}
    opened = {
        "metadata": {"namespace": "one"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "a"}},
            "policyTypes": ["Egress"],
            "egress": [rule],
        },
    }
    both = Policies([shut, opened], SPACES)
    assert both.allow(A, B, 80)
    assert not both.allow(B, A, 80)
    closed = {"metadata": {"namespace": "one"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
    assert not Policies([shut, opened, closed], SPACES).allow(A, B, 80)


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [
        ("In", ["a", "z"], True),
        ("NotIn", ["a"], False),
        ("Exists", None, True),
        ("DoesNotExist", None, False),
    ],
)
def test_expressions(operator: str, values: list[str] | None, found: bool) -> None:
    expression = {"key": "app", "operator": operator, "values": values}
    assert matches({"matchExpressions": [expression]}, A.labels) is found
