"""Everything that touches JupyterHub. `install(c)` adds Himalia to a hub's configuration."""

from himalia.hub.install import install

__all__ = ["install"]
