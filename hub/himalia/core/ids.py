"""Identifiers and names."""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import TypeGuard

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALPHABET = _LETTERS + "234567"  # RFC 4648 base32, in lower case

NAME_LENGTH = 40
NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
_ID = re.compile(r"[a-z][a-z2-7]{15}")


def new_id() -> str:
    """A random identifier of 16 characters, about 80 bits; starts with a letter, so it is a DNS label."""
    number = secrets.randbits(80)
    characters = [_LETTERS[number % 26]]
    for _ in range(15):
        number, digit = divmod(number, 32)
        characters.append(_ALPHABET[digit])
    return "".join(characters)


def is_id(text: object) -> TypeGuard[str]:
    """Whether `text` has the form of `new_id`."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def slug(text: str, fallback: str = "unnamed") -> str:
    """A name made from a title or a file name: lower case, `-` for what does not fit."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:NAME_LENGTH].strip("-")
    return made or fallback


def numbered(base: str, number: int) -> str:
    """`base` for 1, else `base-2`, `base-3`, …, never longer than a name may be."""
    if number == 1:
        return base
    tail = f"-{number}"
    return base[: NAME_LENGTH - len(tail)].rstrip("-") + tail
