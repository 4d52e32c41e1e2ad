"""Endpoints through the whole platform: real models in their sandboxes, behind the gateway."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from endpoint_models import Deployed, Load, nosy, times, upload
from platforms import Person

import himalia
from himalia.client import errors
from himalia.hub.accounts.store import AccountStore


@pytest.fixture(scope="module")
def eve(people: Callable[..., Person]) -> Person:
    return people("eve")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def deployed(eve: Person, folder: Path) -> Iterator[Deployed]:
    """An endpoint that doubles."""
    made = Deployed(eve, folder, "times", 2)
    made.until("READY")
    yield made
    made.person.http.delete(made.path, params={"cascade": True})


def test_it_answers_at_both_addresses(deployed: Deployed) -> None:
    assert deployed.answer(3) == 6
    assert deployed.answer(4, direct=False) == 8
    seen = deployed.seen()
    assert seen["url"].endswith(f"/services/himalia-gateway/{deployed.person.project}/times")
    assert (seen["model"], seen["spec"]) == ("times", {"revision": 1, "running": True})
    [revision] = seen["status"]["revisions"]
    assert (revision["number"], revision["weight"], revision["ready"]) == (1, 100, True)


def test_bad_input_is_named(deployed: Deployed) -> None:
    address = f"{deployed.seen()['direct_url']}/v2/models/times/infer"
    headers = {"Authorization": f"Bearer {deployed.token}"}
    wrong = {"inputs": [{"name": "y", "shape": [1], "datatype": "FP64", "data": [1]}]}
    answer = httpx.post(address, json=wrong, headers=headers)
    assert answer.status_code == 400
    assert "x" in answer.json()["error"]
    assert httpx.post(address, content=b"no JSON", headers=headers).status_code == 400
    assert deployed.answer(1) == 2


@pytest.mark.parametrize("kind", ["none", "person", "hub", "other endpoint", "revoked", "wrong"])
def test_no_other_token_opens_it(deployed: Deployed, eve: Person, folder: Path, kind: str) -> None:
    if kind == "hub":
        hub = eve.browser.post(
            f"/hub/api/users/{eve.name}/tokens",
            json={},
            headers={"X-XSRFToken": eve.browser.cookies["_xsrf"]},
        )
        token = hub.json()["token"]
    elif kind == "other endpoint":
        other = Deployed(eve, folder, "other", 3)
        token = other.token
        eve.http.delete(other.path, params={"cascade": True}).raise_for_status()
    elif kind == "revoked":
        made = deployed.do("tokens").json()
        assert deployed.answer(1, token=made["token"]) == 2
        eve.http.delete(f"{deployed.path}/tokens/{made['id']}").raise_for_status()
        token = made["token"]
    else:
        token = {"none": "", "person": eve.token, "wrong": "him_end_" + "x" * 43}[kind]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for direct in ("url", "direct_url"):
        answer = httpx.post(
            f"{deployed.seen()[direct]}/v2/models/times/infer", headers=headers, content=b"{}"
        )
        assert answer.status_code == 401, answer.text


def test_tokens_are_shown_once(deployed: Deployed, eve: Person) -> None:
    made = deployed.do("tokens", note="for the shop", expires_in_s=600).json()
    assert made["token"].startswith("him_end_")
    listed = eve.http.get(f"{deployed.path}/tokens").json()["items"]
    assert made["id"] in {one["id"] for one in listed}
    assert made["token"] not in str(listed)
    database = (deployed.person.platform.home / "service" / "himalia.sqlite").read_bytes()
    state = (deployed.person.platform.home / "gateway" / "state.json").read_text()
    assert made["token"].encode() not in database
    assert made["token"] not in state
    assert eve.http.delete(f"{deployed.path}/tokens/aaaaaaaaaaaaaaaa").status_code == 404


def test_tokens_of_a_disabled_account_end_for_good(
    deployed: Deployed, eve: Person, people: Callable[..., Person]
) -> None:
    gus = people("gus")
    member = f"/projects/{eve.project}/members/person/gus"
    eve.http.put(member, json={"role": "editor"}).raise_for_status()
    token = gus.http.post(f"{deployed.path}/tokens", json={"note": "of gus"}).json()["token"]
    assert deployed.answer(1, token=token) == 2
    accounts = AccountStore.of_home(eve.platform.home)
    accounts.disable("gus")
    deadline = time.monotonic() + 20
    while (status := deployed.ask(1, token=token).status_code) == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert status == 401
    assert "of gus" not in {one["note"] for one in eve.http.get(f"{deployed.path}/tokens").json()["items"]}
    accounts.enable("gus")
    assert deployed.ask(1, token=token).status_code == 401
    assert gus.http.get("/whoami").status_code == 401
    eve.http.delete(member).raise_for_status()


def test_an_example_is_a_request_that_is_answered(deployed: Deployed, eve: Person) -> None:
    shown = eve.http.get(f"{deployed.path}/example").json()
    headers = {"Authorization": f"Bearer {deployed.token}"}
    answer = httpx.post(shown["url"], json=shown["body"], headers=headers)
    assert answer.status_code == 200
    assert answer.json()["outputs"][0]["data"] == [2.0]
    assert shown["curl"].startswith("curl ")
    assert deployed.token not in str(shown)


def test_what_was_answered_is_counted(deployed: Deployed, eve: Person) -> None:
    before = eve.http.get(f"{deployed.path}/metrics").json()["series"]
    for _ in range(5):
        deployed.answer(1)
    after = eve.http.get(f"{deployed.path}/metrics").json()
    counted = after["series"][0]["requests"] - (before[0]["requests"] if before else 0)
    assert counted == 5
    refused = after["series"][0]["refused"]
    assert after["series"][0]["points"][-1][3] > 0
    assert "Serving times" in eve.http.get(f"{deployed.path}/log").text
    assert deployed.ask("a word").status_code == 400
    told = eve.http.get(f"{deployed.path}/metrics").json()["series"][0]
    assert (told["refused"], told["failures"]) == (refused + 1, after["series"][0]["failures"])


def test_figures_come_live(deployed: Deployed, eve: Person) -> None:
    deployed.answer(1)
    topic = f"endpoint:{deployed.seen()['id']}"
    with eve.http.stream("GET", "/events/stream", params={"topic": topic}, timeout=30) as stream:
        for line in stream.iter_lines():
            if '"type": "metrics"' in line or '"type":"metrics"' in line:
                break
        else:
            raise AssertionError("no figures came")
    assert "points" in line


def test_no_call_fails_through_an_update_and_a_rollback(deployed: Deployed) -> None:
    with Load(deployed) as load:
        updated = deployed.update(5)
        assert updated.status_code == 201, updated.text
        assert updated.json()["status"]["state"] == "UPDATING"
        deployed.until("READY")
        assert deployed.answer(1) == 5
        assert deployed.do("rollback").status_code == 200
        seen = deployed.until("READY")
        assert deployed.answer(1) == 2
    assert load.failed == []
    assert {2.0, 5.0} <= set(load.answers)
    assert [(one["number"], one["weight"]) for one in seen["status"]["revisions"]] == [(2, 0), (1, 100)]


def test_traffic_is_shared_by_weight(deployed: Deployed) -> None:
    number = deployed.update(7, weight=30).json()["spec"]["revision"]
    deployed.until("READY")
    answers = [deployed.answer(1) for _ in range(200)]
    assert set(answers) == {2.0, 7.0}
    assert 30 <= answers.count(7.0) <= 95  # 60 expected, with a deviation of 6
    refused = deployed.do("traffic", "PUT", weights={"1": 50})
    assert refused.status_code == 422
    assert deployed.do("traffic", "PUT", weights={"99": 100}).status_code == 404
    assert deployed.do("traffic", "PUT", weights={"2": 100}).json()["error"]["code"] == "wrong_state"
    with Load(deployed) as load:
        assert deployed.do("traffic", "PUT", weights={str(number): 100}).status_code == 200
        deadline = time.monotonic() + 30
        while deployed.seen()["status"]["revisions"][-1]["state"] != "STOPPED":
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert load.failed == []
    assert deployed.answer(1) == 7


def test_an_update_can_be_given_up(deployed: Deployed) -> None:
    before = deployed.answer(1)
    number = deployed.update(9).json()["status"]["next"]
    given_up = deployed.do("rollback").json()["status"]
    assert (given_up["state"], given_up["next"]) == ("READY", None)
    deadline = time.monotonic() + 30
    while deployed.seen()["status"]["revisions"][0]["state"] != "STOPPED":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert deployed.seen()["status"]["revisions"][0]["number"] == number
    assert deployed.answer(1) == before


def test_an_update_that_cannot_load_says_why_and_the_old_one_goes_on(deployed: Deployed) -> None:
    with Load(deployed) as load:
        assert deployed.update(0).status_code == 201
        found = deployed.until("READY")
    assert load.failed == []
    assert "cannot be loaded" in found["status"]["message"]
    assert "this model cannot be loaded" in found["status"]["message"]
    assert "goes on" in found["status"]["message"]


def test_stop_and_start(deployed: Deployed) -> None:
    before = deployed.answer(1)
    assert deployed.do("stop").status_code == 200
    deployed.until("STOPPED")
    refused = deployed.ask(1)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
    assert "is stopped" in refused.json()["error"]["message"]
    assert deployed.do("stop").json()["error"]["code"] == "wrong_state"
    assert deployed.do("start").status_code == 200
    deployed.until("READY")
    assert deployed.answer(1) == before
    assert deployed.do("start").json()["error"]["code"] == "wrong_state"


def test_a_new_name_is_a_new_address(deployed: Deployed, eve: Person) -> None:
    renamed = eve.http.patch(deployed.path, json={"name": "multiply", "labels": {"stage": "live"}})
    assert renamed.status_code == 200, renamed.text
    old, deployed.path = deployed.path, deployed.path.replace("times", "multiply")
    found = deployed.until("READY")
    assert found["model"] == "times"
    deadline = time.monotonic() + 10
    headers = {"Authorization": f"Bearer {deployed.token}"}
    while httpx.get(f"{found['direct_url']}/v2/health/ready", headers=headers).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert eve.http.get(old).status_code == 404
    assert deployed.ask(1).status_code == 401  # the old address
    listed = eve.http.get(f"/projects/{eve.project}/endpoints", params={"label": "stage=live"}).json()[
        "items"
    ]
    assert [one["name"] for one in listed] == ["multiply"]
    stale = eve.http.patch(f"{deployed.path}", json={"labels": {}}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


def test_deleted_and_restored(deployed: Deployed, eve: Person) -> None:
    assert eve.http.delete(deployed.path).json()["error"]["code"] == "in_use"
    assert eve.http.delete(deployed.path, params={"cascade": True}).status_code == 204
    assert eve.http.get(deployed.path).status_code == 404
    restored = eve.http.post(f"{deployed.path}/restore", json={"name": "times"})
    assert restored.status_code == 200, restored.text
    deployed.path = deployed.path.replace("multiply", "times")
    assert restored.json()["status"]["state"] in ("STOPPED", "STOPPING")
    deployed.until("STOPPED")
    assert deployed.do("start").status_code == 200
    deployed.until("READY")


def test_a_model_that_cannot_load_is_a_failed_endpoint(eve: Person, folder: Path) -> None:
    broken = Deployed(eve, folder, "broken", 0)
    found = broken.until("FAILED")
    assert "Revision 1 did not start: The model in model cannot be loaded" in found["status"]["message"]
    refused = broken.ask(1)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
    assert broken.update(2).status_code == 201
    broken.until("READY")
    assert broken.answer(2) == 4
    eve.http.delete(broken.path, params={"cascade": True}).raise_for_status()


def test_code_in_a_pickle_reaches_nothing_outside_of_its_sandbox(eve: Person, folder: Path) -> None:
    home = eve.platform.home
    other = home / "service" / "himalia.sqlite"
    assert other.is_file()
    variables = {"PORT": eve.platform.address.rpartition(":")[2], "PLATFORM": str(home), "OTHER": str(other)}
    found_out = Deployed(eve, folder, "nosy", 1, model=nosy(folder), env=variables)
    found_out.until("READY")
    deadline = time.monotonic() + 30
    while "Serving nosy" not in (log := eve.http.get(f"{found_out.path}/log").text):
        assert time.monotonic() < deadline, log
        time.sleep(0.05)
    found = json.loads(log.split("NOSY ", 1)[1].splitlines()[0])
    assert found.pop("checkouts") == 1
    assert found.pop("networks") == ["lo"]
    assert found.pop("limit") == str(100 * 2**20), "what the setting says"
    assert found == {
        "connects": False,
        "folders": ["environments"],
        "projects": [],
        "read": [],
        "tokens": [],
        "written": [],
    }
    assert not list(home.glob("projects/*/shared/touched"))
    eve.http.delete(found_out.path, params={"cascade": True}).raise_for_status()


def test_what_cannot_be_deployed_is_refused(eve: Person, deployed: Deployed, folder: Path) -> None:
    path = f"/projects/{eve.project}/endpoints"

    def refused(**body: object) -> str:
        answer = eve.http.post(path, json=body)
        assert answer.status_code in (409, 422), answer.text
        return str(answer.json()["error"]["message"])

    files = upload(eve, times(folder, 2))
    code = folder / "code"
    code.mkdir()
    (code / "a.py").write_text("print()")
    assert "MLmodel" in refused(spec={"files": upload(eve, code), "profile": "base"})
    assert "spec" in refused(spec={"profile": "base"})
    assert "secret" in refused(spec={"files": files, "profile": "base", "secrets": ["NONE"]})
    assert "profile" in refused(spec={"files": files, "profile": "huge"})
    assert "already" in refused(name="times", spec={"files": files, "profile": "base"})
    assert "model" in refused(spec={"model": "nobody@1", "profile": "base"})


def test_a_body_of_nearly_the_limit_is_answered(deployed: Deployed) -> None:
    seen = deployed.seen()
    address = f"{seen['direct_url']}/v2/models/{seen['model']}/infer"
    rows = (100 * 2**20 - 4096) // 8
    tensor = {"name": "x", "shape": [rows], "datatype": "FP64", "parameters": {"binary_data_size": rows * 8}}
    head = json.dumps({"inputs": [tensor]}).encode()
    piece = struct.pack("<d", 3.0) * 2**14
    headers = {
        "Authorization": f"Bearer {deployed.token}",
        "Inference-Header-Content-Length": str(len(head)),
        "Content-Length": str(len(head) + rows * 8),
    }

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(rows // 2**14):
            yield piece
        yield piece[: rows % 2**14 * 8]

    answer = httpx.post(address, content=body(), headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"][0]["data"] == [3.0 * deployed.answer(1)]
    with socket.create_connection(address.split("/")[2].split(":")) as raw:
        lines = [f"{name}: {value}" for name, value in headers.items() if name != "Content-Length"]
        line = f"POST /{address.split('/', 3)[3]} HTTP/1.1"
        lines = [line, "Host: x", *lines, f"Content-Length: {100 * 2**20 + 1}", "", ""]
        raw.sendall("\r\n".join(lines).encode())
        refused = b"".join(iter(lambda: raw.recv(2**16), b""))
    assert refused.startswith(b"HTTP/1.1 413")
    assert b"The body of a request may have 100 MiB." in refused


def test_a_server_that_ends_in_order_is_started_again(deployed: Deployed) -> None:
    def attempt() -> int:
        return next(one["attempt"] for one in deployed.seen()["status"]["revisions"] if one["weight"])

    before = attempt()
    answer = deployed.ask(667)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "model_failed")
    deadline = time.monotonic() + 60
    while attempt() == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    deployed.until("READY")
    assert deployed.ask(1).status_code == 200


def test_only_some_states_are_listed(deployed: Deployed, eve: Person) -> None:
    def names(*states: str) -> list[str]:
        answer = eve.http.get(f"/projects/{eve.project}/endpoints", params={"state": states})
        return [one["name"] for one in answer.raise_for_status().json()["items"]]

    name = deployed.seen()["name"]
    assert name in names()
    assert name in names("READY")
    assert name in names("STOPPED", "READY")
    assert name not in names("STOPPED", "FAILED")
    wrong = eve.http.get(f"/projects/{eve.project}/endpoints", params={"state": "ASLEEP"})
    assert wrong.status_code == 422


def test_who_leaves_leaves_no_way_in(
    eve: Person, admin: Person, people: Callable[..., Person], folder: Path
) -> None:
    rolf = people("rolf")
    eve.http.post("/projects", json={"name": "endpoints-of-two"}).raise_for_status()
    member = "/projects/endpoints-of-two/members/person/rolf"
    eve.http.put(member, json={"role": "editor"}).raise_for_status()
    left = Deployed(rolf, folder, "left", 2, project="endpoints-of-two")
    left.until("READY")
    assert left.answer(1) == 2
    hers = eve.http.post(f"{left.path}/tokens", json={}).raise_for_status().json()["token"]
    eve.http.delete(member).raise_for_status()
    left.person = eve

    def until(status: int, token: str) -> None:
        deadline = time.monotonic() + 30
        while (answer := left.ask(1, token=token)).status_code != status:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.05)

    until(401, left.token)
    deadline = time.monotonic() + 30
    while (revision := left.seen()["status"]["revisions"][0])["state"] != "STOPPED":
        assert time.monotonic() < deadline, revision
        time.sleep(0.05)
    assert revision["reason"] == "access_removed"
    until(503, hers)
    assert left.do("start").status_code == 200
    left.until("READY")
    assert left.answer(1, token=hers) == 2
    runs = admin.http.get("/workloads").raise_for_status().json()["items"]
    [server] = [one for one in runs if one["id"] == revision["id"]]
    assert server["person"] == "eve", "it runs as who started it"

    eve.http.put(member, json={"role": "editor"}).raise_for_status()
    rolf.http.post(f"{left.path}/tokens", json={"note": "again"}).raise_for_status()
    notes = [one["note"] for one in eve.http.get(f"{left.path}/tokens").json()["items"]]
    assert sorted(notes) == ["", "again"]
    assert admin.http.delete("/people/rolf/tokens").json()["tokens"] == 2
    assert [one["note"] for one in eve.http.get(f"{left.path}/tokens").json()["items"]] == [""]
    eve.http.delete(left.path, params={"cascade": True}).raise_for_status()


def test_others_see_nothing(deployed: Deployed, bob: Person) -> None:
    assert bob.platform.url in deployed.seen()["url"]
    for method, path in (
        ("GET", ""),
        ("POST", "/stop"),
        ("GET", "/tokens"),
        ("GET", "/log"),
        ("GET", "/metrics"),
    ):
        assert bob.http.request(method, deployed.path + path).status_code == 404


def test_events_tell_the_rollout(deployed: Deployed, eve: Person) -> None:
    identifier = deployed.seen()["id"]
    kinds = [event["kind"] for event in eve.events() if event["subject"]["id"] == identifier]
    assert kinds[0] == "endpoint.created"
    assert {"endpoint.changed", "endpoint.deleted", "endpoint.restored"} <= set(kinds)


TRAIN = """
import importlib.metadata, os
import mlflow, mlflow.sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

rows, kinds = load_iris(return_X_y=True)
packages = [f"{one}=={importlib.metadata.version(one)}" for one in ("scikit-learn", "skops")]
for name, shift in (("first", 0), ("second", 1)):
    model = LogisticRegression(max_iter=500).fit(rows, kinds + shift)
    signature = infer_signature(rows, model.predict(rows))
    wanted = [*packages, f"mlflow=={mlflow.__version__}"]
    mlflow.sklearn.save_model(
        model, f"outputs/{name}", signature=signature, pip_requirements=wanted, input_example=rows[:3]
    )
"""


def test_from_a_registered_model_to_an_answer_and_back(eve: Person) -> None:
    job = eve.ended(eve.submit("python", "-c", TRAIN, profile="scikit-learn")["name"], 120)
    assert job["status"]["state"] == "SUCCEEDED", eve.text(job["name"])
    base = f"/projects/{eve.project}"
    eve.http.post(f"{base}/models", json={"name": "iris"}, timeout=60).raise_for_status()
    for folder in ("first", "second"):
        body = {"job": job["name"], "path": folder}
        made = eve.http.post(f"{base}/models/iris/versions", json=body, timeout=60)
        assert made.status_code == 201, made.text
    client = himalia_client(eve)
    endpoint = client.endpoints.deploy("iris@1", profile="scikit-learn")
    endpoint.wait(timeout=90)
    assert (endpoint.name, endpoint.status.revisions[0].model) == ("iris", {"name": "iris", "version": "1"})
    assert endpoint.predict([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]) == [0, 2]
    [shown] = endpoint.example().body["inputs"]
    assert (shown["shape"], shown["data"]) == ([1, 4], [5.1, 3.5, 1.4, 0.2])
    endpoint.update("iris@2")
    endpoint.wait(timeout=90)
    assert endpoint.predict([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]) == [1, 3]
    refused = eve.http.delete(f"{base}/models/iris/versions/2")
    assert refused.json()["error"]["code"] == "in_use"
    serving = endpoint.status.revisions[0].id
    graph = eve.http.get(f"{base}/lineage", params={"of": f"endpoint:{serving}"}).json()
    assert {(edge["kind"]) for edge in graph["edges"]} >= {"serves", "source"}
    assert f"job:{job['id']}" in {node["id"] for node in graph["nodes"]}
    endpoint.rollback()
    endpoint.wait(timeout=90)
    assert endpoint.predict([[5.1, 3.5, 1.4, 0.2]]) == [0]
    endpoint.delete(cascade=True)
    assert eve.http.delete(f"{base}/models/iris/versions/2", timeout=60).status_code == 204
    with pytest.raises(errors.Invalid, match="no model named"):
        client.endpoints.deploy("nothing@1", profile="base")
    client.close()


def himalia_client(person: Person) -> himalia.Client:
    return himalia.Client(person.platform.url, person.token)
