"""How far a server's pod is on its way, in words for the person who waits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
"""An object of the cluster, as the API's JSON has it."""

# Kubernetes tries these again for ever; what they say does not get better by waiting.
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_BAD_CONFIG = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


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
    if "deletionTimestamp" in pod["metadata"]:
        return Step(5, "The pod was deleted while it started.", "deleted")
    status: Object = pod.get("status", {})
    if status.get("phase") == "Failed":
        why = status.get("message") or status.get("reason") or "it gave no reason"
        return Step(0, f"The notebook server ended while it started: {sentence(why)}", "died")
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") != "True":
        return _unplaced(scheduled.get("message") or "")
    for trouble in _troubles(status, pod["spec"]):
        return trouble
    node = pod["spec"].get("nodeName", "")
    if conditions.get("Ready", {}).get("status") == "True":
        return Step(70, "JupyterLab is starting.")
    if conditions.get("PodReadyToStartContainers", {}).get("status") == "True":
        return Step(45, f"The image is made ready on {node}; the first time there, it is fetched.")
    return Step(30, f"A place was found on {node}. Folders are attached.")


def unfinished(found: Step, waited_s: float) -> str:
    """The sentence for a start that is given up because it took too long."""
    return f"The notebook server was not ready after {waited_s:.0f} s. {found.message}"


def refusal(status: int, body: Object) -> tuple[str, str]:
    """(word, sentence) of an answer with which the cluster's API refused a pod."""
    said = str(body.get("message") or "")
    if "exceeded quota" in said:
        return (
            "quota",
            f"The cluster's quota leaves no room for this server: {_after(said, 'exceeded quota: ')}",
        )
    if "violates PodSecurity" in said:
        return "refused", f"The cluster's security rules refuse this server: {_after(said, 'violates ')}"
    if status == 403 and "is being terminated" in said:
        return "refused", "The cluster is taking the namespace of the servers away. Ask an administrator."
    return "refused", f"The cluster refused this server: {sentence(said or f'status {status}')}"


def sentence(text: str) -> str:
    """A message of Kubernetes' as a sentence of at most 300 characters."""
    text = " ".join(text.split())
    text = text if len(text) <= 300 else f"{text[:299]}…"
    return text if text.endswith((".", "…", "!")) else f"{text}."


def _unplaced(said: str) -> Step:
    if not said:
        return Step(10, "The cluster looks for a place.")
    # What would happen if others were thrown out, which follows, is the scheduler's own affair.
    return Step(10, f"No machine has room now, so the server waits: {sentence(said.partition('. ')[0])}")


def _troubles(status: Object, spec: Object) -> Iterator[Step]:
    images = {one["name"]: one.get("image", "") for one in spec.get("containers", ())}
    for one in status.get("containerStatuses") or ():
        waiting, ended = one.get("state", {}).get("waiting", {}), one.get("lastState", {}).get("terminated")
        word, said = waiting.get("reason") or "", waiting.get("message") or ""
        if word in _NO_IMAGE:
            yield _no_image(images.get(one["name"], ""), word, said)
        elif word in _BAD_CONFIG:
            yield Step(0, f"The server's container cannot be made: {sentence(said or word)}", "start_failed")
        elif ended or "terminated" in one.get("state", {}):
            ended = ended or one["state"]["terminated"]
            yield _died(ended)


def _no_image(image: str, word: str, said: str) -> Step:
    hint = "Ask an administrator to correct the profile's image or to put it where the cluster finds it."
    return Step(
        0, f"The image {image} cannot be had ({(said and sentence(said)[:-1]) or word}). {hint}", "image"
    )


def _died(ended: Object) -> Step:
    if ended.get("reason") == "OOMKilled":
        return Step(
            0, "The server needs more memory than its size has even to start. Choose a larger one.", "memory"
        )
    code = ended.get("exitCode")
    return Step(0, f"The notebook server ended while it started, with exit code {code}.", "died")


def _after(text: str, mark: str) -> str:
    return sentence(text.partition(mark)[2] or text)
