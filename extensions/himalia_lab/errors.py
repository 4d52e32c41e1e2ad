"""One shape for what goes wrong, the same as the service's."""

from __future__ import annotations

from typing import Any


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
