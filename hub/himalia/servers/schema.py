"""What the hub's spawner is told."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from himalia.core.schema import Body, Name


class ReservationCreate(Body):
    """Who wants a server, of which profile; `user_created` is the hub's creation time of the account."""

    user: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    user_created: Annotated[str, StringConstraints(max_length=40)] | None = None
    server: Annotated[str, StringConstraints(max_length=255)] = ""
    groups: Annotated[list[Annotated[str, StringConstraints(max_length=255)]], Field(max_length=1000)] = (
        Field(default_factory=list)
    )
    profile: Name
    size: Name | None = None


class ReservedPerson(BaseModel):
    """Numeric ids are null where the platform does not run as root."""

    id: str
    uid: int | None
    gid: int | None
    groups: list[int]


class ReservedProject(BaseModel):
    """A project whose folders are bound into the server; a viewer has the check-outs alone."""

    id: str
    name: str
    shared: str | None
    checkouts: str
    gid: int | None


class ReservedEnvironment(BaseModel):
    """An environment that kernels may run in; its `marker` names its overlays where the folder does not tell."""

    name: str
    title: str
    prefix: str
    binds: list[str]
    marker: str = ""


class ReservedPod(BaseModel):
    """What a server's pod is made of, in Kubernetes' own words (core/v1).

    `spec` is merged into the pod's: node selector, tolerations, pull secrets and the like. `volumes` and
    `mounts` are the person's home, shared folders, check-outs and overlays; their claims are there.
    """

    name: str
    image: str
    pull_policy: str = "IfNotPresent"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    spec: dict[str, Any] = {}
    volumes: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []


class Reservation(BaseModel):
    """Everything the spawner needs.

    On a cluster there is a `pod`, and `home`, `overlays` and the environment's prefix are paths inside of it.
    """

    id: str
    person: ReservedPerson
    home: str
    overlays: str
    projects: list[ReservedProject]
    environment: ReservedEnvironment
    environments: list[ReservedEnvironment]
    limit: dict[str, Any]
    reserve: dict[str, Any] = {}
    devices: list[str]
    env: dict[str, str]
    idle_timeout_s: int = 0
    pod: ReservedPod | None = None


class SizeShown(BaseModel):
    """A size of a profile. `free_now` is how many more servers would fit, `free_for_jobs` how many jobs."""

    name: str
    title: str
    cpus: float
    memory_bytes: int
    accelerators: dict[str, int]
    default: bool
    free_now: int | None
    free_for_jobs: int | None
    reason: str | None


class ProfileShown(BaseModel):
    """A profile with what is free now; `reason` says why it is not available and what makes it so."""

    name: str
    title: str
    description: str
    framework: str
    environment: str
    available: bool
    reason: str | None
    sizes: list[SizeShown]


class MachineFree(BaseModel):
    """The one machine that there is, and what of it is free."""

    cpus: float
    free_cpus: float
    memory_bytes: int
    free_memory_bytes: int


class ProfileItems(BaseModel):
    """`machine` is null where there are several."""

    items: list[ProfileShown]
    next_page_token: None = None
    machine: MachineFree | None
