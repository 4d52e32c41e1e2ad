"""Requests per second of the model server, against KServe's.

    python benchmarks/serving.py [--seconds 5] [--rounds 5] [--json]

Both serve one logistic regression on scikit-learn's iris by the Open Inference Protocol V2 over loopback TCP, in one
environment with KServe 0.21, kept in .cache/kserve, so that MLflow, pandas and scikit-learn are the same. Each round
asks each server over 1 and then over 16 connections, one row a request.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import uv
from _platform import free_port
from _report import Goal, Report, Series, at_least_one, options

from himalia.environments.index import index_environment

HERE = Path(__file__).parent
KSERVE = HERE.parent / ".cache" / "kserve"
PACKAGES = (
    "kserve==0.21.*",
    "mlflow-skinny==3.17.2",
    "scikit-learn",
    "skops",
    "uvloop",
    "httptools",
    "blake3",
)
CONNECTIONS = (1, 16)
LONGEST_S = 120
MODEL = """
import sys
import mlflow.sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

rows, kinds = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=500).fit(rows, kinds)
signature = infer_signature(rows, model.predict(rows))
mlflow.sklearn.save_model(model, sys.argv[1], signature=signature, pip_requirements=["scikit-learn", "skops"])
"""
ROW = {"name": "input-0", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}


def environment() -> Path:
    """The interpreter of an environment with KServe, made at the first time."""
    python = KSERVE / "bin/python"
    if not (KSERVE / "made").exists():
        shutil.rmtree(KSERVE, ignore_errors=True)
        variables = {**os.environ, **index_environment()}
        subprocess.run(
            [uv.find_uv_bin(), "venv", "-q", "--python", sys.executable, KSERVE], check=True, env=variables
        )
        install = [uv.find_uv_bin(), "pip", "install", "-q", "--python", python, *PACKAGES]
        subprocess.run(install, check=True, env=variables)
        (KSERVE / "made").touch()
    return python


@contextmanager
def running(port: int, *command: str | Path) -> Iterator[None]:
    """A server, once it is ready."""
    variables = {**os.environ, "PYTHONPATH": str(HERE.parent / "hub")}
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + LONGEST_S
        while not ready(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} did not become ready; exit code {process.poll()}.")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


def ready(port: int) -> bool:
    """Whether the server at a port says that it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def measure(port: int, connections: int, seconds: int) -> dict[str, Any]:
    """What `_calls.py` finds. Raises RuntimeError when a request is not answered with 200."""
    order: dict[str, Any] = {
        "address": f"127.0.0.1:{port}",
        "path": "/v2/models/iris/infer",
        "token": "none",
        "body": {"id": "1", "inputs": [ROW]},
        "connections": connections,
        "seconds": seconds,
    }
    line = [sys.executable, str(HERE / "_calls.py")]
    done = subprocess.run(line, input=json.dumps(order), capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if found["failed"] or not found["calls"]:
        raise RuntimeError(f"The server at {port} did not answer every request: {found['errors']}")
    return found


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=at_least_one, default=5, help="of each measurement")
    chosen = parser.parse_args()
    python = environment()
    ours = {n: Series("himalia") for n in CONNECTIONS}
    peers = {n: Series("kserve", Goal("at least", 1.15)) for n in CONNECTIONS}
    late: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="serving") as folder, ExitStack() as stack:
        model = Path(folder) / "iris"
        subprocess.run([python, "-c", MODEL, model], check=True, capture_output=True)
        first, second = free_port(), free_port()
        serve = [python, "-m", "himalia.serving", model, "--name", "iris", "--address", f"127.0.0.1:{first}"]
        stack.enter_context(running(first, *serve))
        stack.enter_context(running(second, python, HERE / "_kserve_model.py", model, str(second)))
        for connections in CONNECTIONS:
            measure(first, connections, 1)
            measure(second, connections, 1)
            for _ in range(chosen.rounds):
                for port, series in ((first, ours[connections]), (second, peers[connections])):
                    found = measure(port, connections, chosen.seconds)
                    series.values.append(found["per_second"])
                    name = f"{series.name}, {connections}: p50/p99 ms"
                    late.setdefault(name, []).append(f"{found['p50_ms']:.2f}/{found['p99_ms']:.2f}")
    for connections in CONNECTIONS:
        title = f"Inference requests over {connections} connection(s)"
        notes = {name: ", ".join(values) for name, values in late.items() if f", {connections}:" in name}
        Report(title, "requests/s", ours[connections], (peers[connections],), notes).show(chosen.json)


if __name__ == "__main__":
    main()
