"""Every operation with every kind of credential: the permission table is what the service does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from platforms import Person, Running

from himalia.core.permissions import OPERATIONS, Role, Rule, covers
from himalia.core.tokens import WorkTokens

PLACE = "matrix"
RUNNING_JOB = {"spec": {"kind": "command", "command": ["sleep", "600"], "profile": "base"}}
VALUES = {
    "project": PLACE,
    "project_name": "no-such-project",
    "job": "no-such-job",
    "name": "NOBODY",
    "kind": "person",
    "member": "nobody-of-this-name",
    "digest": "x",
    "token_id": "no-such-token",
    "reservation": "no-such-reservation",
    "overlay": "no-such-overlay",
    "path": "%01",
}
QUERIES = {"events.stream": "?topic=nonsense"}


@dataclass(frozen=True)
class Caller:
    """A credential and what it stands for."""

    kind: str
    token: str | None = None
    scopes: frozenset[str] = frozenset()
    role: Role = Role.none
    limited: bool = False
    elsewhere: bool = False
    submit: bool = False


@pytest.fixture(scope="module")
def jobs(ada: Person) -> Iterator[list[dict[str, Any]]]:
    """A project of ada's where two jobs run; the second may submit others."""
    assert ada.http.post("/projects", json={"name": PLACE}).status_code == 201
    made = []
    for permissions in ([], ["submit"]):
        body = {"spec": {**RUNNING_JOB["spec"], "permissions": permissions}}
        job = ada.http.post(f"/projects/{PLACE}/jobs", json=body).json()
        with ada.http.stream("GET", f"/events/stream?topic=job:{job['id']}&after=1") as stream:
            next(line for line in stream.iter_lines() if '"RUNNING"' in line)
        made.append(job)
    yield made
    assert ada.http.delete(f"/projects/{PLACE}", params={"cascade": "true"}).status_code == 204


@pytest.fixture(scope="module")
def callers(
    himalia: Running, people: Callable[..., Person], ada: Person, jobs: list[dict[str, Any]]
) -> dict[str, Caller]:
    """One of each kind."""
    write, read = frozenset({"write"}), frozenset({"read"})
    made = {
        "nobody": Caller("none"),
        "owner": Caller("user", ada.token, write, Role.owner),
        "stranger": Caller("user", people("dave").token, write),
        "administrator": Caller("user", people("admin", "admin").token, frozenset({"admin"}), Role.owner),
        "service": Caller("service", (himalia.home / "secrets" / "service-token").read_text().strip()),
    }
    for name, role in (("bob", "editor"), ("carol", "viewer")):
        member = people(name)
        put = ada.http.put(f"/projects/{PLACE}/members/person/{name}", json={"role": role})
        assert put.status_code == 200, put.text
        made[role] = Caller("user", member.token, write, Role[role])
    for name, body in (
        ("reader", {"scopes": ["read"]}),
        ("limited", {"scopes": ["write"], "project": PLACE}),
        ("elsewhere", {"scopes": ["write"], "project": ada.project}),
    ):
        token = ada.session("POST", "/tokens", json=body).json()["token"]
        scopes = read if name == "reader" else write
        made[name] = Caller("user", token, scopes, Role.owner, name != "reader", name == "elsewhere")
    key = WorkTokens((himalia.home / "secrets" / "service-key").read_text().strip().encode())
    for name, job in zip(("workload", "submitter"), jobs, strict=True):
        made[name] = Caller("workload", key.make(job["id"], 1), write, Role.owner, submit=name == "submitter")
    return made


def expected(rule: Rule, caller: Caller, in_project: bool) -> int:
    """200 for allowed, else the status that says why not."""
    if "none" in rule.by:
        return 200
    if caller.kind == "none":
        return 401
    if caller.kind == "workload":
        return 200 if rule.own or (rule.submit and caller.submit) else 403
    people_may = bool(rule.by & {"hub", "user"})
    if not (people_may if caller.kind == "user" else "service" in rule.by):
        return 403
    if caller.kind == "user" and rule.scope is not None and not covers(caller.scopes, rule.scope):
        return 403
    if not in_project:
        return 403 if caller.limited and not rule.limited else 200
    if caller.role == Role.none or caller.elsewhere:
        return 404
    return 200 if caller.role >= rule.role else 403


def seen(answer: httpx.Response) -> int:
    """200 when the gate let a call in, whatever it then led to."""
    if answer.status_code in (401, 403):
        return answer.status_code
    if answer.status_code == 404 and answer.json()["error"]["message"].startswith(
        "There is no project named"
    ):
        return 404
    assert answer.status_code < 500, answer.text
    return 200


def call(
    http: httpx.Client, method: str, path: str, operation: str, workload: str, token: str | None
) -> httpx.Response:
    """One call that, where it is allowed, changes nothing: its body or what it names is wrong."""
    values = {**VALUES, "workload": workload if OPERATIONS[operation].own else "no-such-workload"}
    filled = re.sub(r"{(\w+)}", lambda found: values.get(found[1], f"no-such-{found[1]}"), path)
    filled += QUERIES.get(operation, "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = None if method in ("get", "delete") else {"nonsense": 1}
    with http.stream(method, filled, headers=headers, json=body) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()  # a stream of events has no end
    return answer


MLFLOW = {
    "mlflow.read": ("experiments/search", {"max_results": 1}),
    "mlflow.write": ("experiments/create", {}),
}
"""Operations of MLflow's own API: a call of each, refused for want of a name where it would change something.

tests/api/test_tracking.py has all of its calls.
"""


def test_every_operation_with_every_credential(
    himalia: Running, callers: dict[str, Caller], jobs: list[dict[str, Any]]
) -> None:
    document = httpx.get(f"{himalia.url}/services/himalia/openapi.json").json()
    wrong, count = [], 0
    http = httpx.Client(base_url=himalia.url, timeout=30)
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            operation = one["operationId"]
            for name, caller in callers.items():
                own = jobs[1 if name == "submitter" else 0]["id"]
                answer = call(http, method, path, operation, own, caller.token)
                wanted = expected(OPERATIONS[operation], caller, "{project}" in path)
                count += 1
                if method == "head" and answer.status_code == 404:
                    assert wanted in (200, 404)  # it has no words that tell the two apart
                elif seen(answer) != wanted:
                    wrong.append(
                        f"{operation} by {name}: {answer.status_code}, not {wanted}: {answer.text[:90]}"
                    )
    http.close()
    assert wrong == []
    assert count == len(OPERATIONS.keys() - MLFLOW.keys()) * len(callers)


def hub_token(person: Person, scope: str) -> str:
    """A token of JupyterHub's for a person, as a notebook server has one."""
    xsrf = next(c.value for c in person.browser.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
    made = person.browser.post(
        f"/hub/api/users/{person.name}/tokens",
        json={"scopes": [f"custom:himalia:{scope}!user={person.name}"]},
        headers={"X-XSRFToken": xsrf or ""},
    )
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


@pytest.mark.parametrize("operation", MLFLOW)
def test_mlflow_with_every_credential(
    himalia: Running, callers: dict[str, Caller], ada: Person, operation: str
) -> None:
    every = dict(callers)
    for scope in ("read", "write"):
        every[f"hub {scope}"] = Caller("user", hub_token(ada, scope), frozenset({scope}), Role.owner)
    path, body = MLFLOW[operation]
    wrong = []
    for name, caller in every.items():
        headers = {"X-MLFLOW-WORKSPACE": PLACE}
        if caller.token is not None:
            headers["Authorization"] = f"Bearer {caller.token}"
        url = f"{himalia.url}/services/himalia/mlflow/api/2.0/mlflow/{path}"
        answer = httpx.post(url, json=body, headers=headers, timeout=60)
        wanted = expected(OPERATIONS[operation], caller, True)
        allowed = 400 if operation == "mlflow.write" else 200
        if answer.status_code != (allowed if wanted == 200 else wanted):
            wrong.append(f"{name}: {answer.status_code}, not {wanted}: {answer.text[:200]}")
    assert wrong == []
    # A page of the hub's own origin does not come in by its session, nor does a token of an endpoint.
    url = f"/services/himalia/mlflow/api/2.0/mlflow/{path}"
    assert ada.browser.post(url, json=body, headers={"X-MLFLOW-WORKSPACE": PLACE}).status_code in (401, 403)
    for token in ("him_end_" + "a" * 40, "him_work_" + "a" * 40, "of-nobody"):
        headers = {"X-MLFLOW-WORKSPACE": PLACE, "Authorization": f"Bearer {token}"}
        assert httpx.post(himalia.url + url, json=body, headers=headers).status_code == 401


def test_a_workload_speaks_for_itself_only(
    himalia: Running, callers: dict[str, Caller], jobs: list[dict[str, Any]]
) -> None:
    url = f"{himalia.url}/services/himalia/api/v1/workloads"
    headers = {"Authorization": f"Bearer {callers['workload'].token}"}
    stored = httpx.put(f"{url}/{jobs[0]['id']}/outputs/a.txt", content=b"mine", headers=headers)
    assert stored.status_code == 200, stored.text
    assert stored.json()["size"] == 4
    other = httpx.put(f"{url}/{jobs[1]['id']}/outputs/a.txt", content=b"not mine", headers=headers)
    assert other.status_code == 403


@pytest.mark.parametrize("attempt", [0, 2, 999])
def test_another_attempts_token_is_told_that_it_is_stale(
    himalia: Running, jobs: list[dict[str, Any]], attempt: int
) -> None:
    key = WorkTokens((himalia.home / "secrets" / "service-key").read_text().strip().encode())
    url = f"{himalia.url}/services/himalia/api/v1/workloads/{jobs[0]['id']}/snapshot"
    headers = {"Authorization": f"Bearer {key.make(jobs[0]['id'], attempt)}"}
    refused = httpx.get(url, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "stale_attempt")


def test_a_workload_that_may_submit_does_so_in_its_project_alone(
    himalia: Running, callers: dict[str, Caller], ada: Person
) -> None:
    url = f"{himalia.url}/services/himalia/api/v1/projects"
    headers = {"Authorization": f"Bearer {callers['submitter'].token}"}
    made = httpx.post(f"{url}/{PLACE}/jobs", json=RUNNING_JOB, headers=headers)
    assert made.status_code == 201, made.text
    stopped = httpx.post(f"{url}/{PLACE}/jobs/{made.json()['name']}/stop", headers=headers)
    assert stopped.status_code == 200
    assert httpx.post(f"{url}/{ada.project}/jobs", json=RUNNING_JOB, headers=headers).status_code == 404


def test_a_hub_token_carries_its_scopes_and_no_more(himalia: Running, ada: Person) -> None:
    for scope, status in (("read", 403), ("write", 422)):
        headers = {"Authorization": f"token {hub_token(ada, scope)}"}
        url = f"{himalia.url}/services/himalia/api/v1"
        assert httpx.get(f"{url}/whoami", headers=headers).json()["credential"] == "hub"
        assert httpx.post(f"{url}/projects", json={}, headers=headers).status_code == status
