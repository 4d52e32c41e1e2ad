"""What the API shows of tracking."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from himalia.core.schema import Body, Name


class TrackingStatus(BaseModel):
    """How MLflow stands, and how a client of a project reaches it.

    `state` is `stopped` until somebody uses it, and again when nobody has for a while; `missing` where it is not
    installed. `start_s` is how long its last start took, in seconds.
    """

    state: Literal["stopped", "starting", "ready", "missing"]
    message: str
    workspace: str
    start_s: float | None


class PagesOpen(Body):
    """With `job`, the pages open at the MLflow run of its latest attempt."""

    job: Name | None = None


class PagesCode(BaseModel):
    """POST `code` as a form field to `url`, from a page of the platform: MLflow's pages of the project open.

    The code counts once, for `expires_in_s` seconds.
    """

    url: str
    code: str
    expires_in_s: int
    state: Literal["stopped", "starting", "ready", "missing"]
