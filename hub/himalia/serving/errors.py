"""What a caller is told when a request cannot be answered."""

from __future__ import annotations


class ServingError(Exception):
    """Answered as `{"error": message}` with the HTTP status `status`."""

    status = 500


class BadInputError(ServingError):
    """The request is not one that this model can be asked; the message names the input."""

    status = 400


class UnknownError(ServingError):
    """There is no such model, version or path here."""

    status = 404


class TooLargeError(ServingError):
    """The request's body is larger than this server takes."""

    status = 413


class BusyError(ServingError):
    """As many requests as fit are waiting already."""

    status = 503


class LoadError(Exception):
    """The model cannot be loaded; the message says why."""
