"""What the API shows of people."""

from __future__ import annotations

from pydantic import BaseModel

from himalia.core.schema import Who


class WhoAmI(BaseModel):
    """The caller: `credential` is hub, user, session or workload; `project` limits a token to one project."""

    person: Who
    groups: list[str]
    credential: str
    scopes: list[str]
    personal_project: str
    project: str | None


class Revoked(BaseModel):
    """How many tokens were revoked, those for endpoints among them."""

    tokens: int
