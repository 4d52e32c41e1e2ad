"""MLflow's server application: how it is run, wherever that is, and how it is spoken to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import httpx

SOCKET = "mlflow.sock"
DATABASE = "mlflow.sqlite"
State = Literal["stopped", "starting", "ready", "missing"]


def environment(database: str, folder: str) -> dict[str, str]:
    """The variables of its process: `database` is SQLAlchemy's URL, `folder` holds its artifacts."""
    return {
        "MLFLOW_ENABLE_WORKSPACES": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Who may come is for the gate to say, which is all that can reach the socket.
        "MLFLOW_SERVER_ALLOWED_HOSTS": "*",
        "MLFLOW_SERVER_X_FRAME_OPTIONS": "NONE",
        # What `mlflow server` hands to its worker. Without its launcher one process is enough.
        "_MLFLOW_SERVER_FILE_STORE": database,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": f"{folder}/artifacts",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
    }


def command(socket: str) -> tuple[str, ...]:
    """What runs it, listening on a Unix socket."""
    return (
        *(sys.executable, "-W", "ignore", "-m", "uvicorn", "mlflow.server.fastapi_app:app"),
        *("--uds", socket, "--workers", "1", "--log-level", "warning"),
        *("--no-access-log", "--no-server-header", "--timeout-keep-alive", "75"),
    )


def client(sockets: Path) -> httpx.AsyncClient:
    """A client of the one that listens in the folder `sockets`."""
    transport = httpx.AsyncHTTPTransport(
        uds=str(sockets / SOCKET),
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=30),
    )
    return httpx.AsyncClient(transport=transport, base_url="http://mlflow", timeout=120)


async def answers(http: httpx.AsyncClient) -> bool:
    """Whether it answers calls that need its database, which the first of them opens, and makes where it is new."""
    try:
        return (await http.get("/api/3.0/mlflow/server-info")).status_code == 200
    except httpx.TransportError:
        return False
