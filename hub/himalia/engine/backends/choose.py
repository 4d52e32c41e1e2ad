"""The backend that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from himalia.core.settings import BadSettings, Settings
from himalia.engine.backends.base import Backend

KNOWN = {
    "local": "himalia.engine.backends.local.backend:LocalBackend",
    "kubernetes": "himalia.engine.backends.kubernetes.backend:KubernetesBackend",
}


def make_backend(settings: Settings) -> Backend:
    """A backend, not open yet: a subclass of Backend is made of the settings alone. Raises BadSettings."""
    module, _, name = KNOWN.get(settings.backend, settings.backend).partition(":")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BadSettings(f"The backend {settings.backend} cannot be used: {error}.") from error
    if not (isinstance(kind, type) and issubclass(kind, Backend)):
        raise BadSettings(f"The backend {settings.backend} is no subclass of {Backend.__qualname__}.")
    make: Callable[[Settings], Backend] = kind
    return make(settings)
