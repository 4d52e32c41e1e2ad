"""`himalia status`: what runs in a home, and how much memory it takes."""

from __future__ import annotations

from typing import Any

from himalia.core.processes import memory, sandboxed, tree
from himalia.supervisor import control
from himalia.supervisor.home import Home


def status(home: Home) -> dict[str, Any]:
    """`running`, `healthy`, `home`; when it runs also `url`, `version`, `pid`, `since`, `processes`, `memory`.

    A process is `{"name", "state", "pid", "since", "restarts", "ended_with", "memory_bytes"}`; `memory` is
    `{"platform_bytes", "sandboxes_bytes"}`, proportional set sizes. Times are seconds since the epoch.
    """
    answer = control.call(home, "status")
    if answer is None:
        return {"running": False, "healthy": False, "home": str(home.path)}
    inside = {process.pid for process in sandboxed(home.path / "s")}
    total = memory({answer["pid"]})
    for process in answer["processes"]:
        outside = tree([process["pid"]]) - inside if process["pid"] else set()
        process["memory_bytes"] = memory(outside)
        total += process["memory_bytes"]
    healthy = not answer["stopping"] and all(p["state"] == "healthy" for p in answer["processes"])
    sizes = {"platform_bytes": total, "sandboxes_bytes": memory(inside)}
    return {"running": True, "healthy": healthy, **answer, "memory": sizes}
