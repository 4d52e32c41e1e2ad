"""Himalia: from raw data to a served model without leaving JupyterLab."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from himalia.client import AsyncClient, Client

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> Any:
    """The SDK, imported when it is asked for: the runner and user code pay nothing for it."""
    if name in ("AsyncClient", "Client"):
        from himalia import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
