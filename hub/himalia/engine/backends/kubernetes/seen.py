"""What is kept of the objects that the backend watches: small records, made of the API's JSON. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from himalia.engine.backends.kubernetes import names
from himalia.engine.backends.kubernetes.client import Object
from himalia.engine.backends.kubernetes.quantities import requested
from himalia.engine.resources import Resources

RANK = "batch.kubernetes.io/job-completion-index"
MESSAGE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Said:
    """A reason, which is a word of Kubernetes', and a message."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that is ours. `ended` is how its container ended last, `trouble` what keeps it from starting."""

    name: str
    job: str
    rank: int
    image: str
    phase: str
    node: str
    ip: str
    deleted: bool
    failed: Said | None
    disrupted: Said | None
    unscheduled: Said | None
    trouble: Said | None
    ended: Said | None
    exit_code: int | None
    job_uid: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """The pod of a notebook server, which the hub has made; `workload` is its reservation."""

    workload: str
    node: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A pod that is not ours and takes something of its node."""

    node: str
    requests: Resources


@dataclass(frozen=True, slots=True)
class Job:
    """A Job that is ours."""

    name: str
    uid: str
    kind: str
    replicas: int
    deleted: bool
    failed: Said | None
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Queued:
    """What Kueue keeps of a Job: why it waits, and why it was taken back after it had been let go."""

    job: str
    waits: str
    evicted: str


@dataclass(frozen=True, slots=True)
class Warned:
    """An event of the type Warning about a pod or a Job."""

    kind: str
    name: str
    said: Said


def job(item: Object) -> Job:
    """The record of a Job."""
    about, spec = item["metadata"], item["spec"]
    conditions = _conditions(item)
    failed = conditions.get("Failed") or conditions.get("FailureTarget")
    return Job(
        name=about["name"],
        uid=about["uid"],
        kind=about.get("labels", {}).get(names.KIND, ""),
        replicas=int(spec.get("completions") or 1),
        deleted="deletionTimestamp" in about,
        failed=_said(failed) if failed and failed.get("status") == "True" else None,
        suspended=bool(spec.get("suspend")),
    )


def queued(item: Object) -> Queued | None:
    """The record of a Workload of Kueue's, or None for one that is of no Job."""
    owners = item["metadata"].get("ownerReferences", ())
    job = next((one["name"] for one in owners if one["kind"] == "Job"), None)
    if job is None:
        return None
    conditions = _conditions(item)
    said = {name: _said(one).message for name, one in conditions.items()}
    true = {name for name, one in conditions.items() if one.get("status") == "True"}
    reserved, admitted = "QuotaReserved", "Admitted"
    if item["spec"].get("active") is False:
        waits = said.get("Evicted", "") or "It was deactivated."
    elif reserved not in true:
        waits = said.get(reserved, "")
    else:
        waits = "" if admitted in true else said.get(admitted, "") or "Its quota is reserved; checks remain."
    return Queued(job, waits, said["Evicted"] if "Evicted" in true else "")


def pod(item: Object) -> Pod:
    """The record of a pod of a Job of ours."""
    about, status = item["metadata"], item.get("status", {})
    labels, conditions = about.get("labels", {}), _conditions(item)
    disrupted, scheduled = conditions.get("DisruptionTarget"), conditions.get("PodScheduled")
    states = _states(status)
    waits = [state["waiting"] for state in states if "waiting" in state]
    ends = [state["terminated"] for state in states if "terminated" in state]
    return Pod(
        name=about["name"],
        job=labels.get("batch.kubernetes.io/job-name", ""),
        rank=int(labels.get(RANK) or 0),
        image=item["spec"]["containers"][0].get("image", ""),
        phase=status.get("phase", ""),
        node=item["spec"].get("nodeName", ""),
        ip=status.get("podIP", ""),
        deleted="deletionTimestamp" in about,
        failed=_said(status) if status.get("phase") == "Failed" and status.get("reason") else None,
        disrupted=_said(disrupted) if disrupted and disrupted["status"] == "True" else None,
        unscheduled=_said(scheduled) if scheduled and scheduled["status"] == "False" else None,
        trouble=_said(waits[0]) if waits else None,
        ended=_said(ends[0]) if ends else None,
        exit_code=ends[0].get("exitCode") if ends else None,
        job_uid=labels.get("batch.kubernetes.io/controller-uid", ""),
    )


def server(item: Object) -> Server:
    """The record of a notebook server's pod."""
    return Server(item["metadata"]["labels"].get(names.WORKLOAD, ""), item["spec"].get("nodeName", ""))


def foreign(item: Object) -> Foreign | None:
    """The record of somebody else's pod, or None when it takes nothing of a node."""
    node = item["spec"].get("nodeName", "")
    if not node or item.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return None
    return Foreign(node, requested(item["spec"]))


def warned(item: Object) -> Warned | None:
    """The record of an event that tells of a pod or a Job."""
    about = item.get("involvedObject", {})
    if about.get("kind") not in ("Pod", "Job"):
        return None
    return Warned(about["kind"], str(about.get("name")), _said(item))


def _conditions(item: Object) -> dict[str, Object]:
    return {one["type"]: one for one in item.get("status", {}).get("conditions") or ()}


def _states(status: Object) -> list[Object]:
    """The present states of a pod's containers, those first that come first."""
    every = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return [one["state"] for one in every if one.get("state")]


def _said(one: Object) -> Said:
    return Said(str(one.get("reason") or ""), str(one.get("message") or "")[:MESSAGE_LENGTH])
