"""Models to serve in tests, and servers that serve them."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

HUB = Path(__file__).parent.parent.parent / "hub"

IRIS = """
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


def make_iris(python: Path, folder: Path) -> Path:
    """A logistic regression on scikit-learn's iris, made by the interpreter of an environment that has it."""
    subprocess.run([python, "-c", IRIS, folder], check=True, capture_output=True)
    return folder


class Server:
    """A running `python -m himalia.serving` on a Unix socket; `said` is what it told its runner."""

    def __init__(self, process: subprocess.Popen[bytes], socket: Path, log: Path, said: str) -> None:
        self.process = process
        self.socket = socket
        self.log = log
        self.said = said
        self.http = self.client(60)

    def client(self, timeout_s: float) -> httpx.Client:
        """A client of the server's."""
        transport = httpx.HTTPTransport(uds=str(self.socket))
        return httpx.Client(transport=transport, base_url="http://model", timeout=timeout_s)


@contextmanager
def serving(model: Path, *arguments: str, python: Path = Path(sys.executable)) -> Iterator[Server]:
    """A server of the model in a folder, run by the interpreter of an environment, when it is ready."""
    with (
        tempfile.TemporaryDirectory(prefix="srv", dir="/tmp") as name,
        socket.socket(socket.AF_UNIX) as runner,
    ):
        folder = Path(name)
        runner.bind(str(folder / "run.sock"))
        runner.listen()
        process = _start(python, model, folder, arguments)
        try:
            server = Server(process, folder / "s", folder / "log", _said(runner, process, folder / "log"))
            yield server
            server.http.close()
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()


def _start(python: Path, model: Path, folder: Path, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    variables = {
        "PYTHONPATH": str(HUB),
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "HIMALIA_RUN_SOCKET": str(folder / "run.sock"),
        "HIMALIA_SERVE_SOCKET": str(folder / "s"),
        "HIMALIA_WORKLOAD": "w",
        "HIMALIA_ATTEMPT": "1",
        "HIMALIA_RUN_NAME": "w-1",
    }
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [python, "-m", "himalia.serving", model, *arguments], env=variables, stdout=log, stderr=log
        )


def _said(runner: socket.socket, process: subprocess.Popen[bytes], log: Path) -> str:
    """The first line that the server writes to its runner."""
    runner.settimeout(0.2)
    deadline = time.monotonic() + 120
    while True:
        try:
            connection, _ = runner.accept()
        except TimeoutError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            continue
        connection.settimeout(20)
        with connection, connection.makefile() as lines:
            return lines.readline()


def tensor(name: str, data: Sequence[object], datatype: str, *shape: int) -> dict[str, object]:
    """An input of a request."""
    return {"name": name, "shape": list(shape or (len(data),)), "datatype": datatype, "data": data}
