"""What the API shows of secrets: never their value."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, field_validator

from himalia.core.schema import Body, Who, sound_text


class Secret(BaseModel):
    name: str
    updated_at: datetime
    updated_by: Who


class SecretSet(Body):
    """The value, at most 64 KiB of text."""

    value: Annotated[SecretStr, Field(min_length=1, max_length=65_536)]

    @field_validator("value")
    @classmethod
    def _for_an_environment(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        sound_text(text)
        if len(text.encode()) > 65_536:
            raise ValueError("must not be larger than 64 KiB")
        return value
