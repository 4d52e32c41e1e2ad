# mypy: disable-error-code="no-untyped-call"
"""JupyterLab in a pod of its owner's, with its resources reserved at the service."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from jupyterhub.utils import maybe_future
from kubernetes_asyncio.client.rest import ApiException
from kubespawner.spawner import KubeSpawner
from traitlets import default

from himalia.hub.kubernetes import pod, starting
from himalia.hub.reserving import Reserving, StartFailed

LOOK_S = 0.1
"""How often the pod is looked at while it starts; the hub's watch keeps it in memory."""
MARGIN_S = 5.0
"""So much before the hub's own limit a start is given up, with a reason."""


class HimaliaKubeSpawner(Reserving, KubeSpawner):
    """One person's notebook server on a cluster.

    Everything that KubeSpawner can be told holds here too, but for its profiles: image, resources, volumes and
    places are the reservation's. Lists and maps of both are added up.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.granted: dict[str, Any] | None = None
        super().__init__(**kwargs)
        # Events would be those of all jobs' pods, too, and what is to be said stands in the pod's own status; the
        # service makes the claims. Whatever an existing hub's configuration says, its account has no right to them.
        self.events_enabled, self.storage_pvc_ensure = False, False
        self._own_hook: Any = self.after_pod_created_hook
        self.after_pod_created_hook: Any = self._created

    @default("uid")
    def _uid_default(self) -> int:
        return 1000

    @default("gid")
    def _gid_default(self) -> int:
        return 100

    @default("fs_gid")
    def _fs_gid_default(self) -> int:
        return 100

    @default("pod_security_context")
    def _pod_security_context_default(self) -> dict[str, Any]:
        # A home with a million files is not walked at every start.
        return {"fsGroupChangePolicy": "OnRootMismatch"}

    @default("container_security_context")
    def _container_security_context_default(self) -> dict[str, Any]:
        return {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }

    @default("allow_privilege_escalation")
    def _allow_privilege_escalation_default(self) -> bool:
        return False

    @default("automount_service_account_token")
    def _automount_default(self) -> bool:
        return False

    @default("poll_interval")
    def _poll_interval_default(self) -> int:
        return 5  # the watch has the answer in memory

    @default("start_timeout")
    def _start_timeout_default(self) -> int:
        return 300

    @default("delete_grace_period")
    def _delete_grace_period_default(self) -> int:
        return 10

    async def _start(self) -> str:
        """Reserve, have the pod made, wait until Lab listens. `StartFailed` if not."""
        self._began = time.monotonic()
        self.granted = await self.reserve()
        try:
            self._take(self.granted)
            self.keep_state()
            await self._keep_token(self.granted["pod"]["labels"])
            url: str = await super()._start()
            return url
        except ApiException as error:
            await self._end()
            said = starting.refusal(error.status, _body(error))
            raise StartFailed(said, reason="refused", status_code=409) from error
        except BaseException:
            await self._end()
            raise
        finally:
            self.granted = None

    def _take(self, granted: dict[str, Any]) -> None:
        """Set what KubeSpawner itself writes into the pod."""
        self.pod_name = granted["pod"]["name"]
        self.dns_name = self.dns_name_template.format(namespace=self.namespace, name=self.pod_name)
        self.image = granted["pod"]["image"]
        self.working_dir = granted["home"]
        self.cmd = pod.command(granted["home"])

    async def _keep_token(self, labels: dict[str, str]) -> None:
        """Put the server's token where not everybody reads it who may look at pods."""
        await self.api.patch_namespaced_secret(
            self.pod_name,
            self.namespace,
            pod.secret(self.pod_name, labels, self.api_token),
            field_manager="himalia",
            force=True,
            _content_type="application/apply-patch+yaml",
        )

    async def get_pod_manifest(self) -> Any:
        """KubeSpawner's, with what the reservation adds."""
        assert self.granted is not None
        made = pod.complete(await super().get_pod_manifest(), self.granted, self.idle_timeout_s)
        return pod.hide(made, self.api_token)

    def get_env(self) -> dict[str, str]:
        """The hub's variables, and Lab's."""
        hub: dict[str, str] = super().get_env()
        return hub if self.granted is None else pod.environment(self.granted, self.user.name, hub)

    async def load_user_options(self) -> None:
        """A choice is one of the service's profiles, not of KubeSpawner's."""

    async def _created(self, _spawner: KubeSpawner, made: Any) -> None:
        """Wait, as KubeSpawner would, but told by the pod what is wrong, and until Lab listens."""
        change = pod.owned_by(made)
        await self.api.patch_namespaced_secret(
            self.pod_name, self.namespace, change, _content_type="application/merge-patch+json"
        )
        if self._own_hook:
            await maybe_future(self._own_hook(self, made))
        while not await self._listens(seen := self._pod()):
            step = starting.step(seen)
            if step.failed:
                raise StartFailed(step.message, reason=step.failed, status_code=500)
            waited_s = time.monotonic() - self._began
            if waited_s > self.start_timeout - MARGIN_S:
                raise StartFailed(starting.unfinished(step, waited_s), reason="timeout", status_code=500)
            await asyncio.sleep(LOOK_S)

    def _pod(self) -> dict[str, Any] | None:
        """The pod as the watch has it."""
        found: dict[str, Any] | None = self.pod_reflector.pods.get(f"{self.namespace}/{self.pod_name}")
        return found

    async def _listens(self, seen: dict[str, Any] | None) -> bool:
        if seen is None or not self.is_pod_running(seen):
            return False
        try:
            connecting = asyncio.open_connection(seen["status"]["podIP"], self.port)
            _, writer = await asyncio.wait_for(connecting, 2)
        except OSError:
            return False
        writer.close()
        return True

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What the page of a server that starts shows."""
        said = ""
        while self._start_future is None or not self._start_future.done():
            step = starting.step(self._pod() if self.pod_reflector else None)
            if step.message != said and not step.failed:
                said = step.message
                yield {"progress": step.progress, "message": said}
            await asyncio.sleep(2 * LOOK_S)

    async def stop(self, now: bool = False) -> None:
        """End the pod. While it starts, its reservation stays: KubeSpawner removes an old pod of that name so."""
        await super().stop(now)
        if self.granted is None:
            await self.release()

    async def poll(self) -> int | None:
        """None while the server runs. What one that ended held is given back here."""
        status: int | None = await super().poll()
        if status is not None and self.granted is None:
            await self.release()
        return status

    async def _end(self) -> None:
        """Remove what a failed start left. Safe to do twice."""
        try:
            await super().stop(now=True)
            await self._forget_token()
        finally:
            await self.release()

    async def _forget_token(self) -> None:
        """A pod that was never made takes its Secret not along."""
        try:
            await self.api.delete_namespaced_secret(self.pod_name, self.namespace)
        except ApiException as error:
            if error.status != 404:
                self.log.warning("The Secret %s is not removed: %s", self.pod_name, error.reason)


def _body(error: ApiException) -> dict[str, Any]:
    """What the API said, a Status (meta/v1)."""
    try:
        said = json.loads(error.body or b"")
    except (TypeError, ValueError):
        return {"message": error.reason}
    return said if isinstance(said, dict) else {}
