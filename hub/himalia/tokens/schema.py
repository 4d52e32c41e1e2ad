"""What the API shows of tokens and logins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from himalia.core.schema import Body, Name, Who, sound_text

ScopeName = Literal["read", "write", "admin"]
Note = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(sound_text)]


class Token(BaseModel):
    """A personal access token, without its value."""

    id: str
    note: str
    scopes: list[ScopeName]
    project: str | None
    created_at: datetime
    expires_at: datetime


class NewToken(Token):
    """`token` is shown this once."""

    token: str


class TokenCreate(Body):
    """`project` limits the token to one project."""

    note: Note = ""
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=3)] = Field(default=["write"])
    project: Name | None = None
    days: Annotated[int, Field(ge=1, le=365)] = 30


class LoginStart(Body):
    """What the person who approves is told about the command that waits."""

    client: Note = ""


class LoginCode(BaseModel):
    """The device authorization response of RFC 8628, 3.2; times in seconds."""

    device_code: str
    user_code: str
    verification_url: str
    expires_in: int
    interval: int


class LoginFinish(Body):
    device_code: Annotated[str, StringConstraints(max_length=100)]


class LoginResult(BaseModel):
    """`status` is pending until the person has decided."""

    status: Literal["pending", "approved"]
    token: str | None = None
    person: Who | None = None
    scopes: list[ScopeName] = Field(default_factory=list)
    expires_at: datetime | None = None
