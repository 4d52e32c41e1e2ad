"""The model server as a process: the common suite on a real model, and what only a process can get wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import mlflow.pyfunc
import pytest
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from model_servers import HUB, Server, make_iris, serving, tensor
from platforms import free_port

from himalia.testing.servers import ModelServerSuite, Served

ROOT = HUB.parent
KSERVE = ROOT / ".cache/kserve"
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]


SLOW = """
import time
from pathlib import Path
import mlflow


class Slow(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        value = model_input["value"]
        if (value < 0).any():
            raise RuntimeError("no time")
        (Path.home() / "begun").touch()
        while not (Path.home() / "go").exists():
            time.sleep(0.05)
        return value.to_numpy() * 2


mlflow.models.set_model(Slow())
"""
"""A model that works until there is a file `go` in its home, or fails."""


@pytest.fixture(scope="module")
def iris(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    python = environments / "scikit-learn/bin/python"
    model = make_iris(python, tmp_path_factory.mktemp("models") / "iris")
    with serving(model, "--name", "iris", "--version", "3", python=python) as server:
        yield server


class TestOurs(ModelServerSuite):
    @pytest.fixture
    def served(self, iris: Server) -> Served:
        return Served(iris.http, "iris", "input-0", ROWS, [0, 2])

    def test_its_runner_is_told_when_it_is_ready(self, iris: Server) -> None:
        assert json.loads(iris.said) == {"name": "w-1", "op": "progress", "data": {"ready": True}}

    def test_the_version_is_a_path_too(self, served: Served) -> None:
        about = served.http.get("/v2/models/iris/versions/3").raise_for_status().json()
        assert about == {
            "name": "iris",
            "versions": ["3"],
            "platform": "mlflow_sklearn",
            "inputs": [{"name": "input-0", "datatype": "FP64", "shape": [-1, 4]}],
            "outputs": [{"name": "output-0", "datatype": "INT64", "shape": [-1]}],
        }
        assert served.http.get("/v2/models/iris/versions/4").status_code == 404
        answer = served.http.post(
            "/v2/models/iris/versions/3/infer", json={"inputs": [served.tensor(ROWS)]}
        ).json()
        assert answer["model_version"] == "3"

    def test_wrong_shapes_are_told_with_the_inputs_name(self, served: Served) -> None:
        refused = served.ask(inputs=[served.tensor([[1.0, 2.0, 3.0]])])
        assert refused.status_code == 400
        assert refused.json()["error"].startswith("Input 'input-0' has the shape [1, 3]")

    def test_a_large_request_is_answered(self, served: Served) -> None:
        rows = ROWS * 20_000
        answer = served.ask(inputs=[served.tensor(rows)]).raise_for_status().json()
        assert answer["outputs"][0]["data"] == [0, 2] * 20_000

    def test_bodies_over_the_limit_are_refused_unread(self, iris: Server) -> None:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(str(iris.socket))
        connection.sendall(
            b"POST /v2/models/iris/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 104857601\r\n\r\n{"
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        connection.close()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
            "error": "The request is larger than 100 MiB. Ask for fewer rows at once."
        }

    def test_so_are_those_that_do_not_say_how_long_they_are(self, iris: Server) -> None:
        sent = 0

        def endless() -> Iterator[bytes]:
            nonlocal sent
            while sent < 400 << 20:
                sent += 1 << 20
                yield b" " * (1 << 20)

        try:
            answer = iris.http.post("/v2/models/iris/infer", content=endless())
            assert answer.status_code == 413
        except httpx.WriteError:  # the server hung up before all was sent
            pass
        assert sent < 200 << 20

    def test_nobody_else_can_reach_the_socket(self, iris: Server) -> None:
        assert iris.socket.stat().st_mode & 0o777 == 0o600

    def test_other_methods_and_paths_are_errors_of_the_protocol(self, iris: Server) -> None:
        assert iris.http.get("/v2/models/iris/infer").status_code == 405
        assert iris.http.delete("/v2/models/iris").status_code == 405
        assert iris.http.get("/metrics").json()["error"].startswith("There is no /metrics here.")


@pytest.fixture(scope="module")
def kserve_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    model = make_iris(KSERVE / "bin/python", tmp_path_factory.mktemp("kserve") / "iris")
    port = free_port()
    process = subprocess.Popen(
        [KSERVE / "bin/python", ROOT / "benchmarks/_kserve_model.py", model, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not answers(f"http://127.0.0.1:{port}"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


@pytest.mark.skipif(not (KSERVE / "made").exists(), reason="benchmarks/serving.py makes KServe's environment")
class TestKServe(ModelServerSuite):
    """Another implementation, so that the suite asks for the protocol and not for what ours does beside it."""

    @pytest.fixture
    def served(self, kserve_url: str) -> Iterator[Served]:
        # KServe closes a connection that it has not heard of for some seconds, also one that is just being used.
        alone = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=kserve_url, timeout=60, limits=alone) as http:
            yield Served(http, "iris", "input-0", ROWS, [0, 2])


def answers(url: str) -> bool:
    """Whether a server says that it is ready."""
    try:
        return httpx.get(f"{url}/v2/health/ready", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def slow_model(tmp_path: Path) -> Path:
    code = tmp_path / "slow.py"
    code.write_text(SLOW)
    signature = ModelSignature(Schema([ColSpec("double", "value")]))
    mlflow.pyfunc.save_model(
        str(tmp_path / "slow"), python_model=str(code), signature=signature, pip_requirements=["numpy"]
    )
    return tmp_path / "slow"


def ask(server: Server, value: float) -> httpx.Response:
    request = {"inputs": [tensor("value", [value], "FP64")]}
    return server.http.post("/v2/models/model/infer", json=request)


def test_health_is_answered_while_the_model_works_and_a_stop_finishes_what_runs(slow_model: Path) -> None:
    with serving(slow_model) as server, server.client(2) as other:
        assert ask(server, -1).json() == {"error": "The model failed: RuntimeError: no time"}
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(ask(server, 4)))
        asking.start()
        home = server.socket.parent
        while not (home / "begun").exists():
            assert asking.is_alive()
            time.sleep(0.02)
        assert other.get("/v2/health/ready").json() == {"ready": True}
        server.process.send_signal(signal.SIGTERM)
        while takes_new(server):
            assert asking.is_alive()
        assert asking.is_alive()
        (home / "go").touch()
        asking.join(30)
        assert answers[0].json()["outputs"][0]["data"] == [8.0]
        assert server.process.wait(20) == 0


def takes_new(server: Server) -> bool:
    """Whether a new connection is answered."""
    try:
        with server.client(2) as http:
            return http.get("/v2/health/live").status_code == 200
    except httpx.TransportError:
        return False


def test_a_model_that_cannot_load_is_the_end_with_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: no_such_module\n    python_version: 3.11.0\n"
    )
    for folder, sentence in (
        (
            broken,
            f"The model in {broken} cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (tmp_path, f"{tmp_path} holds no model: the file MLmodel is missing."),
    ):
        ended = subprocess.run(
            [sys.executable, "-m", "himalia.serving", folder, "--socket", tmp_path / "s"],
            env={**os.environ, "PYTHONPATH": str(HUB)},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 1
        assert ended.stderr.splitlines()[-1] == sentence
