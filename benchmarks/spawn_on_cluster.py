"""Seconds from asking for a notebook server until its JupyterLab answers, on a cluster, against KubeSpawner.

    python benchmarks/spawn_on_cluster.py [--rounds 7] [--json]

Starts a real cluster of one node, which has the image, and two hubs on this machine that are the same but for
`install(c, spawner="kubernetes")`. They start servers of that image in turn; which comes first changes with every
round. A server is ended, and its pod gone, before the next one is asked for. The first round, which starts the hubs'
watches and fills the node's caches, does not count.

Needs root, and what `make test-cluster` installs; without them it says so and measures nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from _platform import ROOT
from _report import Goal, Report, Series, options
from cluster_jobs import a_cluster, why_not

sys.path.insert(0, str(ROOT / "tests" / "cluster"))

from hub_on_host import BARE, OURS, HubOnHost
from machinery import images
from machinery.cluster import Cluster
from machinery.waiting import until

NAMESPACE, IMAGE = "spawn", "localhost/himalia-base:bench"
WHO = "ada"
LOOK_S = 0.02


def round_s(cluster: Cluster, hub: HubOnHost) -> float:
    """One server, started, asked, and ended."""
    address, headers = hub.lab(WHO)
    began = time.monotonic()
    answer = hub.start(WHO)
    if answer.status_code not in (201, 202):
        raise SystemExit(f"The hub answered {answer.status_code}: {answer.text}\n{hub.log()}")
    with httpx.Client(headers=headers, timeout=10) as lab:
        until(lambda: _answers(lab, f"{address}/api/status"), "JupyterLab answers", every_s=LOOK_S)
    taken = time.monotonic() - began
    hub.end(WHO)
    until(lambda: not _pods(cluster), "the pod is gone")
    return taken


def _answers(lab: httpx.Client, url: str) -> bool:
    try:
        return lab.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def _pods(cluster: Cluster) -> str:
    return cluster.kubectl("get", "pods", "--namespace", NAMESPACE, "-o", "name")


@contextmanager
def two_hubs(cluster: Cluster) -> Iterator[tuple[HubOnHost, HubOnHost]]:
    """Ours, and one with KubeSpawner as it comes."""
    place = str(cluster.kubeconfig), NAMESPACE, cluster.layout.host, IMAGE
    ours = HubOnHost(*place, more=OURS)
    try:
        bare = HubOnHost(*place, more=BARE.format(image=IMAGE))
        try:
            for hub in (ours, bare):
                hub.user(WHO)
            yield ours, bare
        finally:
            bare.stop()
    finally:
        ours.stop()


def measured(cluster: Cluster, rounds: int) -> Report:
    """All rounds, the first one left out."""
    ours, bare = Series("himalia"), Series("kubespawner", Goal("at most", 1.15))
    cluster.load([images.build("base")], tag="bench")
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    with two_hubs(cluster) as hubs:
        for number in range(rounds + 1):
            pairs = list(zip((ours, bare), hubs, strict=True))
            for series, hub in pairs if number % 2 else reversed(pairs):
                taken = round_s(cluster, hub)
                if number:
                    series.values.append(taken)
    return Report("A notebook server on a cluster, until JupyterLab answers", "s", ours, (bare,))


def main() -> None:
    """Measure, and print."""
    given = options(__doc__, rounds=7).parse_args()
    if reason := why_not():
        print(f"Not measured: {reason}.", file=sys.stderr)
        return
    with a_cluster() as cluster:
        report = measured(cluster, given.rounds)
    report.show(given.json)


if __name__ == "__main__":
    main()
