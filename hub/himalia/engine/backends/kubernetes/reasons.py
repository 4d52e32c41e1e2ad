"""What the state of a pod or a Job means for its workload, as a word of ours and a sentence. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from himalia.engine.backends.kubernetes.quantities import quantity
from himalia.engine.backends.kubernetes.seen import Job, Pod, Said


class When(Enum):
    """Whether trouble is the end of an attempt."""

    NOW = "it cannot get better"
    LATER = "it may get better, and is the end when it has not after a while"
    NEVER = "it waits for its turn, however long that takes"


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a workload does not run, or has ended without a final report."""

    reason: str
    message: str
    when: When = When.NOW


PREEMPTED = "PreemptionByScheduler"
NODE_GONE = frozenset({"DeletionByTaintManager", "DeletionByPodGC", "NodeLost"})
NO_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
NEVER_AN_IMAGE = frozenset({"InvalidImageName", "ErrImageNeverPull"})
AWAY = "The cluster does not answer. It is asked again until it does."
GAVE_WAY = "Its pod gave way to one of a higher priority."
TAKEN_BACK = "Its queue has taken it back."
COMING = frozenset({"", "ContainerCreating", "PodInitializing"})
PASSING = ("failed to sync", "no relationship found between node")
NOT_THERE = re.compile(r"not found|manifest unknown|does not exist|no such image|name unknown", re.IGNORECASE)

_UNSCHEDULABLE = re.compile(r"(\d+)/(\d+) nodes are available(?:: (.*?))?\.(?:\s|$)", re.DOTALL)
_FORBIDDEN = re.compile(r'^(?:Error creating: )?(?:[\w.]+ "[^"]*" is forbidden: )?')
_INSUFFICIENT = re.compile(r"\d+ Insufficient ([^\s,]+)")
_QUOTA = re.compile(r"exceeded quota: (\S+), requested: (\S+), used: (\S+), limited: (\S+)")


def is_passing(warned: Said, secret: str) -> bool:
    """Whether a warning is of something that is only not there yet: a Job is made before its Secret, a node may have
    to wait for the API, and an API server that has just begun does not know yet what a node's pods need."""
    return f'secret "{secret}" not found' in warned.message or any(
        words in warned.message for words in PASSING
    )


def waits(pod: Pod, warned: Said | None = None) -> Finding | None:
    """Why a pod that has not begun does not begin; `warned` is the last warning about it. None: it is coming."""
    if pod.unscheduled is not None:
        return Finding("start_failed", unscheduled(pod.unscheduled), When.NEVER)
    trouble = pod.trouble or Said("", "")
    if trouble.reason in NEVER_AN_IMAGE:
        return Finding("environment_missing", f"The image {pod.image} cannot be used: {trouble.message}")
    if trouble.reason in NO_IMAGE:
        return _no_image(pod, trouble)
    if trouble.reason not in COMING:
        return Finding("start_failed", _sentence("Its container cannot be made", trouble), When.LATER)
    if pod.phase == "Pending" and warned is not None:
        return Finding("start_failed", _sentence("Its pod cannot be made ready", warned), When.LATER)
    return None


def _no_image(pod: Pod, trouble: Said) -> Finding:
    if NOT_THERE.search(trouble.message):
        return Finding("environment_missing", f"The image {pod.image} is not there.")
    words = f"The image {pod.image} cannot be fetched: {trouble.message or trouble.reason}"
    return Finding("environment_missing", words, When.LATER)


def ended(pod: Pod, *, spoke: bool) -> Finding | None:
    """Why a pod has ended whose runner did not report it; `spoke` is whether it ever reported anything."""
    if pod.disrupted is not None and pod.disrupted.reason in NODE_GONE and pod.deleted:
        return Finding("lost", f"The machine {pod.node} that it ran on does not answer.")
    if pod.phase not in ("Failed", "Succeeded"):
        return None
    if _was_preempted(pod):
        return Finding("preempted", GAVE_WAY)
    if pod.ended is not None and pod.ended.reason == "OOMKilled":
        return Finding("out_of_memory", "It used more memory than its profile gives.")
    if pod.failed is not None:
        return _failed(pod, pod.failed)
    if pod.deleted:
        return Finding("lost", "Its pod was deleted.")
    if spoke or pod.phase == "Succeeded":
        return Finding("lost", f"Its runner ended with code {pod.exit_code} before it had reported the end.")
    words = (pod.ended.message if pod.ended else "").strip().rpartition("\n")[2][:500]
    return Finding(
        "start_failed", f"The container ended with code {pod.exit_code} while starting. {words}".strip()
    )


def _failed(pod: Pod, failed: Said) -> Finding:
    if failed.reason == "DeadlineExceeded":
        return Finding("time_limit", "It ran longer than the cluster allows.")
    if failed.reason == "Evicted":
        return Finding("lost", f"The machine {pod.node} needed its room: {failed.message}")
    if failed.reason in NODE_GONE:
        return Finding("lost", f"The machine {pod.node} that it ran on does not answer.")
    return Finding("lost", _sentence(f"The machine {pod.node} gave it back", failed))


def gone(pod: Pod, *, spoke: bool) -> Finding:
    """What a pod means that is not there any more, though its workload has not ended."""
    if _was_preempted(pod):
        return Finding("preempted", GAVE_WAY)
    return Finding("lost", "Its pod was deleted." if spoke else "Its pod was deleted before it began.")


def not_made(job: Job, warned: Said | None) -> Finding | None:
    """Why a Job has no pod; None when it will have one any moment."""
    if job.failed is not None and job.failed.reason == "DeadlineExceeded":
        return Finding("time_limit", "It ran longer than the cluster allows.")
    if job.failed is not None:
        return Finding("lost", "Its pod is gone.")
    if warned is None or warned.reason != "FailedCreate":
        return None
    return refused(warned.message)


def refused(message: str) -> Finding:
    """What it means that the cluster does not take a Job or a pod."""
    if (quota := _QUOTA.search(message)) is None:
        words = f"The cluster does not take it: {_FORBIDDEN.sub('', message)}"
        return Finding("start_failed", words, When.LATER)
    name, requested, used, limited = quota.groups()
    if _exceeds(requested, limited):
        words = f"It asks for more than the quota {name} of the cluster ever gives: {requested} of {limited}."
        return Finding("start_failed", words)
    words = f"The quota {name} of the cluster is used up: {used} of {limited}, and it needs {requested}."
    return Finding("start_failed", words, When.NEVER)


def away(message: str) -> Finding:
    """What it means that the cluster's API has trouble of its own with a call."""
    words = f"The cluster's API has trouble, and is asked again until it takes it: {message}"
    return Finding("start_failed", words, When.NEVER)


def interrupted(reason: str | None, pod: Pod | None) -> Finding | None:
    """Why the cluster ended a runner that could only report that it was asked to end; None where it did not."""
    if reason != "platform_stopped" or pod is None or not (pod.deleted or pod.disrupted):
        return None
    if pod.disrupted is None:
        return Finding(reason, "Its pod was deleted, so it starts again by itself.")
    if _was_preempted(pod):
        return Finding("preempted", GAVE_WAY)
    if pod.disrupted.reason == "TerminationByKubelet":
        # Not for ever, if it is always this one's doing.
        return Finding("lost", _sentence(f"The machine {pod.node} needed its room", pod.disrupted))
    return Finding(reason, f"It was asked to leave the machine {pod.node}, so it starts again by itself.")


def unscheduled(said: Said) -> str:
    """Why the scheduler finds no machine, in plain words."""
    told = _UNSCHEDULABLE.match(said.message)
    if told is None:
        return _sentence("It waits for a machine", said)
    free, nodes, why = told.groups()
    lacking = list(dict.fromkeys(_INSUFFICIENT.findall(why or "")))
    others = [part for part in (why or "").split(", ") if part and not _INSUFFICIENT.match(part)]
    if not lacking:
        return f"No machine takes it: {why or 'there is none'}."
    words = f"{free}/{nodes} nodes have {' and '.join(lacking)} free"
    return f"{words}; {', '.join(others)}." if others else f"{words}."


def _was_preempted(pod: Pod) -> bool:
    return pod.disrupted is not None and pod.disrupted.reason == PREEMPTED


def _exceeds(requested: str, limited: str) -> bool:
    limits = dict(part.split("=", 1) for part in limited.split(",") if "=" in part)
    asked = dict(part.split("=", 1) for part in requested.split(",") if "=" in part)
    try:
        return any(
            quantity(amount) > quantity(limits[name]) for name, amount in asked.items() if name in limits
        )
    except ValueError:
        return False


def _sentence(words: str, said: Said) -> str:
    told = said.message or said.reason
    return f"{words}: {told}" if told else f"{words}."
