"""Himalia: from raw data to a served model without leaving JupyterLab."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from himalia import run as run
    from himalia.client import AsyncClient, Client

__version__ = "0.2.0"
__all__ = ["AsyncClient", "Client", "__version__", "run"]


def __getattr__(name: str) -> Any:
    """The SDK and `himalia.run`, imported when they are asked for: who needs neither pays nothing for them."""
    if name == "run":
        return importlib.import_module("himalia.run")
    if name in ("AsyncClient", "Client"):
        from himalia import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
