"""Tokens of our own: made, told apart by prefix, checked.

`him_user_` tokens are random and stored as a SHA-256 hash. `him_work_` tokens are an HMAC over (workload,
attempt) with the service's key: nothing is stored, and a restarted service makes the same token again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

USER_PREFIX = "him_user_"
WORK_PREFIX = "him_work_"
ENDPOINT_PREFIX = "him_end_"


def new_user_token() -> str:
    """A personal access token of 256 random bits."""
    return USER_PREFIX + secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    """What is stored of a random token."""
    return hashlib.sha256(token.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


@dataclass(frozen=True, slots=True)
class WorkTokens:
    """Makes and reads the tokens of workload attempts."""

    key: bytes

    def make(self, workload: str, attempt: int) -> str:
        """The token of one attempt."""
        return f"{WORK_PREFIX}{workload}.{attempt}.{self._signature(workload, attempt)}"

    def read(self, token: str) -> tuple[str, int] | None:
        """(workload, attempt) of a genuine token, else None. Whether the attempt lives is for the caller."""
        parts = token.removeprefix(WORK_PREFIX).split(".")
        if len(parts) != 3 or not parts[1].isascii() or not parts[1].isdigit() or len(parts[1]) > 9:
            return None
        workload, attempt = parts[0], int(parts[1])
        return (workload, attempt) if same(parts[2], self._signature(workload, attempt)) else None

    def server_secret(self, workload: str, attempt: int) -> str:
        """What the model server of an attempt, and nobody else but the gateway, knows."""
        return hmac.new(self.key, f"serve:{workload}:{attempt}".encode(), hashlib.sha256).hexdigest()

    def _signature(self, workload: str, attempt: int) -> str:
        return hmac.new(self.key, f"work:{workload}:{attempt}".encode(), hashlib.sha256).hexdigest()
