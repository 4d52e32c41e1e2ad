"""What our objects are called and labelled: the only place that says so."""

from __future__ import annotations

from himalia.engine.backends.base import Launch

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
WORKLOAD = "himalia/workload"
ATTEMPT = "himalia/attempt"
KIND = "himalia/kind"
PROJECT = "himalia/project"
PERSON = "himalia/person"
ROLE = "himalia/role"
ISOLATED = "himalia/isolated"
"""Labels. Network policies select pods by `ROLE` and `ISOLATED`."""

QUEUE = "kueue.x-k8s.io/queue-name"
"""Kueue's label: the LocalQueue that a Job waits in."""

HIMALIA = "himalia"
OURS = frozenset({"workload", "server", "endpoint"})
"""Values of `ROLE`: what the queue counts itself."""


def common(release: str) -> dict[str, str]:
    """The labels of everything that an installation makes."""
    return {MANAGED_BY: HIMALIA, INSTANCE: release}


def of_launch(release: str, launch: Launch) -> dict[str, str]:
    """The labels of all that is made for one attempt."""
    return {
        **common(release),
        WORKLOAD: launch.workload,
        ATTEMPT: str(launch.attempt),
        KIND: launch.kind,
        PROJECT: launch.project.id,
        PERSON: launch.person.id,
        ROLE: "endpoint" if launch.kind == "endpoint" else "workload",
        **({ISOLATED: "true"} if launch.isolated else {}),
    }


def selector(labels: dict[str, str]) -> str:
    """A label selector, as a query has it."""
    return ",".join(f"{name}={value}" for name, value in labels.items())


def jobs(namespace: str) -> str:
    """The path of a namespace's Jobs."""
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def workloads(namespace: str) -> str:
    """The path of what Kueue keeps of a namespace's Jobs that it queues."""
    return f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{namespace}/workloads"


def policies(namespace: str) -> str:
    """The path of a namespace's network policies."""
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"


def core(namespace: str, resource: str) -> str:
    """The path of one of the core resources of a namespace."""
    return f"/api/v1/namespaces/{namespace}/{resource}"


def home_claim(person: str) -> str:
    """The claim of a person's home."""
    return f"home-{person}"


def project_claim(project: str) -> str:
    """The claim of a project's shared folder."""
    return f"project-{project}"
