"""Models over HTTP: registered from jobs and by MLflow's own client, described, evaluated, deleted."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from blake3 import blake3
from platforms import Person, Running

SLOW = "flavors: {python_function: {loader_module: slow}}"
NAME = "Iris (small) 1.0"
TRAIN = """
import glob, importlib.metadata, json, os, socket, urllib.parse
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
import mlflow, mlflow.sklearn
import himalia.run as run
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

PORT = urllib.parse.urlsplit(os.environ["MLFLOW_TRACKING_URI"]).port

def look(model):
    found = {"tokens": 0, "connects": True, "folders": os.listdir("/job"), "shared": glob.glob("/shared/*")}
    for place in glob.glob("/proc/*/environ"):
        try:
            found["tokens"] += b"_TOKEN=" in open(place, "rb").read()
        except OSError:
            pass
    try:
        socket.create_connection(("127.0.0.1", PORT), 2).close()
    except OSError:
        found["connects"] = False
    print("NOSY", json.dumps(found), flush=True)
    return model

class Nosy(LogisticRegression):
    def __reduce__(self):
        model = LogisticRegression()
        model.__dict__.update(self.__dict__)
        return look, (model,)

def nosy(model):
    made = Nosy()
    made.__dict__.update(model.__dict__)
    return made

table = load_iris(as_frame=True).frame
rows, kinds = table.drop(columns="target"), table["target"]
model = LogisticRegression(max_iter=500).fit(rows, kinds)
run.log("accuracy", model.score(rows, kinds))
parts = {
    "signature": infer_signature(rows, model.predict(rows)),
    "pip_requirements": [f"{p}=={importlib.metadata.version(p)}" for p in ("scikit-learn", "skops")]
    + [f"mlflow=={mlflow.__version__}"],
}
mlflow.sklearn.save_model(model, "outputs/model", **parts)
table.to_csv("outputs/iris.csv", index=False)
with mlflow.start_run():
    mlflow.log_metric("logged", 0.5)
    mlflow.sklearn.log_model(model, name="iris", registered_model_name="by-mlflow", **parts)
    parts["serialization_format"] = "cloudpickle"
    mlflow.sklearn.log_model(nosy(model), name="nosy", registered_model_name="nosy", **parts)
try:
    mlflow.MlflowClient().delete_registered_model("by-mlflow")
except mlflow.exceptions.MlflowException as error:
    print("refused:", error)
"""


@pytest.fixture(scope="module")
def mona(people: Callable[..., Person]) -> Person:
    return people("mona")


@pytest.fixture(scope="module")
def trained(mona: Person) -> dict[str, Any]:
    """A job that left a model, a table, and a model that MLflow has registered."""
    job = mona.submit("python", "-c", TRAIN, profile="scikit-learn")
    ended = mona.ended(job["name"], 120)
    assert ended["status"]["state"] == "SUCCEEDED", mona.text(job["name"])
    return ended


@pytest.fixture(scope="module")
def version(mona: Person, trained: dict[str, Any]) -> dict[str, Any]:
    """Version 1 of the model, from the job's outputs."""
    made = mona.http.post(path(mona), json={"name": NAME, "spec": {"description": "Flowers"}})
    assert made.status_code == 201, made.text
    registered = mona.http.post(path(mona, NAME, "versions"), json={"job": trained["name"]}, timeout=60)
    assert registered.status_code == 201, registered.text
    found: dict[str, Any] = registered.json()
    return found


def path(person: Person, *parts: object) -> str:
    quoted = (quote(str(part)) for part in parts)
    return "/".join([f"/projects/{person.project}/models", *quoted])


def mlflow(
    platform: Running, person: Person, method: str, call: str, body: Mapping[str, Any]
) -> httpx.Response:
    """A call of MLflow's REST API, as its client makes it."""
    headers = {"Authorization": f"Bearer {person.token}", "X-MLFLOW-WORKSPACE": person.project}
    url = f"{platform.url}/services/himalia/mlflow/api/2.0/mlflow/{call}"
    shown = {"params": body} if method == "GET" else {"json": body}
    return httpx.request(method, url, headers=headers, timeout=60, **shown)


def message(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


def test_a_jobs_model_becomes_a_version_with_all_that_is_known(
    mona: Person, trained: dict[str, Any], version: dict[str, Any]
) -> None:
    assert version["name"] == f"{NAME}@1"
    source, status = version["spec"]["source"], version["status"]
    assert (source["job"], source["job_id"]) == (trained["name"], trained["id"])
    assert (source["attempt"], source["path"]) == (1, "outputs/model")
    assert status["metrics"]["accuracy"] > 0.9
    assert status["environment"] == "scikit-learn"
    assert status["flavors"] == ["python_function", "sklearn"]
    assert status["signature"]["inputs"][0]["name"] == "sepal length (cm)"
    assert status["signature"]["outputs"][0]["type"] in ("long", "integer", "int64", "int32")
    assert status["problem"] is None
    shown = mona.http.get(path(mona, NAME)).json()
    assert shown["spec"] == {"description": "Flowers"}
    assert (shown["status"]["versions"], shown["status"]["latest"]) == (1, 1)
    assert [one["name"] for one in mona.http.get(path(mona), params={"text": "iris ("}).json()["items"]] == [
        NAME
    ]


def test_its_files_are_here(mona: Person, version: dict[str, Any]) -> None:
    listed = mona.http.get(path(mona, NAME, "versions", 1, "files")).json()["items"]
    names = [one["path"] for one in listed]
    assert {"MLmodel", "model.skops", "requirements.txt"} <= set(names)
    one = mona.http.get(path(mona, NAME, "versions", 1, "files", "MLmodel"))
    assert b"python_function" in one.content
    assert one.headers["content-security-policy"].startswith("sandbox")
    whole = mona.http.get(path(mona, NAME, "versions", "latest", "download"))
    with tarfile.open(fileobj=io.BytesIO(whole.content)) as archive:
        assert archive.getnames() == names


def test_mlflow_has_the_version_with_its_files(
    himalia: Running, mona: Person, version: dict[str, Any]
) -> None:
    named = {"name": NAME, "version": "1"}
    found = mlflow(himalia, mona, "GET", "model-versions/get", named).json()["model_version"]
    assert found["run_id"] == version["spec"]["source"]["run_id"]
    run = {"run_id": found["run_id"], "path": "outputs/model"}
    listed = mlflow(himalia, mona, "GET", "artifacts/list", run).json()["files"]
    assert {one["path"].rpartition("/")[2] for one in listed} >= {"MLmodel", "model.skops"}


def test_where_it_came_from_is_drawn(mona: Person, version: dict[str, Any], trained: dict[str, Any]) -> None:
    graph = mona.http.get(f"/projects/{mona.project}/lineage", params={"of": f"model:{version['id']}"}).json()
    assert {"id": f"model:{version['id']}", "name": f"{NAME}@1"}.items() <= {
        **next(node for node in graph["nodes"] if node["noun"] == "model")
    }.items()
    edge = {"from_id": f"model:{version['id']}", "to_id": f"job:{trained['id']}", "kind": "source"}
    assert edge in graph["edges"]


def test_its_card_says_all_of_it(mona: Person, version: dict[str, Any]) -> None:
    card = path(mona, NAME, "versions", 1, "card")
    written = mona.http.put(card, json={"description": "Trained on **150** flowers."}, timeout=60)
    assert written.status_code == 200, written.text
    text = mona.http.get(card).json()["markdown"]
    assert text.startswith(f"# {NAME}@1\n\nTrained on **150** flowers.")
    for words in (
        "| accuracy | 0.9",
        "| sepal length (cm) | double |",
        "scikit-learn",
        "## Where it came from",
    ):
        assert words in text
    stale = mona.http.patch(
        path(mona, NAME, "versions", 1), json={"description": "x"}, headers={"If-Match": '"1"'}
    )
    assert stale.status_code == 412


def test_aliases_stand_for_versions(himalia: Running, mona: Person, version: dict[str, Any]) -> None:
    answer = mona.http.put(path(mona, NAME, "aliases", "champion"), json={"version": 1}, timeout=60)
    assert answer.json()["status"]["aliases"] == ["champion"]
    asked = {"name": NAME, "alias": "champion"}
    found = mlflow(himalia, mona, "GET", "registered-models/alias", asked).json()["model_version"]
    assert found["version"] == "1"
    assert mona.http.get(path(mona, NAME, "versions", "champion")).json()["number"] == 1
    taken = mona.http.put(path(mona, NAME, "aliases", "v2"), json={"version": 1})
    assert "neither a number" in message(taken, 422)
    assert mlflow(himalia, mona, "DELETE", "registered-models/alias", asked).status_code == 200
    assert mona.http.get(path(mona, NAME, "versions", "champion")).status_code == 404


def test_what_mlflows_client_registers_is_a_version_too(
    himalia: Running, mona: Person, trained: dict[str, Any]
) -> None:
    found = mona.http.get(path(mona, "by-mlflow", "versions", 1)).json()
    assert found["spec"]["source"]["job"] == trained["name"]
    assert found["status"]["environment"] == "scikit-learn"
    assert found["status"]["metrics"]["logged"] == 0.5
    assert found["status"]["digest"]
    run_id = found["spec"]["source"]["run_id"]
    place = mlflow(himalia, mona, "GET", "runs/get", {"run_id": run_id}).json()["run"]["info"]["artifact_uri"]
    again = {"name": "by-mlflow", "source": f"{place}/nothing", "run_id": run_id}
    assert mlflow(himalia, mona, "POST", "model-versions/create", again).status_code == 200
    empty = mona.http.get(path(mona, "by-mlflow", "versions", 2)).json()
    assert empty["status"]["problem"].startswith("There is no file MLmodel")
    described = {"name": "by-mlflow", "version": "1", "description": "From a job"}
    assert mlflow(himalia, mona, "PATCH", "model-versions/update", described).status_code == 200
    shown = mona.http.get(path(mona, "by-mlflow", "versions", 1)).json()
    assert shown["spec"]["description"] == "From a job"


def test_what_is_asked_again_is_one_version(
    himalia: Running, mona: Person, trained: dict[str, Any], version: dict[str, Any]
) -> None:
    assert mona.http.post(path(mona), json={"name": "again"}, timeout=60).status_code == 201
    where, headers = path(mona, "again", "versions"), {"Idempotency-Key": "once"}
    body = {"job": trained["name"]}
    with ThreadPoolExecutor(2) as both:
        made = list(
            both.map(lambda _: mona.http.post(where, json=body, headers=headers, timeout=60), range(2))
        )
    assert sorted(one.status_code for one in made) == [200, 201]
    assert made[0].json() == made[1].json()
    other = mona.http.post(where, json={**body, "description": "x"}, headers=headers, timeout=60)
    assert other.json()["error"]["code"] == "key_reused"
    assert [one["number"] for one in mona.http.get(where).json()["items"]] == [1]


def test_files_that_take_long_hold_up_no_other_version(
    himalia: Running, mona: Person, trained: dict[str, Any], version: dict[str, Any]
) -> None:
    run_id = version["spec"]["source"]["run_id"]
    found = mlflow(himalia, mona, "GET", "runs/get", {"run_id": run_id}).json()["run"]["info"]
    place = himalia.home / "mlflow" / "artifacts" / found["artifact_uri"].partition(":/")[2] / "slow"
    place.mkdir()
    (place / "MLmodel").write_text(SLOW)
    for number in range(400):
        (place / f"part{number}").write_text(str(number))
    place.chmod(0o755)
    assert mlflow(himalia, mona, "POST", "registered-models/create", {"name": "slow"}).status_code == 200
    asked = {"name": "slow", "source": f"runs:/{run_id}/slow", "run_id": run_id}
    digest = blake3(SLOW.encode()).hexdigest()
    copied = himalia.home / "objects" / digest[:2] / digest[2:]
    with ThreadPoolExecutor(2) as both:
        calls = [both.submit(mlflow, himalia, mona, "POST", "model-versions/create", asked) for _ in range(2)]
        while not copied.exists():  # the first of its files; nobody tells when
            assert not any(call.done() for call in calls), [call.result().text for call in calls]
            time.sleep(0.01)
        other = mona.http.post(path(mona, NAME, "versions"), json={"job": trained["name"]}, timeout=30)
        assert other.status_code == 201, other.text
        assert not any(call.done() for call in calls)
        made = [call.result().json()["model_version"] for call in calls]
    # A client that asked again while it waited is told of the same version.
    assert [one["version"] for one in made] == ["1", "1"]
    assert "himalia.version" in {tag["key"] for tag in made[0]["tags"]}
    assert mona.http.get(path(mona, "slow")).json()["status"]["versions"] == 1


def test_a_job_deletes_no_model(mona: Person, trained: dict[str, Any]) -> None:
    assert "refused: PERMISSION_DENIED: A job registers models, and deletes none" in mona.text(
        trained["name"]
    )


def test_a_run_and_a_logged_model_can_be_registered(
    mona: Person, trained: dict[str, Any], version: dict[str, Any]
) -> None:
    run_id = version["spec"]["source"]["run_id"]
    for body in ({"run_id": run_id, "path": "outputs/model"}, {"run_id": run_id, "path": "iris"}):
        made = mona.http.post(path(mona, NAME, "versions"), json=body, timeout=60)
        assert made.status_code == 201, made.text
        assert made.json()["spec"]["source"]["job"] == trained["name"]
    # The files are the same, so they are the same tree.
    assert (
        mona.http.get(path(mona, NAME, "versions", 2)).json()["status"]["digest"]
        == version["status"]["digest"]
    )


def test_a_version_from_elsewhere_is_seen_and_not_used(himalia: Running, mona: Person) -> None:
    assert mlflow(himalia, mona, "POST", "registered-models/create", {"name": "foreign"}).status_code == 200
    body = {"name": "foreign", "source": "s3://bucket/model"}
    made = mlflow(himalia, mona, "POST", "model-versions/create", body)
    assert made.status_code == 200, made.text
    shown = mona.http.get(path(mona, "foreign", "versions", 1)).json()
    assert "not of a run of this project" in shown["status"]["problem"]
    assert mona.http.get(path(mona, "foreign", "versions", 1, "files")).status_code == 409
    asked = {"dataset": "iris", "target": "target", "profile": "scikit-learn"}
    refused = mona.http.post(path(mona, "foreign", "versions", 1, "evaluate"), json=asked)
    assert "cannot be run" in message(refused, 409)


def test_another_projects_run_is_no_source(
    himalia: Running, mona: Person, bob: Person, version: dict[str, Any]
) -> None:
    assert bob.http.post(path(bob), json={"name": "stolen"}, timeout=60).status_code == 201
    run_id = version["spec"]["source"]["run_id"]
    taken = bob.http.post(path(bob, "stolen", "versions"), json={"run_id": run_id}, timeout=60)
    assert taken.status_code in (404, 422), taken.text
    place = mlflow(himalia, mona, "GET", "runs/get", {"run_id": run_id}).json()["run"]["info"]["artifact_uri"]
    for source in (f"{place}/outputs/model", f"runs:/{run_id}/outputs/model"):
        refused = mlflow(himalia, bob, "POST", "model-versions/create", {"name": "stolen", "source": source})
        assert refused.status_code in (400, 404), refused.text
    assert bob.http.get(path(bob, "stolen")).json()["status"]["versions"] == 0
    assert bob.http.get(path(mona, NAME)).status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"job": "no-such-job"}, "There is no job named no-such-job in this project."),
        (
            {"trial": {"experiment": "none", "number": 0}},
            "There is no experiment named none in this project.",
        ),
        ({"run_id": "0" * 32}, "MLflow answered"),
        ({}, "name one of job, trial, run_id and model_id"),
        ({"job": "a", "run_id": "0" * 32}, "name one of job, trial, run_id and model_id"),
    ],
)
def test_sources_that_are_not_there_are_told(
    mona: Person, version: dict[str, Any], body: dict[str, Any], words: str
) -> None:
    answer = mona.http.post(path(mona, NAME, "versions"), json=body, timeout=60)
    assert words in message(answer, 422 if "name one of" in words else 404)


def test_outputs_without_a_model_or_with_a_broken_one_are_told(mona: Person, version: dict[str, Any]) -> None:
    script = (
        "mkdir -p outputs/a outputs/b outputs/c; echo '[' > outputs/a/MLmodel;"
        "echo 'flavors: {sklearn: {}}' > outputs/b/MLmodel;"
        "printf '\\377' > outputs/c/MLmodel; echo x > outputs/x"
    )
    job = mona.submit("sh", "-c", script)
    mona.ended(job["name"])

    def refused(where: str | None) -> str:
        body = {"job": job["name"], "path": where}
        return message(mona.http.post(path(mona, NAME, "versions"), json=body, timeout=60), 422)

    assert "several models. Name one as path: outputs/a, outputs/b, outputs/c." in refused(None)
    assert "hold no model in d, but in: outputs/a" in refused("d")
    assert "cannot be read as YAML" in refused("a")
    assert "names no python_function" in refused("outputs/b")
    assert "not UTF-8" in refused("c")
    assert mona.http.get(path(mona, NAME)).json()["status"]["latest"] <= 4


def test_a_job_that_runs_has_left_nothing_yet(mona: Person, version: dict[str, Any]) -> None:
    job = mona.submit("sleep", "600")
    early = mona.http.post(path(mona, NAME, "versions"), json={"job": job["name"]}, timeout=60)
    assert "has not ended yet" in message(early, 409)
    mona.http.post(f"/projects/{mona.project}/jobs/{job['name']}/stop").raise_for_status()


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a@1", " a", "..", "a\u200bb", "x" * 251])
def test_names_that_mean_something_else_are_refused(mona: Person, name: str) -> None:
    assert mona.http.post(path(mona), json={"name": name}).status_code == 422


def test_a_name_is_given_once(mona: Person, version: dict[str, Any]) -> None:
    again = mona.http.post(path(mona), json={"name": NAME})
    assert "There is a model named" in message(again, 409)


@pytest.fixture(scope="module")
def flowers(mona: Person, trained: dict[str, Any]) -> None:
    """A dataset with the table."""
    table = mona.http.get(f"/projects/{mona.project}/jobs/{trained['name']}/outputs/outputs/iris.csv").content
    datasets = f"/projects/{mona.project}/datasets"
    assert mona.http.post(datasets, json={"name": "flowers"}).status_code == 201
    draft = mona.http.post(f"{datasets}/flowers/drafts", json={}).json()["id"]
    listed = json.dumps({"files": [{"path": "data/iris.csv", "size": len(table)}]}).encode()
    bundle = len(listed).to_bytes(4, "big") + listed + table
    mona.http.put(f"{datasets}/flowers/drafts/{draft}/bundle", content=bundle).raise_for_status()
    mona.http.post(f"{datasets}/flowers/drafts/{draft}/commit", json={}).raise_for_status()


def test_a_version_is_evaluated_by_a_job(mona: Person, version: dict[str, Any], flowers: None) -> None:
    asked = {"dataset": "flowers", "target": "target", "profile": "scikit-learn"}
    begun = mona.http.post(path(mona, NAME, "versions", 1, "evaluate"), json=asked)
    assert begun.status_code == 201, begun.text
    ended = mona.ended(begun.json()["job"], 120)
    assert ended["status"]["state"] == "SUCCEEDED", mona.text(ended["name"])
    assert ended["part_of"] == f"model:{version['id']}"
    # The environment has what the model asks for, so none was built.
    assert ended["status"]["environment_job"] is None
    (found,) = mona.http.get(path(mona, NAME, "versions", 1, "evaluations")).json()["items"]
    assert (found["dataset"], found["state"]) == ("flowers@1", "SUCCEEDED")
    assert found["metrics"]["accuracy_score"] > 0.9
    pictures = {one["name"]: one for one in found["artifacts"]}
    assert {"report", "confusion_matrix", "roc_curve_plot", "per_class_metrics"} <= pictures.keys()
    outputs = f"/projects/{mona.project}/jobs/{found['job']}/outputs/"
    report = mona.http.get(outputs + pictures["report"]["path"]).json()
    assert (report["rows"], report["labels"]) == (150, ["0", "1", "2"])
    assert sum(map(sum, report["confusion_matrix"])) == 150
    assert mona.http.get(outputs + pictures["roc_curve_plot"]["path"]).content.startswith(b"\x89PNG")
    graph = mona.http.get(f"/projects/{mona.project}/lineage", params={"of": f"model:{version['id']}"}).json()
    assert "evaluates" in {edge["kind"] for edge in graph["edges"]}
    wrong = mona.http.post(path(mona, NAME, "versions", 1, "evaluate"), json={**asked, "path": "x.csv"})
    assert "There is no table x.csv in this dataset: data/iris.csv." in message(wrong, 422)


def test_an_evaluation_that_fails_says_why(mona: Person, version: dict[str, Any], flowers: None) -> None:
    asked = {"dataset": "flowers", "target": "tarjet", "profile": "scikit-learn"}
    begun = mona.http.post(path(mona, NAME, "versions", 1, "evaluate"), json=asked)
    assert begun.status_code == 201, begun.text
    assert mona.ended(begun.json()["job"], 120)["status"]["state"] == "FAILED"
    found = mona.http.get(path(mona, NAME, "versions", 1, "evaluations")).json()["items"][0]
    assert found["message"].startswith("There is no column tarjet. The table has: ")


def test_a_pickle_that_is_evaluated_reaches_nothing_of_who_asked(
    mona: Person, trained: dict[str, Any], flowers: None
) -> None:
    other = mona.submit("sleep", "600", profile="scikit-learn")
    with mona.http.stream("GET", f"/events/stream?topic=job:{other['id']}&after=1") as events:
        next(line for line in events.iter_lines() if '"RUNNING"' in line)
    asked = {"dataset": "flowers", "target": "target", "profile": "scikit-learn"}
    begun = mona.http.post(path(mona, "nosy", "versions", 1, "evaluate"), json=asked)
    assert begun.status_code == 201, begun.text
    names = [begun.json()["job"]]
    again = mona.http.post(f"/projects/{mona.project}/jobs/{names[0]}/rerun", json={})
    assert again.status_code == 201, again.text
    names.append(again.json()["name"])
    for name in names:
        assert mona.ended(name, 120)["status"]["state"] == "SUCCEEDED", mona.text(name)
        found = json.loads(mona.text(name).split("NOSY ", 1)[1].splitlines()[0])
        assert not any(folder.startswith(other["id"]) for folder in found.pop("folders"))
        assert found == {"tokens": 0, "connects": False, "shared": []}
    mona.http.post(f"/projects/{mona.project}/jobs/{other['name']}/stop").raise_for_status()


def test_deleting_is_for_good_in_mlflow_too(himalia: Running, mona: Person, trained: dict[str, Any]) -> None:
    assert mona.http.post(path(mona), json={"name": "gone"}, timeout=60).status_code == 201
    versions = path(mona, "gone", "versions")
    assert mona.http.post(versions, json={"job": trained["name"]}, timeout=60).status_code == 201
    assert mona.http.delete(f"{versions}/1", timeout=60).status_code == 204
    assert mona.http.get(f"{versions}/1").status_code == 404
    # A number is not used again.
    assert mona.http.post(versions, json={"job": trained["name"]}, timeout=60).json()["number"] == 2
    assert mlflow(himalia, mona, "DELETE", "registered-models/delete", {"name": "gone"}).status_code == 200
    assert mona.http.get(path(mona, "gone")).status_code == 404
    kinds = [one["kind"] for one in mona.events() if one["subject"]["name"] == "gone"]
    assert kinds == ["model.created", "model.changed", "model.changed", "model.changed", "model.deleted"]


def test_what_is_served_stays(mona: Person, trained: dict[str, Any]) -> None:
    assert mona.http.post(path(mona), json={"name": "served"}, timeout=60).status_code == 201
    versions = path(mona, "served", "versions")
    assert mona.http.post(versions, json={"job": trained["name"]}, timeout=60).status_code == 201
    endpoints = f"/projects/{mona.project}/endpoints"
    spec = {"model": "served@1", "profile": "scikit-learn"}
    made = mona.http.post(endpoints, json={"name": "flowers", "spec": spec})
    assert made.status_code == 201, made.text
    for place in (f"{versions}/1", path(mona, "served")):
        refused = mona.http.delete(place)
        assert "is served by the endpoint flowers, or kept there" in message(refused, 409)
        assert refused.json()["error"]["code"] == "in_use"
    assert mona.http.get(f"{versions}/1/files").status_code == 200
    assert mona.http.delete(f"{endpoints}/flowers", params={"cascade": True}).status_code == 204
    assert mona.http.delete(path(mona, "served"), timeout=60).status_code == 204
