"""Jobs over HTTP, against a running platform."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from blake3 import blake3
from platforms import Person


def notebook(*cells: str, parameters: str | None = None) -> bytes:
    """A notebook of code cells, the first one tagged `parameters` if given."""
    made = [] if parameters is None else [_cell(parameters, ["parameters"])]
    made += [_cell(source, []) for source in cells]
    document = {
        "cells": made,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document).encode()


def _cell(source: str, tags: list[str]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": blake3(source.encode()).hexdigest()[:8],
        "source": source,
        "metadata": {"tags": tags},
        "outputs": [],
        "execution_count": None,
    }


def snapshot(person: Person, files: dict[str, bytes]) -> str:
    """Upload files as a code snapshot; its digest."""
    manifest = {
        "files": [
            {"path": path, "size": len(data), "digest": blake3(data).hexdigest()}
            for path, data in files.items()
        ]
    }
    base = f"/projects/{person.project}"
    answer = person.http.post(f"{base}/snapshots", json=manifest).json()
    by_digest = {blake3(data).hexdigest(): data for data in files.values()}
    for digest in answer["missing"]:
        put = person.http.put(f"{base}/objects/{digest}", content=by_digest[digest])
        assert put.status_code == 200, put.text
    if answer["missing"]:
        answer = person.http.post(f"{base}/snapshots", json=manifest).json()
    assert answer["complete"]
    digest: str = answer["digest"]
    return digest


def run_notebook(person: Person, content: bytes, **spec: Any) -> dict[str, Any]:
    """Submit a notebook and wait for its end."""
    digest = snapshot(person, {"work.ipynb": content})
    body = {"spec": {"notebook": "work.ipynb", "snapshot": digest, "profile": "base", **spec}}
    answer = person.http.post(f"/projects/{person.project}/jobs", json=body)
    assert answer.status_code == 201, answer.text
    return person.ended(answer.json()["name"])


def test_a_command_runs_to_its_end(ada: Person) -> None:
    job = ada.submit("sh", "-c", "echo out; echo err >&2; mkdir outputs; echo 42 > outputs/answer.txt")
    assert job["status"]["state"] == "QUEUED"
    ended = ada.ended(job["name"])
    assert ended["status"]["state"] == "SUCCEEDED", ended["status"]
    assert ended["status"]["attempts"][0]["exit_code"] == 0
    assert ada.text(job["name"]) == "out\nerr\n"
    files = ada.http.get(f"/projects/{ada.project}/jobs/{job['name']}/outputs").json()["items"]
    assert [(file["path"], file["size"]) for file in files] == [("outputs/answer.txt", 3)]
    assert files[0]["digest"] == blake3(b"42\n").hexdigest()
    content = ada.http.get(f"/projects/{ada.project}/jobs/{job['name']}/outputs/outputs/answer.txt")
    assert content.content == b"42\n"
    assert "sandbox" in content.headers["content-security-policy"]


def test_a_failing_command_says_so(ada: Person) -> None:
    ended = ada.ended(ada.submit("sh", "-c", "exit 3")["name"])
    assert (ended["status"]["state"], ended["status"]["reason"]) == ("FAILED", "user_error")
    assert "3" in ended["status"]["message"]
    assert ended["status"]["attempts"][0]["exit_code"] == 3


def test_a_notebook_runs_with_parameters(ada: Person) -> None:
    content = notebook(
        "import himalia.run as run\nrun.log('total', n * 2, 1)\nprint('n is', n)",
        parameters="n = 1  # how many",
    )
    ended = run_notebook(ada, content, parameters={"n": 21})
    assert ended["status"]["state"] == "SUCCEEDED", (ended["status"], ada.text(ended["name"]))
    assert ended["status"]["metrics"] == {"total": 42.0}
    assert ended["status"]["progress"]["cells"] == 3
    assert "n is 21" in ada.text(ended["name"])
    base = f"/projects/{ada.project}/jobs/{ended['name']}"
    paths = {file["path"] for file in ada.http.get(f"{base}/outputs").json()["items"]}
    assert {"outputs/work.ipynb", "outputs/work.html"} <= paths
    executed = ada.http.get(f"{base}/outputs/outputs/work.ipynb").json()
    assert any("injected-parameters" in cell["metadata"].get("tags", []) for cell in executed["cells"])
    series = ada.http.get(f"{base}/metrics").json()["items"]
    assert series[0]["name"] == "total"
    assert series[0]["points"][0][:2] == [1, 42.0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (notebook("1 / 0"), "ZeroDivisionError"),
        (notebook("def broken(:\n  pass"), "SyntaxError"),
        (notebook("input('name?')"), "input"),
        (b"this is no JSON", "notebook"),
        (b'{"cells": []}', "notebook"),
    ],
)
def test_a_bad_notebook_fails_with_a_sentence(ada: Person, content: bytes, words: str) -> None:
    ended = run_notebook(ada, content)
    status = ended["status"]
    assert status["state"] == "FAILED"
    assert words.lower() in status["message"].lower(), status
    assert "Traceback" not in status["message"]


def test_the_same_idempotency_key_makes_one_job(ada: Person) -> None:
    body = {"spec": {"kind": "command", "command": ["true"], "profile": "base"}}
    path, headers = f"/projects/{ada.project}/jobs", {"Idempotency-Key": "once-only"}
    first = ada.http.post(path, json=body, headers=headers)
    again = ada.http.post(path, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = ada.http.post(path, json={**body, "labels": {"a": "b"}}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key_reused")


def test_names(ada: Person) -> None:
    path = f"/projects/{ada.project}/jobs"
    body = {"name": "mine", "spec": {"kind": "command", "command": ["true"], "profile": "base"}}
    assert ada.http.post(path, json=body).json()["name"] == "mine"
    taken = ada.http.post(path, json=body)
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "name_in_use")
    numbered = [ada.submit("uptime")["name"] for _ in range(3)]
    assert numbered == ["uptime", "uptime-2", "uptime-3"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"kind": "command", "command": []}, "spec"),
        ({"kind": "command", "command": ["true"], "profile": "no-such"}, "spec.profile"),
        ({"kind": "command", "command": ["true"], "size": "enormous"}, "spec.size"),
        ({"kind": "command", "command": ["true"], "retries": -1}, "spec.retries"),
        ({"kind": "command", "command": ["true"], "time_limit_s": 1e300}, "spec.time_limit_s"),
        ({"kind": "command", "command": ["true"], "priority": 5}, "spec.priority"),
        ({"kind": "command", "command": ["tr\0ue"]}, "spec.command.0"),
        ({"kind": "notebook", "notebook": "../../etc/passwd", "snapshot": "0" * 64}, "spec.notebook"),
        ({"kind": "notebook", "notebook": "/etc/passwd", "snapshot": "0" * 64}, "spec.notebook"),
        ({"kind": "notebook", "notebook": "a.ipynb", "snapshot": "0" * 64}, "spec.snapshot"),
        ({"kind": "notebook", "notebook": "a.ipynb"}, "spec"),
        ({"kind": "command", "command": ["true"], "secrets": ["NOPE"]}, "spec.secrets"),
        ({"kind": "command", "command": ["true"], "profile": "pytorch-gpu"}, "spec.environment"),
        ({"kind": "command", "command": ["true"], "nonsense": 1}, "spec.nonsense"),
    ],
)
def test_bad_specs_name_the_field(ada: Person, spec: dict[str, Any], field: str) -> None:
    answer = ada.http.post(f"/projects/{ada.project}/jobs", json={"spec": {"profile": "base", **spec}})
    assert answer.status_code == 422, answer.text
    assert field in [
        one["field"].removeprefix("body.") for one in answer.json()["error"]["details"]["fields"]
    ]


def test_stop_ends_the_whole_tree(ada: Person) -> None:
    job = ada.submit(
        "sh", "-c", "(setsid sleep 1000 &) ; trap '' TERM; echo ready; while :; do sleep 1; done"
    )
    _wait_for_log(ada, job["name"], "ready")
    stopped = ada.http.post(f"/projects/{ada.project}/jobs/{job['name']}/stop").json()
    assert stopped["status"]["state"] == "STOPPING"
    ended = ada.ended(job["name"])
    assert (ended["status"]["state"], ended["status"]["reason"]) == ("STOPPED", "stopped_by_user")
    again = ada.http.post(f"/projects/{ada.project}/jobs/{job['name']}/stop")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "wrong_state")


def _wait_for_log(person: Person, name: str, words: str) -> None:
    job = person.job(name)
    topic = f"/events/stream?topic=log:{job['id']}:1&topic=job:{job['id']}"
    with person.http.stream("GET", topic) as events:
        for line in events.iter_lines():
            if line.startswith("data:") and words in line:
                return
    raise AssertionError(f"the log of {name} ended without {words!r}")


def test_time_limit_and_retries(ada: Person) -> None:
    job = ada.submit("sleep", "100", time_limit_s=1, retries=1)
    ended = ada.ended(job["name"])
    assert (ended["status"]["state"], ended["status"]["reason"]) == ("FAILED", "time_limit")
    assert [one["reason"] for one in ended["status"]["attempts"]] == ["time_limit", "time_limit"]


def test_out_of_memory_is_told_apart(ada: Person) -> None:
    program = (
        "import time\nx = bytearray(1600 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\ntime.sleep(60)"
    )
    ended = ada.ended(ada.submit("python", "-c", program)["name"])
    assert (ended["status"]["state"], ended["status"]["reason"]) == ("FAILED", "out_of_memory"), ended[
        "status"
    ]


def test_a_secret_reaches_the_job_and_is_masked(ada: Person) -> None:
    put = ada.http.put(f"/projects/{ada.project}/secrets/TOKEN", json={"value": "very-secret-value"})
    assert put.status_code == 204
    ended = ada.ended(ada.submit("sh", "-c", 'echo "${#TOKEN} $TOKEN"', secrets=["TOKEN"])["name"])
    text = ada.text(ended["name"])
    assert "17 " in text
    assert "very-secret-value" not in text
    listed = ada.http.get(f"/projects/{ada.project}/secrets").text
    assert "very-secret-value" not in listed
    assert "very-secret-value" not in ada.platform.log("service")


def test_rerun_and_retry(ada: Person) -> None:
    ended = ada.ended(ada.submit("sh", "-c", "exit 1")["name"])
    base = f"/projects/{ada.project}/jobs/{ended['name']}"
    again = ada.http.post(f"{base}/rerun", json={})
    assert again.status_code == 201
    assert again.json()["id"] != ended["id"]
    assert again.json()["spec"]["command"] == ended["spec"]["command"]
    assert ada.http.post(f"{base}/retry").status_code == 200
    retried = ada.ended(ended["name"])
    assert retried["status"]["attempt"] == 2


def test_delete_and_restore(ada: Person) -> None:
    job = ada.ended(ada.submit("true")["name"])
    base = f"/projects/{ada.project}/jobs/{job['name']}"
    assert ada.http.delete(base).status_code == 204
    assert ada.http.get(base).status_code == 404
    assert ada.http.post(f"{base}/restore", json={}).json()["id"] == job["id"]
    assert ada.http.get(base).status_code == 200


def test_a_stale_etag_is_refused(ada: Person) -> None:
    job = ada.submit("true")
    base = f"/projects/{ada.project}/jobs/{job['name']}"
    changed = ada.http.patch(base, json={"labels": {"kind": "a"}}, headers={"If-Match": job["etag"]})
    assert changed.status_code == 200
    stale = ada.http.patch(base, json={"labels": {}}, headers={"If-Match": job["etag"]})
    assert ada.http.patch(base, json={"labels": {"kind": "a"}}, headers={"If-Match": "*"}).status_code == 200
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "stale")


def test_pages_and_filters(ada: Person) -> None:
    for _ in range(3):
        ada.submit("true", env={"A": "b"})
    path = f"/projects/{ada.project}/jobs"
    first = ada.http.get(path, params={"limit": 2}).json()
    second = ada.http.get(path, params={"limit": 2, "page_token": first["next_page_token"]}).json()
    names = [job["name"] for job in first["items"] + second["items"]]
    assert len(set(names)) == 4
    assert ada.http.get(path, params={"page_token": "rubbish!"}).status_code == 422
    succeeded = ada.http.get(path, params={"state": "SUCCEEDED"}).json()["items"]
    assert {job["status"]["state"] for job in succeeded} <= {"SUCCEEDED"}


def test_others_see_nothing(ada: Person, bob: Person) -> None:
    job = ada.submit("true")
    for path in (
        f"/projects/{ada.project}/jobs",
        f"/projects/{ada.project}/jobs/{job['name']}",
        f"/projects/{ada.project}",
    ):
        assert bob.http.get(path).status_code == 404
    assert bob.http.get(f"/events/stream?topic=job:{job['id']}").status_code == 404


def test_many_jobs_at_once_all_end_once(ada: Person) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: ada.submit("/bin/true"), range(60)))
    states = [ada.ended(job["name"])["status"] for job in jobs]
    assert {status["state"] for status in states} == {"SUCCEEDED"}
    assert {status["attempt"] for status in states} == {1}


def test_names_that_were_made_up_go_round_those_that_were_given(ada: Person) -> None:
    first = ada.submit("/bin/echo")["name"]
    assert first == "echo"
    for name in ("echo-3", "echo-5"):
        body = {"name": name, "spec": {"kind": "command", "command": ["/bin/true"], "profile": "base"}}
        assert ada.http.post(f"/projects/{ada.project}/jobs", json=body).status_code == 201
    with ThreadPoolExecutor(4) as pool:
        names = {job["name"] for job in pool.map(lambda _: ada.submit("/bin/echo"), range(6))}
    assert len(names) == 6
    assert all(name.startswith("echo-") for name in names)
    assert not names & {"echo", "echo-3", "echo-5"}


def test_profiles_say_how_many_jobs_would_start_now(ada: Person) -> None:
    def free(profile: str, size: str) -> tuple[int, int]:
        items = ada.http.get("/profiles").json()["items"]
        sizes = next(item["sizes"] for item in items if item["name"] == profile)
        found = next(one for one in sizes if one["name"] == size)
        return found["free_now"], found["free_for_jobs"]

    cores = len(os.sched_getaffinity(0))
    assert free("base", "small")[1] <= cores, "each takes a core"
    running = [ada.submit("sleep", "60")["name"] for _ in range(cores)]
    deadline = time.monotonic() + 30
    while free("base", "small")[1] > 0:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert free("base", "small")[0] > 0, "a notebook server takes memory alone"
    for name in running:
        ada.http.post(f"/projects/{ada.project}/jobs/{name}/stop")
    assert {ada.ended(name)["status"]["state"] for name in running} == {"STOPPED"}


def test_metrics_may_be_no_numbers(ada: Person) -> None:
    code = "import himalia.run as r; r.log('loss', 1.5); r.log('loss', float('nan')); r.log('loss', float('-inf'))"
    name = ada.submit("python", "-c", f"{code}; r.log('last', float('nan'))")["name"]
    ended = ada.ended(name)["status"]
    assert (ended["state"], ended["metrics"]) == ("SUCCEEDED", {"last": None, "loss": None}), ada.text(name)
    points = ada.http.get(f"/projects/{ada.project}/jobs/{name}/metrics").json()["items"]
    found = {series["name"]: [value for _, value, *_ in series["points"]] for series in points}
    assert found == {"last": [None], "loss": [1.5, None, None]}


def test_outputs_whose_names_cannot_be_told_apart_are_all_kept(ada: Person) -> None:
    code = "import os; os.mkdir('outputs')\n"
    code += r"for n in (b'\xfe', b'\xff', b'a\nb'): open(b'outputs/' + n, 'wb').write(n)"
    name = ada.submit("python", "-c", code)["name"]
    ended = ada.ended(name)["status"]
    assert (ended["state"], ended["attempt"]) == ("SUCCEEDED", 1), ended
    base = f"/projects/{ada.project}/jobs/{name}/outputs"
    paths = [item["path"] for item in ada.http.get(base).json()["items"]]
    contents = {ada.http.get(f"{base}/{quote(path)}").content for path in paths}
    assert contents == {b"\xfe", b"\xff", b"a\nb"}, paths


def test_what_went_ahead_behind_a_long_job_does_not_wait_for_it(ada: Person) -> None:
    for _ in range(10):
        assert ada.ended(ada.submit("/bin/true")["name"])["status"]["state"] == "SUCCEEDED"
    with ThreadPoolExecutor(8) as pool:
        short = list(pool.map(lambda _: ada.submit("/bin/true"), range(40)))
        long = ada.submit("sleep", "20")
        short += pool.map(lambda _: ada.submit("/bin/true"), range(40))
    for job in short:
        status = ada.ended(job["name"])["status"]
        assert (status["state"], status["attempt"], len(status["attempts"])) == ("SUCCEEDED", 1, 1)
    assert ada.job(long["name"])["status"]["state"] == "RUNNING"
    ada.http.post(f"/projects/{ada.project}/jobs/{long['name']}/stop")
    assert ada.ended(long["name"])["status"]["state"] == "STOPPED"
