"""A provisioner: every claim of one storage class gets a folder of this machine, as a volume that all nodes reach."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from kubernetes.aio import client, config, watch

_log = logging.getLogger("volumes")
AGAIN_S = 0.5
CACHED = "0"
"""What the API server has in its cache: Debian's etcd does not tell it when that is the newest state."""


async def provide(kubeconfig: Path, folder: Path, storage_class: str) -> None:
    """Serve claims for ever; a claim's folder goes with it."""
    await config.load_kube_config(str(kubeconfig))
    async with client.ApiClient() as api:
        provisioner = _Provisioner(client.CoreV1Api(api), folder, storage_class)
        await asyncio.gather(_ever(provisioner.follow_claims), _ever(provisioner.follow_volumes))


class _Provisioner:
    def __init__(self, core: Any, folder: Path, storage_class: str) -> None:
        self.core = core
        self.folder = folder
        self.storage_class = storage_class

    async def follow_claims(self) -> None:
        claims = self.core.list_persistent_volume_claim_for_all_namespaces
        async for event in watch.Watch().stream(claims, resource_version=CACHED):
            claim = event["object"]
            if event["type"] == "DELETED" or claim.spec.volume_name:
                continue
            if claim.spec.storage_class_name == self.storage_class:
                await self._make(claim)

    async def follow_volumes(self) -> None:
        async for event in watch.Watch().stream(self.core.list_persistent_volume, resource_version=CACHED):
            volume = event["object"]
            ours = volume.spec.storage_class_name == self.storage_class and volume.spec.local
            let_go = event["type"] != "DELETED" and volume.status.phase == "Released"
            if ours and let_go and volume.spec.persistent_volume_reclaim_policy == "Delete":
                shutil.rmtree(self.folder / volume.metadata.name, ignore_errors=True)
                await _unless(404, self.core.delete_persistent_volume(volume.metadata.name))

    async def _make(self, claim: Any) -> None:
        name = f"pvc-{claim.metadata.uid}"
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        owner = {
            "namespace": claim.metadata.namespace,
            "name": claim.metadata.name,
            "uid": claim.metadata.uid,
        }
        anywhere = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "Exists"}]}
        spec = {
            "capacity": {"storage": claim.spec.resources.requests["storage"]},
            "accessModes": claim.spec.access_modes,
            "storageClassName": self.storage_class,
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **owner},
            # Unlike a hostPath, a local volume is given to the pod's fsGroup, as a cloud's volumes are.
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [anywhere]}},
        }
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
        await _unless(409, self.core.create_persistent_volume(volume))
        _log.info("%s for %s/%s", name, claim.metadata.namespace, claim.metadata.name)


async def _unless(status: int, call: Awaitable[Any]) -> None:
    try:
        await call
    except client.ApiException as error:
        if error.status != status:
            raise


async def _ever(follow: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await follow()
        except Exception as error:
            _log.warning("Following again: %s", error)
            await asyncio.sleep(AGAIN_S)
