"""The chart without a hub, beside one that somebody runs already."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hub_on_host import OwnHub
from hub_platform import Lab
from lab_in_pod import shell
from machinery.cluster import Cluster
from machinery.release import Release
from network_policies import Peer, Policies

SPACE, ACCOUNT = "existing-hub", "their-hub"
OURS = """
install(c, spawner="kubernetes")
# As Zero to JupyterHub has it.
c.KubeSpawner.common_labels = {"app.kubernetes.io/instance": "theirs"}
c.KubeSpawner.environment = {}
c.KubeSpawner.events_enabled = True
c.KubeSpawner.storage_pvc_ensure = True
"""


@pytest.fixture(scope="module")
def release(cluster: Cluster, platform_images: str) -> Release:
    """Made, not installed."""
    return Release.on(cluster, platform_images, SPACE, 30580)


@pytest.fixture(scope="module")
def hub(cluster: Cluster, release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnHub]:
    """Their hub, with the rights that the chart gives its account, and a release that knows it."""
    release.kubectl("create", "serviceaccount", ACCOUNT)
    config = tmp_path_factory.mktemp("account") / "kubeconfig"
    config.write_text(
        as_account(cluster, release.kubectl("create", "token", ACCOUNT, "--duration=1h").strip())
    )
    theirs = OwnHub(str(config), SPACE, cluster.layout.host, more=OURS)
    existing = {
        "url": f"http://{theirs.host}:{theirs.hub_port}",
        "account": {"name": ACCOUNT},
        "peers": [{"ipBlock": {"cidr": f"{theirs.host}/32"}}],
    }
    release.install({"url": theirs.url, "existingHub": existing})
    address = release.kubectl("get", "service", "himalia-service", "-o", "jsonpath={.spec.clusterIP}")
    kept = json.loads(release.kubectl("get", "secret", "himalia", "-o", "json"))["data"]["service-token"]
    theirs.serve(f"http://{address}:8003", base64.b64decode(kept).decode())
    yield theirs
    theirs.stop()
    release.uninstall()


def as_account(cluster: Cluster, token: str) -> str:
    """The administrator's way to the cluster, with somebody else's token."""
    config = yaml.safe_load(Path(cluster.kubeconfig).read_text())
    config["users"] = [{"name": one["name"], "user": {"token": token}} for one in config["users"]]
    return str(yaml.safe_dump(config))


def test_neither_hub_nor_proxy_is_installed(release: Release, hub: OwnHub) -> None:
    assert set(release.pods()) == {"service", "gateway", "postgresql"}


def test_from_a_server_of_that_hub_a_job_is_run(release: Release, hub: OwnHub) -> None:
    hub.ready("ada")
    _, headers = hub.lab("ada")
    with Lab(hub, "ada", headers["Authorization"].split()[1]).kernel() as kernel:  # type: ignore[arg-type]
        shell(kernel, "himalia jobs submit --name first --follow -- true")
        (job,) = json.loads(shell(kernel, "himalia jobs list --json"))
    assert (job["name"], job["status"]["state"]) == ("first", "SUCCEEDED")
    (server,) = [
        one for one in release.items("pods") if one["metadata"]["labels"].get("himalia/role") == "server"
    ]
    assert server["metadata"]["labels"]["app.kubernetes.io/instance"] == "himalia", "policies hold for it"


def test_that_hub_alone_reaches_servers(release: Release, hub: OwnHub) -> None:
    found = json.loads(release.kubectl("get", "networkpolicies", "-o", "json"))["items"]
    policies = Policies(found, {SPACE: {"kubernetes.io/metadata.name": SPACE}})
    labels = {"app.kubernetes.io/instance": "himalia", "himalia/role": "server", "himalia/workload": "w1"}
    server, theirs, stranger = (
        Peer("10.1.2.3", SPACE, labels),
        Peer(hub.host),
        Peer("10.9.9.9", "kube-system"),
    )
    service = Peer.of(release.pods()["service"])
    for target, port in ((server, 8888), (service, 8003)):
        assert policies.allow(theirs, target, port)
        assert not policies.allow(stranger, target, port)
    assert policies.allow(server, theirs, hub.hub_port)
    assert not policies.allow(
        Peer("10.1.2.4", SPACE, labels | {"himalia/role": "workload"}), theirs, hub.hub_port
    )
