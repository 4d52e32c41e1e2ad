"""From a launch to the objects that carry it out: a Job, the Secret it waits for, and a group's Service. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from himalia.core.settings import Settings
from himalia.engine.backends.base import KERNEL, Launch
from himalia.engine.backends.kubernetes import names, volumes
from himalia.engine.backends.kubernetes.client import Object
from himalia.engine.backends.kubernetes.volumes import Volume
from himalia.engine.resources import Resources

UID, GID = 1000, 100
"""Everybody's in a pod: what is whose is decided by what is mounted."""

CONTAINER = "workload"
PYTHON = "python3"
LAUNCH_FILE = "launch.json"
LAUNCH_FOLDER = "/run/himalia-launch"
RUNNER_FOLDER = "/opt/himalia"
RUNNER_FILE = "himalia.zip"
JOB_FOLDER = "/job"
OVERLAYS = "/overlays"
SERVE_PORT = 8080

STORE_S = 30
"""Time that a pod which is to end has for storing outputs and telling of its end, beyond the grace of its code."""

KEPT_S = 3600
"""Time after which the cluster removes a Job that has ended, if nobody else has."""

DEVICE_VARIABLES = {"nvidia.com/": "NVIDIA_VISIBLE_DEVICES", "huawei.com/": "ASCEND_VISIBLE_DEVICES"}
"""By the beginning of a resource's name."""

RUNNER_MEMORY_BYTES = 64 * 2**20
"""What the runner takes, beside what is the workload's own."""


def job(
    launch: Launch, settings: Settings, runner: str, mounted: Sequence[Volume], queue: str = ""
) -> Object:
    """The Job of an attempt; `runner` is the ConfigMap of the runner, `mounted` what it sees of our files.

    In a `queue` of Kueue's it is suspended until Kueue lets it go.
    """
    labels = names.of_launch(settings.kubernetes_release, launch)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": launch.name, "labels": labels | ({names.QUEUE: queue} if queue else {})},
        "spec": {
            **({"suspend": True} if queue else {}),
            "completionMode": "Indexed",
            "completions": launch.replicas,
            "parallelism": launch.replicas,
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "ttlSecondsAfterFinished": KEPT_S,
            "template": _pod(launch, settings, labels, runner, mounted),
        },
    }


def _pod(
    launch: Launch, settings: Settings, labels: dict[str, str], runner: str, mounted: Sequence[Volume]
) -> Object:
    parts = launch.pod
    spec: Object = deepcopy(dict(parts.spec if parts else settings.kubernetes_pod_defaults))
    own = [*_folders(launch, runner), *mounted]
    spec |= {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": int(settings.stop_grace_s) + STORE_S,
        "securityContext": pod_security(),
        "containers": [_container(launch, settings, own)],
        "volumes": _once([one.volume for one in own]) + list(parts.volumes if parts else ()),
    }
    if parts:
        spec["containers"][0]["volumeMounts"] += list(parts.mounts)
    secrets = [{"name": name} for name in settings.kubernetes_pull_secrets]
    # A name twice, as of a profile's parts and of the settings, is what server-side apply refuses.
    if secrets := _once([*spec.get("imagePullSecrets", []), *secrets]):
        spec["imagePullSecrets"] = secrets
    if launch.replicas > 1:
        spec["subdomain"] = launch.name
    tolerations = [{"key": name, "operator": "Exists"} for name, _ in launch.limit.devices]
    if tolerations:
        spec["tolerations"] = [*spec.get("tolerations", []), *tolerations]
    return {
        "metadata": {
            "labels": {**(parts.labels if parts else {}), **labels},
            "annotations": dict(parts.annotations) if parts else {},
        },
        "spec": spec,
    }


def _container(launch: Launch, settings: Settings, own: Sequence[Volume]) -> Object:
    return {
        "name": CONTAINER,
        "image": launch.image,
        "imagePullPolicy": settings.kubernetes_pull_policy,
        # Arguments, not the command: so the image's own entrypoint, a small init mostly, stays in place.
        "args": [PYTHON, "-m", "himalia.runner.pod", "--launch", f"{LAUNCH_FOLDER}/{LAUNCH_FILE}"],
        "workingDir": JOB_FOLDER,
        "env": [
            {"name": "HOME", "value": JOB_FOLDER},
            {"name": "PYTHONPATH", "value": f"{RUNNER_FOLDER}/{RUNNER_FILE}"},
        ],
        "resources": _resources(launch),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [one.mount for one in own],
    }


def pod_security() -> Object:
    """What the Pod Security Standard “restricted” asks of a pod, and whose the files are."""
    return {
        "runAsNonRoot": True,
        "runAsUser": UID,
        "runAsGroup": GID,
        "fsGroup": GID,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Object:
    """The same for a container."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def _resources(launch: Launch) -> Object:
    reserve, limit = launch.reserve or launch.limit, launch.limit
    devices = {name: str(count) for name, count in limit.devices}
    limits = _amounts(
        limit.plus(Resources(memory_bytes=RUNNER_MEMORY_BYTES)) if limit.memory_bytes else limit
    )
    # A request of nothing is said, too: without a word it would be as much as the limit.
    requests = dict.fromkeys(limits, "0") | _amounts(reserve)
    return {"requests": requests | devices, "limits": limits | devices}


def _amounts(amounts: Resources) -> dict[str, str]:
    cores = {"cpu": f"{amounts.cpus_m}m"} if amounts.cpus_m else {}
    return cores | ({"memory": str(amounts.memory_bytes)} if amounts.memory_bytes else {})


def _folders(launch: Launch, runner: str) -> list[Volume]:
    """What every workload's pod has: its runner, what that is told, and room of its own."""
    return [
        Volume(
            {"name": "runner", "configMap": {"name": runner}},
            {"name": "runner", "mountPath": RUNNER_FOLDER, "readOnly": True},
        ),
        Volume(
            {"name": "launch", "secret": {"secretName": launch.name, "defaultMode": 0o440}},
            {"name": "launch", "mountPath": LAUNCH_FOLDER, "readOnly": True},
        ),
        _empty("job", JOB_FOLDER),
        _empty("sockets", "/run/himalia"),
        _empty("tmp", "/tmp"),  # noqa: S108 (a mount point)
    ]


def _empty(name: str, at: str) -> Volume:
    return Volume({"name": name, "emptyDir": {}}, {"name": name, "mountPath": at})


def mounted(launch: Launch, settings: Settings) -> list[Volume]:
    """What an attempt sees of its project's and its person's files, and no more of them than it needs."""
    trees = sorted({one["tree"] for one in launch.inputs.values() if "tree" in one})
    seen = [
        volumes.data(
            settings, f"projects/{launch.project.id}/checkouts/{tree}", f"/checkouts/{tree}", read_only=True
        )
        for tree in trees
    ]
    if not launch.isolated:
        seen.append(volumes.project(settings, launch.project.id, f"/shared/{launch.project.name}"))
    if launch.overlay is not None:
        folder = f"people/{launch.person.id}/overlays"
        if not is_building(launch):
            folder += f"/{launch.overlay}"
        at = OVERLAYS if is_building(launch) else f"{OVERLAYS}/{launch.overlay}"
        seen.append(volumes.data(settings, folder, at, read_only=not is_building(launch)))
    return seen


def is_building(launch: Launch) -> bool:
    """Whether it makes an overlay, rather than using one."""
    return launch.purpose == "overlay"


def secret(launch: Launch, settings: Settings, owner: str, index: Mapping[str, str] | None = None) -> Object:
    """What only the runner is told; `owner` is the uid of the Job, with which it goes."""
    content = json.dumps(told(launch, settings, index)).encode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _owned(launch, settings, owner),
        "immutable": True,
        "data": {LAUNCH_FILE: base64.b64encode(content).decode()},
    }


def service(launch: Launch, settings: Settings, owner: str) -> Object:
    """The headless Service by which the ranks of a group find each other, from before they are ready."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _owned(launch, settings, owner),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {"batch.kubernetes.io/job-name": launch.name},
        },
    }


def policy(launch: Launch, settings: Settings, owner: str) -> Object:
    """What lets the ranks of a group, and nobody else, talk with each other."""
    ranks = {"podSelector": {"matchLabels": {names.WORKLOAD: launch.workload}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _owned(launch, settings, owner),
        "spec": {
            **ranks,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [ranks]}],
            "egress": [{"to": [ranks]}],
        },
    }


def _owned(launch: Launch, settings: Settings, owner: str) -> Object:
    job = {"apiVersion": "batch/v1", "kind": "Job", "name": launch.name, "uid": owner}
    labels = names.of_launch(settings.kubernetes_release, launch)
    return {"name": launch.name, "labels": labels, "ownerReferences": [job]}


def told(launch: Launch, settings: Settings, index: Mapping[str, str] | None = None) -> Object:
    """The content of the launch file: see `himalia.runner.pod`.

    Who installs packages is told by the variables `index` where they come from.
    """
    building = is_building(launch)
    task: Object = {
        **launch.task,
        "directory": f"{JOB_FOLDER}/{launch.name}",
        "environment": {
            "HIMALIA_PROJECT": launch.project.name,
            **(index or {}),
            **_serving(launch),
            **launch.variables,
        },
        "inputs": {path: _inside(one) for path, one in launch.inputs.items()},
        "calls_api": not (launch.isolated or building),
        "kernel_group": launch.kernel_group,
        "secret_environment": dict(launch.secrets),
        "secret_files": dict(launch.secrets),
        "memory_bytes": launch.limit.memory_bytes or None,
        "time_limit_s": launch.time_limit_s,
        "log_limit_bytes": settings.log_limit_bytes,
        "token": launch.token,
    }
    if launch.overlay is not None and not building:
        python = f"{OVERLAYS}/{launch.overlay}/bin/python"
        task |= {"python": python, "kernel_argv": [python, *KERNEL]}
    if launch.replicas > 1:
        task["hosts"] = [f"{launch.name}-{rank}.{launch.name}" for rank in range(launch.replicas)]
    return {
        "name": launch.name,
        "workload": launch.workload,
        "attempt": launch.attempt,
        "url": settings.reached_at,
        "grace_s": settings.stop_grace_s,
        "task": task,
        "devices": _told_in(launch),
    }


def _told_in(launch: Launch) -> dict[str, str]:
    """Where the plugins of its devices tell a container which ones it has; others give a number, and no names."""
    return {
        resource: variable
        for resource, _ in launch.limit.devices
        for vendor, variable in DEVICE_VARIABLES.items()
        if resource.startswith(vendor)
    }


def _serving(launch: Launch) -> dict[str, str]:
    return {"HIMALIA_SERVE_ADDRESS": f"0.0.0.0:{SERVE_PORT}"} if launch.kind == "endpoint" else {}


def _inside(one: Mapping[str, str]) -> str:
    return f"/checkouts/{one['tree']}/{one['path']}".rstrip("/")


def _once(listed: Sequence[Any]) -> list[Any]:
    return list({one.get("name"): one for one in listed}.values())
