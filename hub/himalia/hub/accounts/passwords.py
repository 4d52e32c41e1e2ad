"""Passwords and one-use codes: how they are made, checked and kept."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import ARGON2_VERSION

from himalia.core.errors import Invalid

MIN_LENGTH = 8
MAX_LENGTH = 1024

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # without l, o, 0 and 1, which look alike
# Argon2id (RFC 9106) with 32 MiB: some 40 ms, and a flood of sign-ins stays bounded in memory.
_HASHER = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


def _hash_of_nobody() -> str:
    """A hash like all others that no password is known for. It is made up: hashing would cost each start 40 ms."""
    cost = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    salt, digest = (
        b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (_HASHER.salt_len, _HASHER.hash_len)
    )
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


_NOBODY = _hash_of_nobody()


def random_words() -> str:
    """16 random characters in groups of four, 80 bits, easy to read out: a password or a code."""
    letters = [secrets.choice(_ALPHABET) for _ in range(16)]
    return "-".join("".join(letters[start : start + 4]) for start in range(0, 16, 4))


def check_new(password: str, name: str) -> None:
    """`Invalid` when `password` may not become the password of `name`."""
    if len(password) < MIN_LENGTH:
        raise Invalid.field("password", f"A password needs at least {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        raise Invalid.field("password", f"A password may have {MAX_LENGTH} characters.")
    if password.casefold() == name.casefold() or len(set(password)) < 3:
        raise Invalid.field("password", "This password is too easy to guess. Choose another one.")


def hashed(password: str) -> str:
    """The password's Argon2id hash, with its parameters."""
    return _HASHER.hash(_normal(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether the password has this hash. Takes as long when there is no hash (None)."""
    if len(password) > MAX_LENGTH:
        password = ""
    try:
        _HASHER.verify(stored or _NOBODY, _normal(password))
    except VerifyMismatchError:
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def code_hash(code: str) -> str:
    """What is kept of a one-use code. It holds 80 random bits, so a fast hash is enough."""
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()


def _normal(password: str) -> bytes:
    # The same letters can be typed as different code points (NIST SP 800-63B, section 5.1.1.2).
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
