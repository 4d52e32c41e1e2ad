"""Workloads: what runs and waits of everybody, for administrators."""

from __future__ import annotations

import builtins
from datetime import datetime
from typing import Any, ClassVar

from himalia.client.api import Api, escaped, items
from himalia.client.bridge import blocking
from himalia.client.records import Record, many, moment


class Placed(Record):
    """A machine, and the names of the devices that something was given there, by resource name."""

    _shown = ("machine", "devices")
    machine: str
    devices: dict[str, builtins.list[str]]


class Workload(Record):
    """Anything that waits or runs: a job, a notebook server, an endpoint's server, or a task, whose `purpose` says
    what it does. `reserve` is what it holds, or waits for: `cpus`, `memory_bytes` and `devices`; `places` where it
    is: the `machine` of each rank, and the names of its `devices`, as far as they have names."""

    _made: ClassVar = {"queued_at": moment, "started_at": moment, "places": many(Placed)}
    _shown = ("kind", "name", "project", "person", "state")
    id: str
    kind: str
    purpose: str
    name: str
    project: str
    person: str
    state: str
    reason: str | None
    message: str | None
    attempt: int
    machine: str | None
    places: builtins.list[Placed]
    reserve: dict[str, Any]
    queued_at: datetime
    started_at: datetime | None


class Machine(Record):
    """A machine: what of it may be given out, and what of that is left; both have the keys of `Workload.reserve`.

    A node of a cluster may be kept, by `taints`, for workloads of profiles that tolerate them.
    """

    _shown = ("name", "free")
    name: str
    allocatable: dict[str, Any]
    free: dict[str, Any]
    taints: builtins.list[str]


class WorkloadVerbs:
    """What administrators see of everybody's workloads. The token needs the scope admin: raises Forbidden."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self) -> builtins.list[Workload]:
        """Everything that waits or runs now."""
        return [Workload(one) for one in items(await self._api.call("GET", "/workloads"))]

    async def stop(self, workload: str | Workload) -> None:
        """End one, by its id; whose it is sees that an administrator did. Raises NotFound, WrongState at its end."""
        given = workload.id if isinstance(workload, Workload) else workload
        await self._api.call("POST", escaped("workloads", given) + "/stop")

    async def machines(self) -> builtins.list[Machine]:
        """The machines, with what of them is free."""
        return [Machine(one) for one in items(await self._api.call("GET", "/machines"))]


class Workloads:
    """`client.workloads`."""

    def __init__(self, api: Api) -> None:
        self._verbs = WorkloadVerbs(api)

    list = blocking(WorkloadVerbs.list)
    stop = blocking(WorkloadVerbs.stop)
    machines = blocking(WorkloadVerbs.machines)
