"""One tree of errors; `app.py` maps it to HTTP once.

HimaliaError
├── BadRequest 400
├── Unauthenticated 401
├── Forbidden 403
├── NotFound 404
├── WrongMethod 405
├── TooSlow 408
├── Conflict 409
│   ├── NameInUse, InUse, WrongState, KeyReused, NoCapacity, StaleAttempt
├── Stale 412
├── TooLarge 413
├── Invalid 422            names each field
├── TooMany 429
├── Unavailable 503
└── DiskFull 507
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class HimaliaError(Exception):
    """A failure that a person can act on: `message` is a sentence that says what to do."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = details

    def body(self) -> dict[str, Any]:
        """The JSON that every failing call answers with."""
        return {"error": {"code": self.code, "message": self.message, "details": dict(self.details)}}


class BadRequest(HimaliaError):
    """Not a request that this API understands."""

    status, code = 400, "bad_request"


class Unauthenticated(HimaliaError):
    status, code = 401, "unauthenticated"


class Forbidden(HimaliaError):
    status, code = 403, "forbidden"


class NotFound(HimaliaError):
    status, code = 404, "not_found"


class WrongMethod(HimaliaError):
    status, code = 405, "wrong_method"


class TooSlow(HimaliaError):
    """The body did not come in time."""

    status, code = 408, "too_slow"


class Conflict(HimaliaError):
    status, code = 409, "conflict"


class NameInUse(Conflict):
    code = "name_in_use"


class InUse(Conflict):
    """Something else still needs the thing; `details.used_by` says what."""

    code = "in_use"


class WrongState(Conflict):
    code = "wrong_state"


class KeyReused(Conflict):
    """An Idempotency-Key came again with another body."""

    code = "key_reused"


class NoCapacity(Conflict):
    """What was asked for is not free now."""

    code = "no_capacity"


class StaleAttempt(Conflict):
    """It speaks for an attempt that is not the live one: whoever carries it out is to end."""

    code = "stale_attempt"


class Stale(HimaliaError):
    """If-Match named an older version."""

    status, code = 412, "stale"


class TooLarge(HimaliaError):
    status, code = 413, "too_large"


class Invalid(HimaliaError):
    """Bad input; `details.fields` is a list of `{"field", "message"}`."""

    status, code = 422, "invalid"

    @classmethod
    def field(cls, field: str, message: str) -> Invalid:
        """An error about one field, in the shape that forms read."""
        return cls(message, fields=[{"field": field, "message": message}])


class TooMany(HimaliaError):
    status, code = 429, "too_many"


class Unavailable(HimaliaError):
    status, code = 503, "unavailable"


class DiskFull(HimaliaError):
    status, code = 507, "disk_full"
