"""Where people's and projects' files are on a cluster: claims of their own, or folders of the data claim."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from himalia.core.settings import Settings
from himalia.engine.backends.kubernetes import names
from himalia.engine.backends.kubernetes.client import Api, Object

DATA = "data"
HOME = "home"
PROJECT = "project"
"""Names of volumes in a pod."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of a pod, a mount of it, and what must be there first: a claim of its own, or a folder of the home."""

    volume: Object
    mount: Object
    claim: Object | None = None
    folder: str | None = None


def home(settings: Settings, person: str, at: str) -> Volume:
    """A person's home."""
    if settings.kubernetes_home_storage.get("shared"):
        return data(settings, f"people/{person}/home", at, read_only=False)
    labels = {names.PERSON: person}
    return _own(settings, settings.kubernetes_home_storage, HOME, names.home_claim(person), labels, at)


def project(settings: Settings, project: str, at: str) -> Volume:
    """A project's shared folder."""
    if settings.kubernetes_project_storage.get("shared"):
        return data(settings, f"projects/{project}/shared", at, read_only=False)
    labels = {names.PROJECT: project}
    return _own(
        settings, settings.kubernetes_project_storage, PROJECT, names.project_claim(project), labels, at
    )


def data(settings: Settings, folder: str, at: str, *, read_only: bool) -> Volume:
    """A folder of the data claim, and nothing else of it."""
    claim = {"claimName": settings.kubernetes_data_claim}
    mount = {"name": DATA, "mountPath": at, "subPath": folder, "readOnly": read_only}
    return Volume({"name": DATA, "persistentVolumeClaim": claim}, mount, folder=None if read_only else folder)


def _own(
    settings: Settings, storage: Mapping[str, Any], volume: str, name: str, labels: dict[str, str], at: str
) -> Volume:
    spec: Object = {
        "accessModes": [storage.get("access", "ReadWriteOnce")],
        "resources": {"requests": {"storage": storage.get("size", "10Gi")}},
    }
    if storage.get("class"):
        spec["storageClassName"] = storage["class"]
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "labels": {**names.common(settings.kubernetes_release), **labels}},
        "spec": spec,
    }
    used = {"name": volume, "persistentVolumeClaim": {"claimName": name}}
    return Volume(used, {"name": volume, "mountPath": at}, claim)


class Claims:
    """Makes claims and folders when they are first needed."""

    def __init__(self, api: Api, settings: Settings) -> None:
        self._api = api
        self._namespace = settings.kubernetes_namespace
        self._home = settings.home
        self._there: set[str] = set()

    async def ensure(self, *volumes: Volume) -> None:
        """Have what these volumes need be there; what this service has seen is not looked for again.

        Raises ApiError, Unreachable, OSError.
        """
        for volume in volumes:
            name = volume.claim["metadata"]["name"] if volume.claim else volume.folder
            if name is None or name in self._there:
                continue
            if volume.claim is not None:
                await self._api.create(names.core(self._namespace, "persistentvolumeclaims"), volume.claim)
            else:
                await asyncio.to_thread(_make_folder, self._home / name)
            self._there.add(name)


def _make_folder(path: Path) -> None:
    """A folder for the one account that pods have; the kubelet would make it root's."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o2770)
