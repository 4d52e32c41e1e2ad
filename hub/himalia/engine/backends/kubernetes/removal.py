"""`python -m himalia.engine.backends.kubernetes.removal`: after an uninstallation that is to leave nothing.

Removes what the platform made for people: their jobs and servers, and then their volumes. Told by
HIMALIA_KUBERNETES_NAMESPACE and HIMALIA_KUBERNETES_RELEASE.
"""

from __future__ import annotations

import asyncio
import logging

from himalia.core.settings import Settings
from himalia.engine.backends.kubernetes import names
from himalia.engine.backends.kubernetes.client import Api, ApiError, Object, Unreachable

log = logging.getLogger(__name__)

COMPONENT = "app.kubernetes.io/component"
AGAIN_S = 1.0


async def remove(api: Api, namespace: str, release: str) -> None:
    """Return when nothing of the release is left. Raises ApiError."""
    ours = names.selector(names.common(release))
    of_release = names.selector({names.INSTANCE: release})
    pods = names.core(namespace, "pods")
    kinds = {
        names.jobs(namespace): ours,
        pods: ours,
        names.core(namespace, "configmaps"): ours,
        names.core(namespace, "persistentvolumeclaims"): of_release,
    }
    # Hub and service would make anew what is removed under their eyes.
    while platform := await _found(api, pods, f"{of_release},{COMPONENT} in (hub,service)"):
        log.info("Waiting for the end of %s", ", ".join(one["name"] for one in platform))
        await asyncio.sleep(AGAIN_S)
    while found := [(kind, one) for kind, which in kinds.items() for one in await _found(api, kind, which)]:
        for kind, one in found:
            if "deletionTimestamp" not in one:
                log.info("Removing %s %s", kind.rpartition("/")[2], one["name"])
                await api.delete(f"{kind}/{one['name']}")
        await asyncio.sleep(AGAIN_S)


async def _found(api: Api, kind: str, selector: str) -> list[Object]:
    """The metadata of objects; asked again while the API is away."""
    while True:
        try:
            listed = await api.get(kind, {"labelSelector": selector})
            return [one["metadata"] for one in listed["items"]]
        except (ApiError, Unreachable) as error:
            if isinstance(error, ApiError) and not error.passes:
                raise
            log.warning("%s", error)
        await asyncio.sleep(AGAIN_S)


async def main() -> None:
    """Do it with the rights of this pod."""
    settings = Settings()
    api = await Api.connect()
    try:
        await remove(api, settings.kubernetes_namespace, settings.kubernetes_release)
    finally:
        await api.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(main())
