"""What Kueue says of a Job, and what that means for its attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from himalia.engine.backends.kubernetes import reasons, seen
from himalia.engine.backends.kubernetes.attempt import Attempt
from himalia.engine.backends.kubernetes.reasons import Finding
from himalia.engine.backends.kubernetes.seen import Job, Pod, Queued, Said

NO_QUOTA = "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor any"
PREEMPTED = (
    "Preempted to accommodate a workload (UID: u2, JobUID: u1) due to prioritization in the ClusterQueue"
)
POD = Pod("a-1-0-x", "a-1", 0, "r/base:1", "Running", "node-1", "10.0.0.1", False, *([None] * 6))


def workload(active: bool = True, **conditions: tuple[str, str]) -> dict[str, Any]:
    """A Workload of Kueue's with these conditions: (status, message) by type."""
    shown = [{"type": name, "status": status, "message": said} for name, (status, said) in conditions.items()]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "a-1", "uid": "u"}
    about = {"name": "job-a-1-5d9c1", "namespace": "lab", "ownerReferences": [owner]}
    return {"metadata": about, "spec": {"active": active}, "status": {"conditions": shown}}


def test_why_it_waits_is_kueues_own_sentence() -> None:
    assert seen.queued(workload()) == Queued("a-1", "", "")
    assert seen.queued(workload(QuotaReserved=("False", NO_QUOTA))) == Queued("a-1", NO_QUOTA, "")
    assert seen.queued(workload(QuotaReserved=("True", "ok"), Admitted=("True", "ok"))) == Queued(
        "a-1", "", ""
    )


def test_a_quota_that_is_reserved_may_not_be_all() -> None:
    words = "The workload has failed admission checks"
    found = seen.queued(workload(QuotaReserved=("True", "ok"), Admitted=("False", words)))
    assert found == Queued("a-1", words, "")
    found = seen.queued(workload(QuotaReserved=("True", "ok")))
    assert found == Queued("a-1", "Its quota is reserved; checks remain.", "")


def test_one_that_was_deactivated_says_so() -> None:
    found = seen.queued(workload(False, Evicted=("True", "The workload is deactivated")))
    assert found == Queued("a-1", "The workload is deactivated", "The workload is deactivated")


def test_what_is_of_no_job_is_left_out() -> None:
    item = workload()
    item["metadata"]["ownerReferences"][0]["kind"] = "JobSet"
    assert seen.queued(item) is None
    del item["metadata"]["ownerReferences"]
    assert seen.queued(item) is None


def attempt(*, suspended: bool, **changes: Any) -> Attempt:
    job = Job("a-1", "u", "job", 1, False, None, suspended)
    return Attempt("a-1", "job", job=job, uid="u", **changes)


def test_a_job_that_is_suspended_again_was_taken_back() -> None:
    said = Queued("a-1", NO_QUOTA, PREEMPTED)
    gone = attempt(suspended=True, queued=said)
    assert gone.taken_back == PREEMPTED
    assert gone.end_of(0) == Finding("preempted", PREEMPTED)
    assert attempt(suspended=True).taken_back == reasons.TAKEN_BACK
    assert attempt(suspended=False, queued=said).taken_back == ""
    assert attempt(suspended=True, queued=said, offered=True).taken_back == ""


def test_its_pod_has_time_to_end_and_what_else_it_died_of_counts() -> None:
    ends = attempt(suspended=True, queued=Queued("a-1", "", PREEMPTED), pods={0: POD})
    assert ends.end_of(0) is None
    ends.gone.add(0)
    assert ends.end_of(0) == Finding("preempted", PREEMPTED)
    greedy = replace(POD, phase="Failed", ended=Said("OOMKilled", ""), exit_code=137)
    ends = attempt(suspended=True, pods={0: greedy})
    found = ends.end_of(0)
    assert found is not None
    assert found.reason == "out_of_memory"
