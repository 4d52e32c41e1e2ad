"""What a notebook server's pod is made of on a cluster: image, labels, and the person's and projects' files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b

from himalia.core.settings import Settings
from himalia.engine.backends.kubernetes import names, volumes
from himalia.engine.backends.kubernetes.manifests import GID, OVERLAYS, UID
from himalia.engine.backends.kubernetes.volumes import Volume
from himalia.environments.places import Environments
from himalia.profiles.model import Profile
from himalia.profiles.pods import PodParts
from himalia.servers.schema import Reservation, ReservedPod

HOME = "/home/himalia"
"""Everybody's home in a pod, as the images have it."""

MakeClaims = Callable[..., Awaitable[None]]
"""Has the claims of some volumes be there; raises Unavailable."""


class Pods:
    """Completes a reservation for a cluster."""

    def __init__(self, settings: Settings, environments: Environments, make_claims: MakeClaims) -> None:
        self.settings = settings
        self.environments = environments
        self.make_claims = make_claims

    async def complete(self, reservation: Reservation, profile: Profile, server: str) -> None:
        """Say what its pod is, and every path as the pod sees it. Raises Unavailable where there is no storage."""
        image, added = await asyncio.to_thread(
            self.environments.image, reservation.environment.name, profile.name
        )
        mounted = self._mounted(reservation)
        await self.make_claims(*mounted)
        reservation.pod = self._pod(reservation, server, image, added or PodParts(), mounted)
        reservation.person.uid, reservation.person.gid, reservation.person.groups = UID, GID, []
        reservation.home, reservation.overlays = HOME, OVERLAYS
        # Its image is the one environment that a pod has.
        reservation.environment.marker = self.environments.marker(reservation.environment.name, profile.name)
        reservation.environments = [reservation.environment]
        reservation.devices = []

    def _mounted(self, reservation: Reservation) -> list[Volume]:
        """The home, and of each project what its member may see; the folders' paths become those inside."""
        person = reservation.person.id
        seen = [
            volumes.home(self.settings, person, HOME),
            volumes.data(self.settings, f"people/{person}/overlays", OVERLAYS, read_only=True),
        ]
        for project in reservation.projects:
            inside = f"/checkouts/{project.name}"
            folder = f"projects/{project.id}/checkouts"
            seen.append(volumes.data(self.settings, folder, inside, read_only=True))
            project.checkouts, project.gid = inside, None
            if project.shared is not None:
                project.shared = f"/shared/{project.name}"
                seen.append(_renamed(volumes.project(self.settings, project.id, project.shared), project.id))
        return seen

    def _pod(
        self, reservation: Reservation, server: str, image: str, added: PodParts, mounted: list[Volume]
    ) -> ReservedPod:
        labels = {
            **added.labels,
            **names.common(self.settings.kubernetes_release),
            names.WORKLOAD: reservation.id,
            names.KIND: "server",
            names.PERSON: reservation.person.id,
            names.ROLE: "server",
        }
        tolerations = [{"key": name, "operator": "Exists"} for name in reservation.limit["devices"]]
        spec = dict(added.spec)
        if tolerations:
            spec["tolerations"] = [*spec.get("tolerations", []), *tolerations]
        used = {one.volume["name"]: one.volume for one in mounted}
        return ReservedPod(
            name=pod_name(reservation.person.id, server),
            image=image,
            pull_policy=self.settings.kubernetes_pull_policy,
            labels=labels,
            annotations=dict(added.annotations),
            spec=spec,
            volumes=[*used.values(), *added.volumes],
            mounts=[*(one.mount for one in mounted), *added.mounts],
        )


def pod_name(person: str, server: str) -> str:
    """The name of a server's pod; a named server has a mark made of its name, which may hold anything."""
    mark = f"-{blake2b(server.encode(), digest_size=4).hexdigest()}" if server else ""
    return f"server-{person}{mark}"


def _renamed(volume: Volume, project: str) -> Volume:
    """One pod may have the claims of several projects."""
    if volume.claim is None:
        return volume
    name = f"project-{project}"
    return Volume({**volume.volume, "name": name}, {**volume.mount, "name": name}, volume.claim)
