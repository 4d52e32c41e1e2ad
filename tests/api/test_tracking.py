"""MLflow behind the gate: its own client works in jobs and outside, and nobody sees or changes what is another's."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
from platforms import Person, Running

from himalia.tracking.allowed import CALLS, Call

SECRET = "nobody-else-sees-this"
GATE = "/services/himalia/mlflow"


@pytest.fixture(scope="module")
def tina(people: Callable[..., Person]) -> Person:
    return people("tina")


@pytest.fixture(scope="module")
def ugo(people: Callable[..., Person]) -> Person:
    return people("ugo")


@dataclass
class Mlflow:
    """MLflow's REST API with a token, in a project."""

    http: httpx.Client

    @classmethod
    def of(cls, platform: Running, token: str, project: str | None) -> Mlflow:
        headers = {"Authorization": f"Bearer {token}", **({"X-MLFLOW-WORKSPACE": project} if project else {})}
        return cls(httpx.Client(base_url=f"{platform.url}{GATE}", headers=headers, timeout=60))

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(f"/api/2.0/mlflow/{path}", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str, **params: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/2.0/mlflow/{path}", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def runs(self, **body: Any) -> list[dict[str, Any]]:
        experiment = self.get("experiments/get-by-name", experiment_name="Default")["experiment"]
        search = {"experiment_ids": [experiment["experiment_id"]], "max_results": 100, **body}
        found: list[dict[str, Any]] = self.post("runs/search", **search).get("runs", [])
        return found

    def run_of(self, job: str) -> dict[str, Any]:
        """The run of a job's first attempt, once it is there."""
        found: list[dict[str, Any]] = []
        until(lambda: found.extend(self.runs(filter=f"tags.`himalia.attempt` = '{job}-1'")) or found)
        return found[0]


def until(check: Callable[[], Any], timeout_s: float = 30) -> Any:
    """MLflow tells nobody of changes, so it is asked."""
    deadline = time.monotonic() + timeout_s
    while not (found := check()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def metrics(run: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: one["value"] for one in run["data"].get("metrics", [])}


def tags(run: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in run["data"].get("tags", [])}


@pytest.fixture(scope="module")
def hers(himalia: Running, tina: Person) -> Iterator[Mlflow]:
    mlflow = Mlflow.of(himalia, tina.token, tina.project)
    yield mlflow
    mlflow.http.close()


CLIENT = """
import mlflow, json, pathlib, tempfile
with mlflow.start_run(run_name="by hand") as run:
    mlflow.log_metric("loss", 0.5, step=1)
    mlflow.log_params({"depth": 3})
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "note.html")
        path.write_text("<script>alert(1)</script>")
        mlflow.log_artifact(str(path))
found = mlflow.get_run(run.info.run_id)
text = mlflow.artifacts.load_text(found.info.artifact_uri + "/note.html")
try:
    mlflow.register_model(f"runs:/{run.info.run_id}/model", "direct")
    refused = ""
except mlflow.exceptions.MlflowException as error:
    refused = str(error)
print(json.dumps({
    "run": run.info.run_id, "uri": found.info.artifact_uri, "metrics": found.data.metrics,
    "params": found.data.params, "user": found.data.tags["mlflow.user"], "text": text, "refused": refused,
    "workspaces": [one.name for one in mlflow.list_workspaces()],
}))
"""


def client(platform: Running, person: Person, code: str, **more: str) -> subprocess.CompletedProcess[str]:
    """MLflow's own client in a process of its own."""
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"{platform.url}{GATE}",
        "MLFLOW_TRACKING_TOKEN": person.token,
        "MLFLOW_WORKSPACE": person.project,
        "MLFLOW_EXPERIMENT_NAME": "Default",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        **more,
    }
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_mlflows_client_logs_and_reads_without_set_up(himalia: Running, tina: Person, hers: Mlflow) -> None:
    done = client(himalia, tina, CLIENT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["metrics"] == {"loss": 0.5}
    assert told["params"] == {"depth": "3"}
    assert told["user"] == "tina"
    assert told["text"] == "<script>alert(1)</script>"
    assert told["workspaces"] == ["tina"]
    assert "Unable to find a logged_model" in told["refused"]
    # What was logged is no page of this origin.
    path = told["uri"].partition(":/")[2]
    answer = hers.http.get(f"/api/2.0/mlflow-artifacts/artifacts/{path}/note.html")
    assert answer.text == "<script>alert(1)</script>"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment")


JOB = """
import himalia, mlflow
himalia.run.log("accuracy", 0.1, step=1)
with mlflow.start_run(run_name="mine") as own:
    mlflow.log_metric("loss", 0.25, step=3)
    mlflow.log_metrics({"f1": 0.5, "odd": float("nan")}, step=4)
    with mlflow.start_run(nested=True) as inner:
        mlflow.log_metric("inner", 1.0)
with mlflow.start_run() as later:
    pass
himalia.run.log("accuracy", 0.2, step=2)
print(own.info.run_id, inner.info.run_id, later.info.run_id)
"""


def test_a_jobs_first_run_is_its_attempts_own(tina: Person, hers: Mlflow) -> None:
    job = tina.submit("python", "-c", JOB)
    ended = tina.ended(job["name"], 120)
    assert ended["status"]["state"] == "SUCCEEDED", tina.text(job["name"])
    own, inner, later = tina.text(job["name"]).split()[-3:]
    assert len({own, inner, later}) == 3
    run = hers.run_of(job["id"])
    assert run["info"]["run_id"] == own
    assert run["info"]["run_name"] == "mine"
    told = tags(run)
    assert told["himalia.job"] == job["name"]
    assert told["mlflow.user"] == "tina"
    # What MLflow's client logged is in our metrics, and what himalia.run.log did in MLflow; each once.
    assert ended["status"]["metrics"] == {"accuracy": 0.2, "loss": 0.25, "f1": 0.5, "odd": None}
    until(lambda: metrics(hers.run_of(job["id"])).get("accuracy") == 0.2)
    found = metrics(hers.run_of(job["id"]))
    assert math.isnan(float(found.pop("odd")))
    assert found == {"accuracy": 0.2, "loss": 0.25, "f1": 0.5}
    for name, count in (("accuracy", 2), ("loss", 1)):
        history = hers.get("metrics/get-history", run_id=own, metric_key=name)["metrics"]
        assert len(history) == count
    until(lambda: hers.run_of(job["id"])["info"]["status"] == "FINISHED")
    assert tags(hers.get("runs/get", run_id=inner)["run"])["mlflow.parentRunId"] == own
    assert tags(hers.get("runs/get", run_id=later)["run"])["himalia.job_id"] == job["id"]


def test_a_job_that_knows_nothing_of_mlflow_is_there(tina: Person, hers: Mlflow) -> None:
    code = "import himalia; himalia.run.log('score', 2.0, step=1); raise SystemExit(3)"
    job = tina.submit("python", "-c", code)
    assert tina.ended(job["name"])["status"]["state"] == "FAILED"
    until(lambda: hers.run_of(job["id"])["info"]["status"] == "FAILED")
    assert metrics(hers.run_of(job["id"])) == {"score": 2.0}


TRAINS = """
import mlflow, mlflow.sklearn
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

mlflow.sklearn.autolog(log_models=False)
images, labels = load_digits(return_X_y=True)
with mlflow.start_run() as run:
    model = LogisticRegression(max_iter=20).fit(images / 16, labels)
    logged = mlflow.sklearn.log_model(model, name="model", input_example=images[:2] / 16)
    again = mlflow.pyfunc.load_model(logged.model_uri)
    assert (again.predict(images / 16) == model.predict(images / 16)).all()
    forest = RandomForestClassifier(4).fit(images, labels)
    kept = mlflow.sklearn.log_model(forest, name="forest", serialization_format="cloudpickle")
    assert (mlflow.sklearn.load_model(kept.model_uri).predict(images) == forest.predict(images)).all()
print(run.info.run_id)
"""


def test_models_are_logged_and_loaded_with_what_the_environment_has(tina: Person, hers: Mlflow) -> None:
    job = tina.submit("python", "-W", "ignore", "-c", TRAINS, profile="scikit-learn")
    ended = tina.ended(job["name"], 180)
    assert ended["status"]["state"] == "SUCCEEDED", tina.text(job["name"])
    # What autologging measured is in our metrics, too.
    assert ended["status"]["metrics"]["training_accuracy_score"] > 0.8


# Who may what


@dataclass
class Hidden:
    """What somebody has in MLflow, and nobody else may see or change."""

    workspace: str
    experiment: str
    run: str
    artifact: str
    model: str

    def body(self) -> dict[str, Any]:
        """Every field that any call reads, naming what is hidden."""
        ids = {"run_id": self.run, "run_uuid": self.run, "experiment_id": self.experiment}
        return {
            **ids,
            "experiment_ids": [self.experiment],
            "run_ids": [self.run],
            "model_id": self.model,
            "key": "touched",
            "value": "1",
            "metric_key": SECRET,
            "timestamp": 1,
            "step": 1,
            "name": f"n{time.monotonic_ns()}",
            "new_name": "touched",
            "max_results": 100,
            "experiment_name": SECRET,
            "status": "FAILED",
            "metrics": [{"key": "touched", "value": 1, "timestamp": 1, "step": 1}],
            "tags": [{"key": "touched", "value": "1"}],
            "params": [{"key": "touched", "value": "1"}],
            "model_json": json.dumps(
                {"run_id": self.run, "artifact_path": "m", "flavors": {}, "utc_time_created": "1"}
            ),
            "models": [{"model_id": self.model, "step": 1}],
            "locations": [
                {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": self.experiment}}
            ],
            "path": "",
            "source": f"runs:/{self.run}/model",
            "alias": "a",
            "version": "1",
        }

    def path(self, call: Call) -> str:
        filled = call.path.replace("{path*}", self.artifact).replace("{model}", self.model)
        return filled.replace("{tag}", "kept").replace("{trace}", "tr-1").replace("{name}", self.workspace)


@pytest.fixture(scope="module")
def hidden(hers: Mlflow) -> Hidden:
    experiment = hers.post("experiments/create", name=SECRET)["experiment_id"]
    tag = [{"key": "kept", "value": SECRET}]
    run = hers.post("runs/create", experiment_id=experiment, run_name=SECRET, tags=tag)["run"]["info"]
    hers.post("runs/log-metric", run_id=run["run_id"], key=SECRET, value=1, timestamp=1, step=1)
    artifact = f"{run['artifact_uri'].partition(':/')[2]}/{SECRET}.txt"
    put = hers.http.put(f"/api/2.0/mlflow-artifacts/artifacts/{artifact}", content=SECRET.encode())
    assert put.status_code == 200, put.text
    made = hers.post("logged-models", experiment_id=experiment, name=SECRET, source_run_id=run["run_id"])
    workspace = artifact.split("/")[1]
    return Hidden(workspace, experiment, run["run_id"], artifact, made["model"]["info"]["model_id"])


def everything(mlflow: Mlflow, hidden: Hidden) -> str:
    """All that there is of what is hidden, as its owner sees it."""
    file = mlflow.http.get(f"/api/2.0/mlflow-artifacts/artifacts/{hidden.artifact}")
    found = [
        mlflow.get("experiments/get", experiment_id=hidden.experiment),
        mlflow.get("runs/get", run_id=hidden.run),
        mlflow.get("metrics/get-history", run_id=hidden.run, metric_key=SECRET),
        mlflow.get(f"logged-models/{hidden.model}"),
        mlflow.get("artifacts/list", run_id=hidden.run),
        mlflow.post("runs/search", experiment_ids=[hidden.experiment]),
        [file.status_code, file.text],
    ]
    return json.dumps(found, sort_keys=True)


def call_all(mlflow: Mlflow, hidden: Hidden) -> Iterator[tuple[Call, httpx.Response]]:
    for call in CALLS:
        where, body = f"/api/{hidden.path(call)}", hidden.body()
        if call.method == "GET":
            params = {key: value for key, value in body.items() if not isinstance(value, list | dict)}
            yield call, mlflow.http.get(where, params=params)
        elif call.method == "PUT":
            yield call, mlflow.http.put(where, content=b"changed")
        else:
            yield call, mlflow.http.request(call.method, where, json=body)


def test_another_projects_token_sees_and_changes_nothing_on_any_route(
    himalia: Running, tina: Person, ugo: Person, hers: Mlflow, hidden: Hidden
) -> None:
    before = everything(hers, hidden)
    named = Mlflow.of(himalia, ugo.token, tina.project)
    for call, answer in call_all(named, hidden):
        assert answer.status_code == 404, (call.path, answer.text)
        assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
        assert "not a member" in answer.json()["message"]
    # In a project of one's own, with another's ids and paths.
    for project in (ugo.project, None):
        for call, answer in call_all(Mlflow.of(himalia, ugo.token, project), hidden):
            assert answer.status_code < 500, (call.path, answer.text)
            # What was sent may be repeated; what is known of it may not.
            if answer.is_success:
                assert SECRET not in answer.text, call.path
                assert hidden.run not in answer.text, (
                    call.path,
                    answer.text,
                )
            else:
                assert answer.json()["message"], call.path
    assert everything(hers, hidden) == before


@pytest.mark.parametrize("field", ["model_id", "modelId"])
def test_metrics_of_another_projects_model_are_refused(
    himalia: Running, ugo: Person, hers: Mlflow, hidden: Hidden, field: str
) -> None:
    before = everything(hers, hidden)
    his = Mlflow.of(himalia, ugo.token, ugo.project)
    own = his.get("experiments/get-by-name", experiment_name="Default")["experiment"]["experiment_id"]
    run = his.post("runs/create", experiment_id=own, run_name="his")["run"]["info"]["run_id"]
    point = {"key": "accuracy", "value": 1, "timestamp": 1, "step": 1, field: hidden.model}
    for call, body in (("log-metric", point), ("log-batch", {"metrics": [point]})):
        answer = his.http.post(f"/api/2.0/mlflow/runs/{call}", json={"run_id": run, **body})
        assert answer.status_code == 404, answer.text
    assert everything(hers, hidden) == before


def test_a_jobs_token_counts_in_its_own_project_alone(
    himalia: Running, tina: Person, ugo: Person, hers: Mlflow, hidden: Hidden
) -> None:
    """A job of one person who is a member of both projects still logs only where it runs."""
    body = {"role": "editor"}
    ugo.http.put(f"/projects/{ugo.project}/members/person/tina", json=body).raise_for_status()
    code = (
        "import os, urllib.request, urllib.error\n"
        "for project in ('ugo', 'tina'):\n"
        "    url = os.environ['MLFLOW_TRACKING_URI'] + '/api/2.0/mlflow/experiments/create'\n"
        "    token = os.environ['MLFLOW_TRACKING_TOKEN']\n"
        "    headers = {'Authorization': 'Bearer ' + token, 'X-MLFLOW-WORKSPACE': project}\n"
        "    headers['Content-Type'] = 'application/json'\n"
        '    request = urllib.request.Request(url, b\'{"name": "of-a-job"}\', headers)\n'
        "    try:\n"
        "        print(project, urllib.request.urlopen(request).status)\n"
        "    except urllib.error.HTTPError as error:\n"
        "        print(project, error.code)\n"
    )
    job = tina.submit("python", "-c", code)
    assert tina.ended(job["name"])["status"]["state"] == "SUCCEEDED", tina.text(job["name"])
    assert tina.text(job["name"]).split() == ["ugo", "404", "tina", "200"]


def test_a_viewer_reads_and_an_editor_writes(
    himalia: Running, tina: Person, ugo: Person, hers: Mlflow, hidden: Hidden
) -> None:
    place = f"/projects/{tina.project}/members/person/ugo"
    tina.http.put(place, json={"role": "viewer"}).raise_for_status()
    try:
        as_viewer = Mlflow.of(himalia, ugo.token, tina.project)
        before = everything(hers, hidden)
        assert everything(as_viewer, hidden) == before
        for call, answer in call_all(as_viewer, hidden):
            if call.kind in ("write", "registry"):
                assert answer.status_code == 403, call.path
                assert "editor" in answer.json()["message"]
            else:
                assert answer.status_code != 403, call.path
        assert everything(hers, hidden) == before
        tina.http.put(place, json={"role": "editor"}).raise_for_status()
        as_viewer.post("runs/set-tag", run_id=hidden.run, key="edited", value="1")
    finally:
        tina.http.delete(place).raise_for_status()


def test_without_a_token_there_is_nothing(himalia: Running, tina: Person) -> None:
    bare = httpx.get(f"{himalia.url}{GATE}/api/2.0/mlflow/experiments/search")
    assert bare.status_code == 401
    assert bare.json()["error_code"] == "UNAUTHENTICATED"
    # A page that a signed-in person is led to does not count either.
    page = tina.browser.get(f"{GATE}/api/2.0/mlflow/experiments/search")
    assert page.status_code == 401


def test_what_is_not_listed_is_not_there(himalia: Running, tina: Person, hers: Mlflow) -> None:
    for method, path in (
        ("DELETE", f"/api/3.0/mlflow/workspaces/{tina.project}"),
        ("POST", "/api/3.0/mlflow/workspaces"),
        ("GET", "/api/2.0/mlflow/gateway/endpoints/list"),
        ("POST", "/ajax-api/2.0/mlflow/runs/search"),
        ("GET", "/"),
        ("GET", "/get-artifact"),
        ("POST", "/graphql"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/%2e%2e/%2e%2e/mlflow.sqlite"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/%252e%252e/mlflow.sqlite"),
    ):
        answer = hers.http.request(method, path)
        assert answer.status_code in (400, 404), (path, answer.text)
        assert "error_code" in answer.json()


def test_large_and_broken_bodies_are_refused(
    himalia: Running, tina: Person, hers: Mlflow, hidden: Hidden
) -> None:
    answer = hers.http.post(
        "/api/2.0/mlflow/runs/create", content=b"[1]", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    answer = hers.http.post("/api/2.0/mlflow/runs/log-batch", content=b" " * (3 * 2**20))
    assert answer.status_code == 413
    bad = hers.http.post(
        "/api/2.0/mlflow/runs/create", json={"experiment_id": "1", "tags": [1, {"key": "a"}]}
    )
    assert bad.status_code < 500
    where = f"/api/2.0/mlflow-artifacts/artifacts/{hidden.artifact}"
    head = HTTPConnection(himalia.address, timeout=30)
    head.putrequest("PUT", f"{GATE}{where}")
    head.putheader("Authorization", f"Bearer {tina.token}")
    head.putheader("Content-Length", str(11 * 2**30))
    head.endheaders()
    head.send(b"x")  # the proxy waits for it
    assert head.getresponse().status == 413
    head.close()
