"""What `benchmarks/cluster_jobs.py` measures, with fewer jobs: that all end well, and how often the API is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from machinery.cluster import Cluster

pytestmark = pytest.mark.full
JOBS, NODES = 200, 5


def test_jobs_on_nodes_without_machines_end_well(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    from cluster_jobs import GOAL_CALLS, figures, measured

    found = figures(measured(cluster, JOBS, NODES), JOBS)
    assert found["ended_well"] == JOBS, found
    assert found["calls_a_job"] <= GOAL_CALLS, found
