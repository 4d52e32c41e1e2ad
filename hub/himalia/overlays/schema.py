"""What the API shows of overlays."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from himalia.core.schema import Body, Name


class OverlayCreate(Body):
    """The text of a requirements.txt, and the environment that it adds to.

    On a cluster, an environment is the image that a `profile` has for it, on the processors that the profile wants.
    """

    environment: Name
    profile: Name | None = None
    requirements: Annotated[str, StringConstraints(max_length=64 << 10)]


class Overlay(BaseModel):
    """An overlay that is `ready`, or the task `id` that builds it; `state` and what follows are the task's."""

    digest: str
    environment: str
    ready: bool
    id: str | None = None
    state: str | None = None
    reason: str | None = None
    message: str | None = None
    attempt: int = 0
    queued_at: datetime | None = None
    ended_at: datetime | None = None
