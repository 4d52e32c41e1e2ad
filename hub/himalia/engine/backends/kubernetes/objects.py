"""Making and removing what carries out an attempt: three calls of the API in all, two more for a group of ranks."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable

from himalia.core.settings import Settings
from himalia.engine.backends.base import Launch
from himalia.engine.backends.kubernetes import inject, manifests, names
from himalia.engine.backends.kubernetes.client import Api, ApiError, Object, Unreachable
from himalia.engine.backends.kubernetes.volumes import Claims
from himalia.environments.index import index_elsewhere

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Attempts that are being made or removed at the same time."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0


class Objects:
    """What this installation has made in its namespace."""

    def __init__(self, api: Api, settings: Settings) -> None:
        self._api = api
        self._settings = settings
        self._namespace = settings.kubernetes_namespace
        self._some = asyncio.Semaphore(AT_ONCE)
        self._runner = ""
        self.claims = Claims(api, settings)

    async def bring_runner(self) -> None:
        """Have the ConfigMap be there from which pods get the runner. Raises ApiError, Unreachable."""
        zipped = inject.runner_zip()
        name = f"{self._settings.kubernetes_release}-runner-{zipped.digest}"
        manifest = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": names.common(self._settings.kubernetes_release)},
            "binaryData": {inject.FILE: base64.b64encode(zipped.data).decode()},
            "immutable": True,
        }
        await self._create("configmaps", manifest)
        self._runner = name

    async def make(self, launch: Launch, uid: str | None) -> str:
        """Have an attempt's objects be there; `uid` is its Job's, if that is there already. Answers it.

        Raises ApiError, Unreachable, OSError.
        """
        settings = self._settings
        async with self._some:
            if uid is None:
                manifest = await self._job(launch)
                made = await self._api.apply(f"{names.jobs(self._namespace)}/{launch.name}", manifest)
                uid = str(made["metadata"]["uid"])
            index = index_elsewhere() if manifests.is_building(launch) else None
            await self._create("secrets", manifests.secret(launch, settings, uid, index))
            if launch.replicas > 1:
                await self._create("services", manifests.service(launch, settings, uid))
                policy = manifests.policy(launch, settings, uid)
                await self._api.create(names.policies(self._namespace), policy)
        return uid

    async def offer(self, launch: Launch) -> None:
        """Have an attempt's Job be there, suspended, in Kueue's queue. Raises ApiError, Unreachable, OSError."""
        async with self._some:
            manifest = await self._job(launch, self._settings.kubernetes_queue)
            await self._api.create(names.jobs(self._namespace), manifest)

    async def _job(self, launch: Launch, queue: str = "") -> Object:
        """The Job of an attempt, once what it mounts is there."""
        mounted = manifests.mounted(launch, self._settings)
        await self.claims.ensure(*mounted)
        return manifests.job(launch, self._settings, self._runner, mounted, queue)

    async def _create(self, resource: str, manifest: Object) -> None:
        await self._api.create(names.core(self._namespace, resource), manifest)

    async def remove(self, name: str, uid: str | None = None) -> None:
        """Remove an attempt's Job, and with it all that it owns; tried until the API has taken it."""

        async def delete() -> None:
            async with self._some:
                await self._api.delete(f"{names.jobs(self._namespace)}/{name}", uid)

        await persist(delete, f"Removing {name}")

    async def log(self, pod: str) -> bytes:
        """What a pod's container has printed. Raises ApiError, Unreachable."""
        query = {"container": manifests.CONTAINER, "limitBytes": 2**20}
        return await self._api.text(f"{names.core(self._namespace, 'pods')}/{pod}/log", query)


async def persist(call: Callable[[], Awaitable[None]], what: str) -> None:
    """Make a call until it succeeds, with pauses that grow."""
    pause = FIRST_PAUSE_S
    while True:
        try:
            return await call()
        except (ApiError, Unreachable) as error:
            log.warning("%s: %s", what, error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)
