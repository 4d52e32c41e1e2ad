"""Models for tests of endpoints, and endpoints that serve them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import httpx
import mlflow.pyfunc
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from platforms import Person

from himalia.client.snapshot import build

SIGNATURE = ModelSignature(Schema([ColSpec("double", "x")]), Schema([ColSpec("double", "y")]))
CODE = """
import os, time
import mlflow.pyfunc
from mlflow.models import set_model

class Times(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        if {factor} == 0:
            raise RuntimeError("this model cannot be loaded")

    def predict(self, context, model_input, params=None):
        values = model_input["x"]
        if len(values) > 1000:
            return values.tail(1) * {factor}
        if values.iloc[0] == 666:
            os._exit(3)
        if values.iloc[0] == 667:
            os._exit(0)
        if values.iloc[0] < 0:
            time.sleep(-values.iloc[0])
        return values * {factor}

set_model(Times())
"""
"""Multiplies; 666 and 667 end its process, -n makes it take n seconds, and of many rows it answers for the last."""

NOSY = """
import glob, json, os, socket
import mlflow.pyfunc

def works(action):
    try:
        action()
        return True
    except OSError:
        return False

def text(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""

home = os.environ["PLATFORM"]
places = ["/", "/usr", "/etc", "/opt/himalia", "/checkouts", home, *glob.glob("/shared/*")]
places += glob.glob("/checkouts/*")
print("NOSY", json.dumps({
    "connects": works(lambda: socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 2)),
    "networks": [name for _, name in socket.if_nameindex()],
    "written": [one for one in places if works(lambda: open(one + "/touched", "w"))],
    "projects": glob.glob("/shared/*"),
    "checkouts": len(glob.glob("/checkouts/*")),
    "folders": sorted(os.listdir(home)) if os.path.isdir(home) else [],
    "limit": os.environ.get("HIMALIA_ENDPOINT_BODY_LIMIT_BYTES"),
    "read": [one for one in ("/etc/shadow", os.environ["OTHER"]) if works(lambda: open(one).read())],
    "tokens": sorted({name for name in os.environ if "TOKEN" in name}
                     | {path for path in glob.glob("/proc/*/environ") if b"him_" in text(path)}),
}), flush=True)

class Made(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["x"]
"""


class Pickled(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Runs code of its own while it is unpickled: looks around, and tells what it found in one line of the log."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("[exec(code, globals()), Made()][1]", {"code": NOSY})

    def predict(self, context: Any, model_input, params=None):  # type: ignore[no-untyped-def]  # MLflow reads hints
        raise NotImplementedError


def nosy(folder: Path) -> Path:
    """An MLflow model that is a pickle."""
    model = folder / "nosy"
    mlflow.pyfunc.save_model(
        str(model), python_model=Pickled(), signature=SIGNATURE, pip_requirements=["numpy"]
    )
    assert list(model.glob("*.pkl"))
    return model


def times(folder: Path, factor: float) -> Path:
    """An MLflow model that multiplies its column `x`; one that cannot be loaded for 0."""
    code, model = folder / f"times{factor}.py", folder / f"model{factor}"
    if not model.exists():
        code.write_text(CODE.format(factor=factor))
        mlflow.pyfunc.save_model(
            str(model), python_model=str(code), signature=SIGNATURE, pip_requirements=["numpy"]
        )
    return model


def upload(person: Person, folder: Path, project: str | None = None) -> str:
    """The digest of a model folder that the person's project, or another, has."""
    snapshot = build(folder)
    base = f"/projects/{project or person.project}"
    answer = person.http.post(f"{base}/snapshots", json=snapshot.manifest()).json()
    for digest in answer["missing"]:
        content = snapshot.open(digest).read()
        person.http.put(f"{base}/objects/{digest}", content=content).raise_for_status()
    if answer["missing"]:
        answer = person.http.post(f"{base}/snapshots", json=snapshot.manifest()).json()
    assert answer["complete"], answer
    return str(answer["digest"])


class Deployed:
    """An endpoint of a person's, in their own project or another; of a model that multiplies or of another."""

    def __init__(
        self,
        person: Person,
        folder: Path,
        name: str,
        factor: float,
        *,
        model: Path | None = None,
        project: str | None = None,
        **spec: Any,
    ) -> None:
        self.person = person
        self.folder = folder
        self.project = project or person.project
        self.path = f"/projects/{self.project}/endpoints/{name}"
        files = upload(person, model or times(folder, factor), project)
        body = {"name": name, "spec": {"files": files, "profile": "base", **spec}}
        made = person.http.post(f"/projects/{self.project}/endpoints", json=body)
        assert made.status_code == 201, made.text
        token = person.http.post(f"{self.path}/tokens", json={"note": "tests"})
        assert token.status_code == 201, token.text
        self.token: str = token.json()["token"]

    def seen(self) -> dict[str, Any]:
        """The endpoint as it is now."""
        answer = self.person.http.get(self.path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def until(self, state: str, timeout_s: float = 90) -> dict[str, Any]:
        """Wait for a state of the endpoint."""
        deadline = time.monotonic() + timeout_s
        while (found := self.seen())["status"]["state"] != state:
            assert time.monotonic() < deadline, found["status"]
            time.sleep(0.05)
        return found

    def do(self, verb: str, method: str = "POST", **body: Any) -> httpx.Response:
        """A verb of the API."""
        return self.person.http.request(method, f"{self.path}/{verb}", json=body)

    def update(self, factor: float, **options: Any) -> httpx.Response:
        """Deploy another model."""
        files = upload(self.person, times(self.folder, factor), self.project)
        return self.do("revisions", spec={"files": files, "profile": "base"}, **options)

    def ask(
        self, x: float | str, token: str | None = None, direct: bool = True, timeout_s: float = 30
    ) -> httpx.Response:
        """Call it."""
        found = self.seen() if not hasattr(self, "_known") else self._known
        self._known = found
        address = f"{found['direct_url' if direct else 'url']}/v2/models/{found['model']}/infer"
        body = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [x]}]}
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.post(address, json=body, headers=headers, timeout=timeout_s)

    def answer(self, x: float, **options: Any) -> float:
        """What it answers."""
        answer = self.ask(x, **options)
        assert answer.status_code == 200, answer.text
        return float(answer.json()["outputs"][0]["data"][0])


class Load:
    """Calls an endpoint from several threads until it is told to stop; `failed` holds what was not an answer."""

    def __init__(self, deployed: Deployed, threads: int = 2) -> None:
        self.deployed = deployed
        seen = deployed.seen()
        self.address = f"{seen['direct_url']}/v2/models/{seen['model']}/infer"
        self.answers: list[float] = []
        self.failed: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def _run(self) -> None:
        body = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}]}
        with httpx.Client(headers={"Authorization": f"Bearer {self.deployed.token}"}, timeout=30) as http:
            while not self._stop.is_set():
                try:
                    answer = http.post(self.address, json=body)
                    answer.raise_for_status()
                    self.answers.append(answer.json()["outputs"][0]["data"][0])
                except httpx.HTTPError as error:
                    self.failed.append(str(error))
                time.sleep(0.02)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
