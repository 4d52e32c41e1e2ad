"""How far a server's pod is on its way, in words for the person who waits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from himalia.engine.backends.kubernetes import reasons, seen
from himalia.engine.backends.kubernetes.reasons import When

Object = dict[str, Any]
"""An object of the cluster, as the API's JSON has it."""

_ASK = "Ask an administrator to correct the profile, or choose another one."


@dataclass(frozen=True, slots=True)
class Step:
    """`progress` in per cent. `failed` is a word where nothing is to be hoped for any more."""

    progress: int
    message: str
    failed: str | None = None


def step(pod: Object | None) -> Step:
    """Where a pod stands; None for one that the cluster does not have yet."""
    if pod is None:
        return Step(10, "Asking the cluster for a place.")
    found, conditions = seen.pod(pod), _conditions(pod)
    if found.deleted:
        return Step(0, "The pod was deleted while it started.", "deleted")
    if (ended := _ended(pod, found)) is not None:
        return ended
    if found.unscheduled is not None:
        return Step(10, f"The server waits for a place: {reasons.unscheduled(found.unscheduled)}")
    if not found.node:
        return Step(10, "The cluster looks for a place.")
    trouble = reasons.waits(found)
    if trouble is not None and trouble.when is When.NOW:
        return Step(0, f"{trouble.message} {_ASK}", trouble.reason)
    if trouble is not None:
        return Step(40, f"{trouble.message.rstrip('.')}. It is tried again.")
    if conditions.get("Ready"):
        return Step(70, "JupyterLab is starting.")
    if conditions.get("PodReadyToStartContainers"):
        return Step(45, f"The image is made ready on {found.node}; the first time there, it is fetched.")
    return Step(30, f"A place was found on {found.node}. Folders are attached.")


def unfinished(found: Step, waited_s: float) -> str:
    """The sentence for a start that is given up because it took too long."""
    return f"The notebook server was not ready after {waited_s:.0f} s. {found.message}"


def refusal(status: int, body: Mapping[str, Any]) -> str:
    """The sentence for an answer with which the cluster's API refused a pod."""
    said = " ".join(str(body.get("message") or f"status {status}").split())
    return f"The server cannot be started. {reasons.refused(said[:500]).message}"


def _conditions(pod: Object) -> dict[str, bool]:
    return {one["type"]: one["status"] == "True" for one in pod.get("status", {}).get("conditions") or ()}


def _ended(pod: Object, found: seen.Pod) -> Step | None:
    """A server that ends while it starts has failed, though the cluster would start it again."""
    states = [
        one.get("lastState", {}).get("terminated") or one.get("state", {}).get("terminated")
        for one in pod.get("status", {}).get("containerStatuses") or ()
    ]
    last = next(filter(None, states), None)
    if last is not None and last.get("reason") == "OOMKilled":
        return Step(
            0, "It needs more memory than its size has, even to start. Choose a larger one.", "memory"
        )
    if last is not None:
        words = f"The notebook server ended while it started, with exit code {last.get('exitCode')}."
        return Step(0, f"{words} {_ASK}", "died")
    if found.phase == "Failed":
        why = f"{found.failed.reason}: {found.failed.message}" if found.failed else "it gave no reason"
        return Step(0, f"The notebook server ended while it started ({why}).", "died")
    return None
