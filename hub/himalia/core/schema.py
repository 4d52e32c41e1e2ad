"""Shapes that every noun's API shares."""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from himalia.core.ids import NAME_PATTERN

T = TypeVar("T")


class Body(BaseModel):
    """What callers send: unknown fields are an error, so a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


def sound_text(text: str) -> str:
    """`text`, refused where no database, no answer and no environment variable can hold it.

    JSON can name half a surrogate pair, and what is stored with one could never be sent again.
    """
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("must be valid Unicode") from error
    return text


def compose(path: str) -> str:
    """Letters in Unicode's composed form, as trees have them; browsers on some systems send the other one."""
    return unicodedata.normalize("NFC", sound_text(path))


FilePath = Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(compose)]


DEEPEST = 50
"""How deeply a value may be nested."""


def plain_value(value: Any, depth: int = 0) -> Any:
    """`value`, refused unless every part of it is JSON that any database and any client takes."""
    if depth > DEEPEST:
        raise ValueError(f"must not be nested more than {DEEPEST} deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number: JSON has no NaN and no infinity")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError("must be a number of at most 64 bits")
    if isinstance(value, str):
        return sound_text(value)
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        plain_value(part, depth + 1)
    return value


Value = Annotated[Any, AfterValidator(plain_value)]
"""Any JSON."""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=40)]
"""A DNS label (RFC 1123) of at most 40 characters."""

LABEL_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$"
LabelKey = Annotated[str, StringConstraints(pattern=LABEL_PATTERN)]
LabelValue = Annotated[str, StringConstraints(max_length=255), AfterValidator(sound_text)]
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=64)]

VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
VariableName = Annotated[str, StringConstraints(pattern=VARIABLE_PATTERN)]
"""What a variable of the environment, a parameter and a secret can be named."""

PATTERN_WORDS = {
    NAME_PATTERN: "use lowercase letters, digits and dashes, with a letter or digit at both ends, at most 40",
    LABEL_PATTERN: "use letters, digits and . _ / -, with a letter or digit at both ends, at most 63",
    VARIABLE_PATTERN: "use letters, digits and _, not beginning with a digit, at most 128",
    r"^[0-9a-f]{64}$": "use a BLAKE3 or SHA-256 digest: 64 of the digits 0 to 9 and a to f",
    r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?(@[a-z0-9-]{1,40})?$": (
        "use the name of a dataset of this project, alone or as name@version or name@alias"
    ),
    r"^[0-9a-f]{32}$": "use the id of an MLflow run: 32 of the digits 0 to 9 and a to f",
    r"^m-[0-9a-f]{32}$": "use the id of a model logged to MLflow: m- and 32 of the digits 0 to 9 and a to f",
    r"^[^\x00-\x1f\x7f]*$": "must not contain control characters",
    r"^[a-z]{1,20}:[a-z0-9]{1,40}$": "use <noun>:<id>, such as job:3f6k2m7q",
}
"""What a caller reads instead of a pattern."""


class Who(BaseModel):
    """A person, as others see them."""

    id: str
    name: str


class Items(BaseModel, Generic[T]):
    """One page of a list; `next_page_token` is null on the last."""

    items: list[T]
    next_page_token: str | None = None


class Error(BaseModel):
    """What went wrong: a word, a sentence, and what programs may need."""

    code: str
    message: str
    details: dict[str, Any]


class ErrorBody(BaseModel):
    """Every failing call answers with this."""

    error: Error


class EventSubject(BaseModel):
    kind: str
    id: str
    name: str


class EventShown(BaseModel):
    """Something that happened."""

    id: int
    kind: str
    at: datetime
    project: str | None
    subject: EventSubject
    person: str | None
    data: dict[str, Any]
