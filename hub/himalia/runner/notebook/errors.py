"""What can be wrong with a notebook job, in words."""

from __future__ import annotations


class NotebookError(Exception):
    """The notebook cannot run, or did not run to its end; ``reason`` is the contract's word, the text a sentence."""

    def __init__(self, message: str, reason: str = "user_error") -> None:
        super().__init__(message)
        self.reason = reason
