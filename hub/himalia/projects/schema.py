"""What the API shows of projects."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from himalia.core.schema import Body, Labels, Name, Who, sound_text

RoleName = Literal["viewer", "editor", "owner"]
MemberKind = Literal["person", "group"]
Title = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(sound_text)]


class ProjectSpec(Body):
    title: Title = ""
    description: Annotated[str, StringConstraints(max_length=10_000), AfterValidator(sound_text)] = ""


class ProjectStatus(BaseModel):
    """`running` counts the workloads that run now, `waiting` those in the queue."""

    personal: bool
    role: Literal["none", "viewer", "editor", "owner"]
    running: int = 0
    waiting: int = 0
    deleted_at: datetime | None = None


class Project(BaseModel):
    """A shared space."""

    id: str
    name: str
    project: None = None
    labels: dict[str, str]
    spec: ProjectSpec
    status: ProjectStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime
    etag: str


class ProjectCreate(Body):
    name: Name
    labels: Labels = Field(default_factory=dict)
    spec: ProjectSpec = Field(default_factory=ProjectSpec)


class ProjectUpdate(Body):
    name: Name | None = None
    labels: Labels | None = None
    spec: ProjectSpec | None = None


class Member(BaseModel):
    """A person or a hub group in a project."""

    kind: MemberKind
    name: str
    role: RoleName


class MemberRole(Body):
    role: RoleName


class Restore(Body):
    """`name` is needed when the old one has been taken meanwhile."""

    name: Name | None = None
