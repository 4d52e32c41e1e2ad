"""What can go wrong while supervising."""

from __future__ import annotations


class SupervisorError(Exception):
    """A failure whose message is a sentence that says what to do."""


class AlreadyRunning(SupervisorError):
    """Another supervisor holds the home."""
