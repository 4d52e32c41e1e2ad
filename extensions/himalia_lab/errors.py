"""One shape for what goes wrong, the same as the service's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from himalia.client import HimaliaError
from himalia.client.dataset_files import FileChanged
from himalia.client.errors import Invalid


class LabError(Exception):
    """A failure that a person can act on; answered as `{"error": {"code", "message", "details"}}`."""

    def __init__(self, status: int, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or {}

    def body(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


@contextmanager
def in_words() -> Iterator[None]:
    """Raise what the SDK raises as a LabError with the same words."""
    try:
        yield
    except HimaliaError as error:
        kind = 422 if isinstance(error, Invalid) else 409 if isinstance(error, FileChanged) else 503
        raise LabError(error.status or kind, error.code, error.message, dict(error.details)) from error
