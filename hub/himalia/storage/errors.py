"""What can go wrong in a store. Every message is a sentence for people."""

from __future__ import annotations

from himalia.core.errors import Unavailable


class StorageError(Exception):
    """A store could not do what it was asked."""


class ObjectMissingError(StorageError, LookupError):
    """No object of this digest is stored."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"The object {digest} is not stored here.")
        self.digest = digest


class DigestMismatchError(StorageError, ValueError):
    """The bytes are not those that were announced."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(
            f"The content has the digest {actual}, not {expected} as announced: "
            "it changed while it was sent. Send it again."
        )
        self.expected = expected
        self.actual = actual


class StoreFullError(StorageError):
    """There is no room left; nothing of the object was kept."""

    def __init__(self) -> None:
        super().__init__("The disk of the object store is full. Free some space and try again.")


class StoreUnavailableError(StorageError, Unavailable):
    """The store's server cannot be reached, or refuses; what was asked may have been done."""


class ObjectDamagedError(StorageError):
    """The store gave other bytes than were stored."""

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"The object {digest} is damaged: the store gave other bytes. Bring it back from a backup."
        )
        self.digest = digest


class BadDigestError(StorageError, ValueError):
    """Not a digest at all."""

    def __init__(self, value: object) -> None:
        super().__init__(
            f"{str(value)[:80]!r} is not a digest: 64 lowercase hexadecimal digits are expected."
        )


class CheckoutPlaceError(StorageError, ValueError):
    """Links into a store may exist in `checkouts` folders only."""

    def __init__(self, directory: object) -> None:
        super().__init__(f"{directory} cannot hold a checkout: the folder must be named “checkouts”.")
