"""`python -m himalia.tracking.alive`: the kubelet's question to MLflow's container, which listens on a socket alone.

Ends with 0 when MLflow answers, else with 1 and a sentence. It imports nothing of MLflow's.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

PATIENCE_S = 5.0


def main() -> None:
    """Ask once."""
    path = Path(os.environ["HIMALIA_HOME"]) / "s" / "mlflow" / "mlflow.sock"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_S)
            connection.connect(str(path))
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: mlflow\r\nConnection: close\r\n\r\n")
            answer = connection.recv(64)
    except OSError as error:
        sys.exit(f"MLflow does not answer: {error}")
    if b" 200 " not in answer:
        sys.exit(f"MLflow answers {answer[:32]!r}.")


if __name__ == "__main__":
    main()
