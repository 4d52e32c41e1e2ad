"""Notebook servers as pods, on a real cluster: what they get, and what people are told where they get none."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hub_on_host import OURS, HubOnHost
from hub_platform import Lab, until
from machinery import images
from machinery.cluster import Cluster

SMALL = {"profile": "base", "size": "small"}


@pytest.fixture(scope="module")
def hub(cluster: Cluster, namespace: str) -> Iterator[HubOnHost]:
    cluster.load([images.build("base")], tag="test")
    more = "c.KubeSpawner.start_timeout = 45\nc.KubeSpawner.http_timeout = 60\n" + OURS
    host = cluster.layout.host
    running = HubOnHost(str(cluster.kubeconfig), namespace, host, "localhost/himalia-base:test", more=more)
    yield running
    running.stop()


Items = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def items(cluster: Cluster, namespace: str) -> Items:
    """What there is of a kind in the module's namespace."""

    def find(kind: str) -> list[dict[str, Any]]:
        told = cluster.kubectl("get", kind, "-n", namespace, "-o", "json")
        found: list[dict[str, Any]] = json.loads(told)["items"]
        return found

    return find


@pytest.fixture(autouse=True)
def nobodys(hub: HubOnHost) -> Iterator[None]:
    """Each test begins without servers."""
    yield
    hub.end_all()


def failed(hub: HubOnHost, items: Items, name: str, options: dict[str, str] | None = None) -> str:
    """What the page says of a start that fails; nothing is left of it."""
    answer = hub.start(name, options)
    said = answer.json()["message"] if answer.status_code >= 400 else hub.told(name)[-1]["message"]
    until(lambda: not hub.reservations.taken, "the reservation is given back")
    until(lambda: not items("pods") and not items("secrets"), "nothing is left in the cluster")
    return str(said)


def test_a_server_is_a_pod_of_what_was_reserved(hub: HubOnHost, items: Items) -> None:
    hub.ready("ada", {"profile": "base", "size": "gpu"})
    (pod,) = items("pods")
    spec, (container,) = pod["spec"], pod["spec"]["containers"]
    person = hub.reservations.people["ada"]["id"]
    (reservation,) = hub.reservations.taken
    assert pod["metadata"]["name"] == f"server-{person}"
    assert pod["metadata"]["labels"]["himalia/workload"] == reservation
    assert pod["metadata"]["labels"]["example.org/team"] == "own"
    assert pod["metadata"]["annotations"]["example.org/a"] == "{not a template}"
    assert container["resources"]["requests"] == {"cpu": "0", "memory": "805306368", "nvidia.com/gpu": "1"}
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "805306368", "nvidia.com/gpu": "1"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert {"key": "x", "operator": "Exists"} in spec["tolerations"]
    token = next(one for one in container["env"] if one["name"] == "JUPYTERHUB_API_TOKEN")
    assert token["valueFrom"]["secretKeyRef"]["name"] == pod["metadata"]["name"]
    assert not [one for one in container["env"] if "TOKEN" in one["name"] and one.get("value")]
    address, headers = hub.lab("ada")
    specs = httpx.get(f"{address}/api/kernelspecs", headers=headers).json()
    assert specs["default"] == "base"
    assert sorted(specs["kernelspecs"]) == ["base", "base.requirements"]
    look = "import os, sys; print(sys.prefix, os.getcwd(), os.getuid(), os.environ['HIMALIA_URL'], os.environ['OWN'])"
    with Lab(hub, "ada", headers["Authorization"].split()[1]).kernel() as kernel:  # type: ignore[arg-type]
        said = kernel.run(look).split()
        files = kernel.run(
            "import os; print(os.listdir('.'), os.path.exists('/var/run/secrets/kubernetes.io'))"
        )
    assert said[:3] == ["/opt/environment", "/home/himalia", "1000"]
    assert said[3].endswith(f":{hub.service_port}/services/himalia")
    assert "False" in files
    hub.end("ada")
    assert not hub.reservations.taken
    until(lambda: not items("pods") and not items("secrets"), "pod and secret are gone")


def test_a_named_server_is_a_pod_of_its_own(hub: HubOnHost, items: Items) -> None:
    hub.ready("ada")
    hub.ready("ada", server="second")
    names = sorted(pod["metadata"]["name"] for pod in items("pods"))
    assert len(names) == 2
    assert names[1].startswith(f"{names[0]}-second")
    for path in ("/users/ada/server", "/users/ada/servers/second"):
        assert hub.api("DELETE", path).status_code in (202, 204)
    until(lambda: not hub.reservations.taken, "both are given back")


def test_what_the_service_refuses_never_reaches_the_cluster(hub: HubOnHost, items: Items) -> None:
    answer = hub.start("refused")
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("The profile “Python” is for certain groups only.")
    assert not items("pods")
    answer = hub.start("refused", {"profile": "base", "size": "none"})
    assert (answer.status_code, "no size 'none'" in answer.json()["message"]) == (422, True)


def test_a_missing_image_is_named(hub: HubOnHost, items: Items) -> None:
    hub.reservations.pod = {"image": "localhost/no-such-image:1"}
    try:
        said = failed(hub, items, "bob")
    finally:
        hub.reservations.pod = {}
    # No registry answers at that name, which may pass; so it was tried until the limit of this hub.
    assert "The image localhost/no-such-image:1 cannot be fetched" in said


def test_a_server_without_a_place_says_what_it_waits_for(hub: HubOnHost, items: Items) -> None:
    began = time.monotonic()
    said = failed(hub, items, "bob", {"profile": "base", "size": "many"})
    assert "The server waits for a place: 0/1 nodes have nvidia.com/gpu free." in said
    assert time.monotonic() - began < 60


def test_a_quota_is_a_sentence(cluster: Cluster, hub: HubOnHost, items: Items) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": hub.namespace},
    }
    cluster.apply({**quota, "spec": {"hard": {"pods": "0"}}}, namespace=hub.namespace)
    try:
        until(lambda: items("resourcequotas")[0].get("status", {}).get("hard"), "the quota is in force")
        said = failed(hub, items, "bob", SMALL)
    finally:
        cluster.kubectl("delete", "resourcequota", "few", "-n", hub.namespace)
    assert "the quota few of the cluster" in said


def test_a_program_that_ends_at_once_is_said(hub: HubOnHost, items: Items) -> None:
    hub.reservations.pod = {"mounts": [{"name": "home", "mountPath": "/opt/lab"}]}
    try:
        said = failed(hub, items, "bob", SMALL)
    finally:
        hub.reservations.pod = {}
    assert "ended while it started, with exit code 127" in said


def test_a_pod_deleted_by_hand_gives_back_what_it_held(
    cluster: Cluster, hub: HubOnHost, items: Items
) -> None:
    hub.ready("ada")
    cluster.kubectl("delete", "pod", "-n", hub.namespace, "--all", "--wait=false")
    until(lambda: not hub.api("GET", "/users/ada").json()["servers"], "the hub sees it")
    until(lambda: not hub.reservations.taken, "the reservation is given back")


def test_a_killed_hub_finds_its_servers_again(hub: HubOnHost, items: Items) -> None:
    hub.ready("ada")
    hub.user("bob")
    before = items("pods")[0]["metadata"]["uid"]
    hub.reservations.pod = {"image": "localhost/no-such-image:1"}
    try:
        hub.begin("bob")
        until(lambda: len(items("pods")) == 2, "bob's pod is made")
    finally:
        hub.reservations.pod = {}
    hub.kill()
    hub.start_hub()
    assert hub.api("GET", "/users/ada").json()["servers"][""]["ready"]
    assert before in [pod["metadata"]["uid"] for pod in items("pods")]
    until(
        lambda: not hub.api("GET", "/users/bob").json()["servers"], "bob's half-started one is given up", 150
    )
    until(lambda: len(hub.reservations.taken) == 1, "and what it held is given back")
    hub.end("ada")
    assert not hub.reservations.taken
