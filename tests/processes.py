"""How tests are shared out when they run in several processes."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/hub/", "tests/browser/lab/")
"""Folders whose modules share platforms of their own: one process runs them all."""


class ByModule(LoadScopeScheduling):
    """Gives each process whole modules, so that what a module shares is made once."""

    def _split_scope(self, nodeid: str) -> str:
        together = next((folder for folder in TOGETHER if nodeid.startswith(folder)), None)
        return together or nodeid.partition("::")[0]
