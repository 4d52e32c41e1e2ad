"""Digests: BLAKE3 with 256 bits, written as 64 lowercase hexadecimal digits."""

from __future__ import annotations

import re

from blake3 import blake3

from himalia.storage.errors import BadDigestError

_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest_of(content: bytes) -> str:
    """The digest of `content`."""
    return blake3(content).hexdigest()


def is_digest(value: object) -> bool:
    """Whether `value` is written as a digest."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def check_digest(value: str) -> str:
    """`value` itself, or BadDigestError: what comes from outside must never reach a path unchecked."""
    if not is_digest(value):
        raise BadDigestError(value)
    return value
