"""The small service of the hub's tests, with answers for pods."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hub_reservations import PROFILES, Reservations, Running, error, size

__all__ = ["PodReservations", "Running"]

GPU = {**size("gpu", 2**28), "accelerators": {"nvidia.com/gpu": 1}}
MANY = {**size("many", 2**28), "accelerators": {"nvidia.com/gpu": 64}}
ENVIRONMENT = {"name": "base", "title": "Python", "prefix": "/opt/environment", "binds": []}


@dataclass
class PodReservations(Reservations):
    """Pods of one image, each with a home that goes with it; `pod` changes what the next ones get."""

    image: str = ""
    memory_bytes: int = 3 * 2**28
    pod: dict[str, Any] = field(default_factory=dict)

    def profiles(self) -> dict[str, Any]:
        items = [{**PROFILES[0], "sizes": [size("small", 2**28, default=True), GPU, MANY]}]
        for one in items[0]["sizes"]:
            one.update(free_now=1, reason=None)
        return {"items": items, "machine": {}}

    def reserve(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status, granted = super().reserve({**asked, "size": "small"})
        if status != 201:
            return status, granted
        if "refused" in asked["user"]:
            self.taken.pop(granted["id"])
            return 422, error(
                "invalid", "The profile “Python” is for certain groups only. Ask an administrator."
            )
        devices = next(one for one in self.profiles()["items"][0]["sizes"] if one["name"] == asked["size"])
        amounts = {"memory_bytes": self.memory_bytes, "devices": devices["accelerators"]}
        labels = {"himalia/role": "server", "himalia/workload": granted["id"]}
        pod = {
            "name": f"server-{granted['person']['id']}{'-' + asked['server'].lower()[:6] if asked['server'] else ''}"
        }
        pod |= {"image": self.image, "labels": labels, "annotations": {"example.org/a": "{not a template}"}}
        home = {"name": "home", "emptyDir": {}}
        pod |= {"spec": {"tolerations": [{"key": "x", "operator": "Exists"}]}, "volumes": [home]}
        pod |= {"mounts": [{"name": "home", "mountPath": "/home/himalia"}], **self.pod}
        granted |= {
            "home": "/home/himalia",
            "overlays": "/overlays",
            "environment": ENVIRONMENT,
            "environments": [ENVIRONMENT],
            "limit": {"cpus": 1, **amounts},
            "reserve": {"cpus": 0, **amounts},
            "pod": pod,
        }
        return 201, granted
