"""What can go wrong, as exceptions: the service's tree of errors, and what happens before it answers.

HimaliaError                      code, message, details, status
├── Unauthenticated 401
├── Forbidden 403
├── NotFound 404
├── Conflict 409
│   └── NameInUse, InUse, WrongState, KeyReused, NoCapacity
├── Stale 412
├── TooLarge 413
├── Invalid 422                   `fields` names each field
├── TooMany 429
├── Unavailable 503
├── DiskFull 507
├── NotConfigured                 no address or no token is known
├── Unreachable                   nothing answers, or the connection was lost
├── WrongAddress                  something answers that is not Himalia
└── WaitTimeout                   a TimeoutError too: what was waited for did not happen in time
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class HimaliaError(Exception):
    """A failure that a person can act on.

    `message` is a sentence that says what to do, `code` a word for programs, `details` what programs may need
    and `status` the HTTP status, or None when there was no answer.
    """

    code = "internal"

    def __init__(
        self,
        message: str,
        details: Mapping[str, Any] | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = details or {}
        self.status = status
        self.code = code or type(self).code

    def __str__(self) -> str:
        return self.message


class Unauthenticated(HimaliaError):
    """The token is missing, unknown, expired or revoked."""

    code = "unauthenticated"


class Forbidden(HimaliaError):
    """The token's scopes or the person's role do not allow this."""

    code = "forbidden"


class NotFound(HimaliaError):
    """There is no such thing, or it may not be seen."""

    code = "not_found"


class Conflict(HimaliaError):
    """What is there now does not allow this."""

    code = "conflict"


class NameInUse(Conflict):
    """Another thing has this name."""

    code = "name_in_use"


class InUse(Conflict):
    """Something else still needs the thing; `details["links"]` lists what."""

    code = "in_use"


class WrongState(Conflict):
    """This cannot be done to a thing in this state."""

    code = "wrong_state"


class KeyReused(Conflict):
    """An Idempotency-Key came again with another body."""

    code = "key_reused"


class NoCapacity(Conflict):
    """What was asked for is not free now."""

    code = "no_capacity"


class Stale(HimaliaError):
    """The thing was changed since it was read."""

    code = "stale"


class TooLarge(HimaliaError):
    """What was sent is larger than is allowed."""

    code = "too_large"


class Invalid(HimaliaError):
    """Bad input."""

    code = "invalid"

    @property
    def fields(self) -> list[dict[str, str]]:
        """What is wrong with which field: `{"field", "message"}` each."""
        found = self.details.get("fields")
        return [dict(one) for one in found] if isinstance(found, list) else []

    def __str__(self) -> str:
        lines = [f"{one['field']}: {one['message']}" for one in self.fields if one["message"] != self.message]
        return "\n  ".join([self.message, *(line for line in lines if line != self.message)])


class TooMany(HimaliaError):
    """Too many calls in a short time."""

    code = "too_many"


class Unavailable(HimaliaError):
    """A part of the platform does not answer now."""

    code = "unavailable"


class DiskFull(HimaliaError):
    """The platform's disk is full."""

    code = "disk_full"


class NotConfigured(HimaliaError):
    """No address or no token is known."""

    code = "not_configured"


class Unreachable(HimaliaError):
    """Nothing answers at the address, or the connection was lost. `sent` tells whether the call may have arrived."""

    code = "unreachable"

    def __init__(self, message: str, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class WrongAddress(HimaliaError):
    """Something answers at the address, and it is not Himalia."""

    code = "wrong_address"


class WaitTimeout(HimaliaError, TimeoutError):
    """What was waited for did not happen in time; it goes on."""

    code = "timeout"


def _below(kind: type[HimaliaError]) -> Iterator[type[HimaliaError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


BY_CODE: Mapping[str, type[HimaliaError]] = {
    kind.code: kind
    for kind in _below(HimaliaError)
    if kind not in (HimaliaError, NotConfigured, Unreachable, WrongAddress, WaitTimeout)
}
"""The service's words, and the exceptions for them."""


def from_answer(status: int, body: Any) -> HimaliaError | None:
    """The exception of a failing answer's JSON; None when it is not in the service's shape."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    code, details = str(error.get("code", "internal")), error.get("details")
    kind = BY_CODE.get(code, HimaliaError)
    return kind(error["message"], details if isinstance(details, dict) else {}, status, code)
