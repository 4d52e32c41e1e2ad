"""What a reservation makes of a server's pod. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from himalia.hub import lab

LAB_PREFIX = "/opt/lab"
"""Where the images have JupyterLab."""
EXAMPLES = f"{LAB_PREFIX}/share/himalia/examples"
FILES_VOLUME = "himalia-lab"
_KEY = "token"
"""The key of a server's Secret."""
_ANNOTATION = "himalia/lab-{}"

# Only whoever is in the pod can see whether this is a first start. A disk may come with a lost+found.
_FIRST_START = (
    f'if [ -z "$(ls -A | grep -vx lost+found)" ] && [ -f {EXAMPLES}/{lab.FIRST_NOTEBOOK} ] '
    f"&& cp -R {EXAMPLES} examples; then "
    f"export JUPYTERHUB_DEFAULT_URL=/lab/tree/examples/{lab.FIRST_NOTEBOOK}; fi; "
    'exec "$@"'
)


def command(home: str) -> list[str]:
    """JupyterLab in a pod, as the hub's other arguments follow; the image's entry point, tini, starts it."""
    return ["/bin/sh", "-c", _FIRST_START, "sh", *lab.server(f"{LAB_PREFIX}/bin/python", home)]


def environment(granted: Mapping[str, Any], user: str, hub: Mapping[str, str]) -> dict[str, str]:
    """Lab's variables; `hub` are those the hub gives."""
    more = {"HOME": granted["home"], **lab.memory_and_cores(granted["limit"]), **granted["env"]}
    if granted["projects"]:
        more = {"HIMALIA_PROJECT": granted["projects"][0]["name"], **more}
    made = lab.environment(granted["environment"], user, hub, more, LAB_PREFIX)
    # There the image's own word counts, which has them all.
    del made["PATH"]
    return made


def resources(granted: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """(requests, limits). A request of nothing is said, too: without a word it would be as much as the limit."""
    reserve, limit = granted["reserve"], granted["limit"]
    devices = {name: str(count) for name, count in limit.get("devices", {}).items()}
    return {**_amounts(reserve), **devices}, {**_amounts(limit), **devices}


def _amounts(amounts: Mapping[str, Any]) -> dict[str, str]:
    return {"cpu": f"{round(amounts['cpus'] * 1000)}m", "memory": str(amounts["memory_bytes"])}


def settings(granted: Mapping[str, Any], idle_timeout_s: int) -> tuple[dict[str, str], dict[str, Any]]:
    """(annotations, volume) with Lab's settings and kernels: the pod's own annotations are its files.

    So they need no object of their own, which would have to be made before and removed after the pod.
    """
    files = lab.files(
        granted["environment"]["name"],
        granted["environments"],
        granted["overlays"],
        granted.get("idle_timeout_s", idle_timeout_s),
        LAB_PREFIX,
    )
    annotations = {_ANNOTATION.format(number): text for number, text in enumerate(files.values())}
    items = [
        {
            "path": path.removeprefix(f"{lab.FOLDER}/"),
            "fieldRef": {"fieldPath": f"metadata.annotations['{name}']"},
        }
        for path, name in zip(files, annotations, strict=True)
    ]
    return annotations, {"name": FILES_VOLUME, "downwardAPI": {"items": items}}


def complete(manifest: Any, granted: Mapping[str, Any], idle_timeout_s: int) -> Any:
    """The spawner's own manifest (a V1Pod) with what the reservation adds to it."""
    pod, server = granted["pod"], manifest.spec.containers[0]
    annotations, files = settings(granted, idle_timeout_s)
    manifest.metadata.labels |= pod["labels"]
    manifest.metadata.annotations |= {**pod["annotations"], **annotations}
    manifest.spec.volumes = [*(manifest.spec.volumes or []), *pod["volumes"], files]
    mount = {"name": FILES_VOLUME, "mountPath": lab.FOLDER, "readOnly": True}
    server.volume_mounts = [*(server.volume_mounts or []), *pod["mounts"], mount]
    # What the hub itself is told of it counts.
    server.image_pull_policy = server.image_pull_policy or pod.get("pull_policy")
    server.resources.requests, server.resources.limits = resources(granted)
    manifest.spec.enable_service_links = False
    for key, value in pod["spec"].items():
        _add(manifest.spec, key, value)
    return manifest


def hide(manifest: Any, token: str) -> Any:
    """The manifest with the token, wherever a variable has it, left to the Secret of the pod's name."""
    for variable in manifest.spec.containers[0].env:
        if variable.value == token:
            variable.value = None
            variable.value_from = {"secretKeyRef": {"name": manifest.metadata.name, "key": _KEY}}
    return manifest


def secret(name: str, labels: Mapping[str, str], token: str) -> dict[str, Any]:
    """The Secret with a server's token."""
    about = {"name": name, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": {_KEY: token}}


def owned_by(pod: Mapping[str, Any]) -> dict[str, Any]:
    """The change that has an object go with its pod."""
    about = pod["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": about["name"], "uid": about["uid"]}
    return {"metadata": {"ownerReferences": [owner]}}


def _add(spec: Any, key: str, value: Any) -> None:
    """Set a field that is named as in a manifest; to lists and maps it is added."""
    name = {there: ours for ours, there in spec.attribute_map.items()}[key]
    before = getattr(spec, name)
    if isinstance(before, dict):
        value = {**before, **value}
    elif isinstance(before, list):
        value = [*before, *value]
    setattr(spec, name, value)
