"""Projects, their members and secrets over HTTP, against a running platform."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from platforms import NAVIGATION, PASSWORD, Person, Running


def hub(admin: Person, method: str, path: str, **options: Any) -> None:
    """A call of the hub's API, as its administrator does it in the browser."""
    xsrf = next(c.value for c in admin.browser.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
    answer = admin.browser.request(method, f"/hub/api{path}", headers={"X-XSRFToken": xsrf or ""}, **options)
    assert answer.status_code < 300, answer.text


def make(person: Person, name: str, **more: Any) -> dict[str, Any]:
    answer = person.http.post("/projects", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    project: dict[str, Any] = answer.json()
    return project


def run(person: Person, project: str) -> dict[str, Any]:
    """A job that runs until it is stopped."""
    body = {"spec": {"kind": "command", "command": ["sleep", "600"], "profile": "base"}}
    answer = person.http.post(f"/projects/{project}/jobs", json=body)
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


def stopped(person: Person, project: str, job: dict[str, Any]) -> dict[str, Any]:
    """The status of a job once it has ended."""
    with person.http.stream("GET", f"/events/stream?topic=job:{job['id']}&after=1", timeout=40) as stream:
        next(line for line in stream.iter_lines() if '"STOPPED"' in line)
    status: dict[str, Any] = person.http.get(f"/projects/{project}/jobs/{job['name']}").json()["status"]
    return status


def test_a_project_from_beginning_to_end(ada: Person, bob: Person) -> None:
    made = make(ada, "whole-life", labels={"team": "a"}, spec={"title": "Ganze Länge 🙂", "description": "x"})
    assert made["status"]["role"] == "owner"
    assert made["spec"]["title"] == "Ganze Länge 🙂"
    assert ada.http.post("/projects", json={"name": "whole-life"}).json()["error"]["code"] == "name_in_use"
    changed = ada.http.patch(
        "/projects/whole-life", json={"name": "renamed"}, headers={"If-Match": f'"{made["etag"]}"'}
    ).json()
    assert (changed["id"], changed["name"], changed["labels"]) == (made["id"], "renamed", {"team": "a"})
    stale = ada.http.patch("/projects/renamed", json={"labels": {}}, headers={"If-Match": made["etag"]})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "stale")
    assert ada.http.get("/projects/whole-life").status_code == 404
    assert bob.http.get("/projects/renamed").status_code == 404
    assert ada.http.delete("/projects/renamed").status_code == 204


def test_the_same_idempotency_key_makes_one_project(ada: Person) -> None:
    headers = {"Idempotency-Key": "a project, once"}
    first = ada.http.post("/projects", json={"name": "once"}, headers=headers)
    again = ada.http.post("/projects", json={"name": "once"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = ada.http.post("/projects", json={"name": "twice"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key_reused")
    too_long = ada.http.post("/projects", json={"name": "thrice"}, headers={"Idempotency-Key": "k" * 256})
    assert too_long.status_code == 422


def test_a_deleted_project_is_gone_until_it_is_restored(ada: Person, bob: Person) -> None:
    made = make(ada, "to-delete")
    ada.http.put("/projects/to-delete/members/person/bob", json={"role": "editor"})
    job = run(ada, "to-delete")
    refused = ada.http.delete("/projects/to-delete")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "in_use")
    assert ada.http.delete("/projects/to-delete", params={"cascade": "true"}).status_code == 204
    for path in ("", "/jobs", f"/jobs/{job['name']}", "/members", "/secrets"):
        assert ada.http.get(f"/projects/to-delete{path}").status_code == 404
    assert ada.http.get(f"/events/stream?topic=project:{made['id']}").status_code == 404
    assert made["id"] in [one["id"] for one in ada.http.get("/projects?deleted=true").json()["items"]]
    assert bob.http.post("/projects/to-delete/restore", json={}).status_code == 404  # not an owner
    make(bob, "to-delete")
    taken = ada.http.post("/projects/to-delete/restore", json={})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "name_in_use")
    # Bob's project of the same name opens nothing of the deleted one.
    assert bob.http.get(f"/events/stream?topic=project:{made['id']}").status_code == 404
    back = ada.http.post(f"/projects/{made['id']}/restore", json={"name": "restored"})
    assert (back.status_code, back.json()["id"]) == (200, made["id"])
    assert stopped(ada, "restored", job)["reason"] == "stopped_by_user"


def test_who_has_only_signed_in_to_the_hub_can_be_a_member(himalia: Running, ada: Person) -> None:
    himalia.add_user("newcomer")
    make(ada, "with-newcomer")
    path = "/projects/with-newcomer/members/person/newcomer"
    refused = ada.http.put(path, json={"role": "viewer"})
    assert refused.status_code == 422
    assert "sign in once" in refused.json()["error"]["message"]
    with httpx.Client(base_url=himalia.url, follow_redirects=True, headers=NAVIGATION) as browser:
        browser.get("/hub/login")
        form = {"username": "newcomer", "password": PASSWORD, "_xsrf": browser.cookies["_xsrf"]}
        assert browser.post("/hub/login?next=/hub/home", data=form).url.path == "/hub/home"
    deadline = time.monotonic() + 15
    # The hub's answer that there is nobody is trusted for some seconds.
    while (added := ada.http.put(path, json={"role": "viewer"})).status_code == 422:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert added.status_code == 200
    person = Person(himalia, "newcomer")
    assert person.http.get("/projects/with-newcomer").json()["status"]["role"] == "viewer"
    person.close()


def test_a_personal_project_stays_with_its_person(ada: Person, bob: Person) -> None:
    assert ada.http.delete(f"/projects/{ada.project}").status_code == 403
    path = f"/projects/{ada.project}/members"
    assert ada.http.put(f"{path}/person/ada", json={"role": "viewer"}).status_code == 422
    assert ada.http.delete(f"{path}/person/ada").status_code == 422
    assert ada.http.put(f"{path}/person/bob", json={"role": "owner"}).status_code == 200
    assert bob.http.delete(f"{path}/person/ada").status_code == 422
    assert ada.http.delete(f"{path}/person/bob").status_code == 204


def test_members_by_person(ada: Person, bob: Person) -> None:
    make(ada, "with-bob")
    path = "/projects/with-bob/members"
    assert ada.http.put(f"{path}/person/nobody-here", json={"role": "editor"}).status_code == 422
    assert ada.http.put(f"{path}/person/bob", json={"role": "emperor"}).status_code == 422
    assert ada.http.put(f"{path}/person/{'b' * 256}", json={"role": "viewer"}).status_code == 422
    assert ada.http.put(f"{path}/robot/bob", json={"role": "viewer"}).status_code == 422
    assert ada.http.put(f"{path}/person/bob", json={"role": "viewer"}).status_code == 200
    assert bob.http.get("/projects/with-bob").json()["status"]["role"] == "viewer"
    body = {"spec": {"kind": "command", "command": ["true"], "profile": "base"}}
    refused = bob.http.post("/projects/with-bob/jobs", json=body)
    assert refused.status_code == 403
    assert "role editor" in refused.json()["error"]["message"]
    assert [(m["name"], m["role"]) for m in ada.http.get(path).json()["items"]] == [
        ("ada", "owner"),
        ("bob", "viewer"),
    ]
    assert ada.http.delete(f"{path}/person/ada").status_code == 422  # the last owner
    assert ada.http.delete(f"{path}/person/bob").status_code == 204
    assert bob.http.get("/projects/with-bob").status_code == 404
    assert ada.http.delete(f"{path}/person/bob").status_code == 404


@pytest.mark.parametrize("how", ["removed", "made a viewer"])
def test_who_loses_access_loses_what_runs(ada: Person, bob: Person, admin: Person, how: str) -> None:
    name = f"lost-{how.split()[0]}"
    make(ada, name)
    member = f"/projects/{name}/members/person/bob"
    assert ada.http.put(member, json={"role": "editor"}).status_code == 200
    his, hers = run(bob, name), run(ada, name)
    if how == "removed":
        assert ada.http.delete(member).status_code == 204
    else:
        assert ada.http.put(member, json={"role": "viewer"}).status_code == 200
    assert stopped(ada, name, his)["reason"] == "access_removed"
    state = ada.http.get(f"/projects/{name}/jobs/{hers['name']}").json()["status"]["state"]
    assert state in ("QUEUED", "STARTING", "RUNNING")
    ada.http.post(f"/projects/{name}/jobs/{his['name']}/retry").raise_for_status()
    workloads = admin.http.get("/workloads").raise_for_status().json()["items"]
    assert next(one["person"] for one in workloads if one["id"] == his["id"]) == "ada", (
        "not the removed person's"
    )
    assert ada.http.delete(f"/projects/{name}", params={"cascade": "true"}).status_code == 204


@pytest.mark.parametrize(("role", "shared"), [("viewer", False), ("editor", True)])
def test_what_a_member_s_server_holds_of_a_project(
    himalia: Running, ada: Person, bob: Person, role: str, shared: bool
) -> None:
    """A viewer reads datasets in notebooks, too: their check-outs, and not the shared folder with its group."""
    name = f"held-by-{role}"
    make(ada, name)
    assert ada.http.put(f"/projects/{name}/members/person/bob", json={"role": role}).status_code == 200
    token = (himalia.home / "secrets" / "service-token").read_text().strip()
    account = bob.browser.get("/hub/api/user").json()
    with httpx.Client(base_url=bob.http.base_url, headers={"Authorization": f"Bearer {token}"}) as hub_itself:
        body = {"user": "bob", "user_created": account["created"], "profile": "base"}
        granted = hub_itself.post("/reservations", json=body)
        assert granted.status_code == 201, granted.text
        hub_itself.delete(f"/reservations/{granted.json()['id']}").raise_for_status()
    (held,) = [one for one in granted.json()["projects"] if one["name"] == name]
    assert held["checkouts"]
    assert (held["shared"] is not None) == shared
    assert held["gid"] is None or held["gid"] in granted.json()["person"]["groups"]
    assert ada.http.delete(f"/projects/{name}").status_code == 204


def test_members_by_hub_group(ada: Person, admin: Person, people: Callable[..., Person]) -> None:
    eve = people("eve")
    for group in ("physics", "physics%2Fstudents"):
        hub(admin, "POST", f"/groups/{group}")
    make(ada, "of-a-group")
    path = "/projects/of-a-group/members/group"
    assert ada.http.put(f"{path}/physics", json={"role": "editor"}).status_code == 200
    assert (
        ada.http.put(f"{path}/physics%2Fstudents", json={"role": "viewer"}).json()["name"]
        == "physics/students"
    )
    assert eve.http.get("/projects/of-a-group").status_code == 404
    hub(admin, "POST", "/groups/physics/users", json={"users": ["eve"]})
    until(lambda: eve.http.get("/whoami").json()["groups"] == ["physics"])
    assert eve.http.get("/projects/of-a-group").json()["status"]["role"] == "editor"
    job = run(eve, "of-a-group")
    assert ada.http.delete(f"{path}/physics").status_code == 204
    assert stopped(ada, "of-a-group", job)["reason"] == "access_removed"
    assert eve.http.get("/projects/of-a-group").status_code == 404
    assert ada.http.delete(f"{path}/physics%2Fstudents").status_code == 204


def test_who_leaves_a_hub_group_loses_what_runs(
    ada: Person, admin: Person, people: Callable[..., Person]
) -> None:
    hal = people("hal")
    hub(admin, "POST", "/groups/chemistry")
    hub(admin, "POST", "/groups/chemistry/users", json={"users": ["hal"]})
    make(ada, "of-chemists")
    assert (
        ada.http.put("/projects/of-chemists/members/group/chemistry", json={"role": "editor"}).status_code
        == 200
    )
    until(lambda: hal.http.get("/projects/of-chemists").status_code == 200)
    job = run(hal, "of-chemists")
    hub(admin, "DELETE", "/groups/chemistry/users", json={"users": ["hal"]})
    until(lambda: hal.http.get("/projects/of-chemists").status_code == 404)
    assert stopped(ada, "of-chemists", job)["reason"] == "access_removed"


def until(true: Callable[[], bool]) -> None:
    """Wait for what the hub is asked for only every few seconds."""
    import time

    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_an_administrator_sees_every_project(ada: Person, admin: Person) -> None:
    make(ada, "seen-by-admin")
    names = [one["name"] for one in admin.http.get("/projects?everyone=true").json()["items"]]
    assert {"seen-by-admin", ada.project} <= set(names)
    assert admin.http.get("/projects/seen-by-admin").json()["status"]["role"] == "owner"
    assert admin.http.delete("/projects/seen-by-admin").status_code == 204
    gone = [one["name"] for one in admin.http.get("/projects?everyone=true&deleted=true").json()["items"]]
    assert "seen-by-admin" in gone
    assert ada.project not in gone
    refused = ada.http.get("/projects?everyone=true")
    assert (refused.status_code, "administrators" in refused.text) == (403, True)


def test_secrets_can_be_written_and_never_read(ada: Person, bob: Person) -> None:
    make(ada, "with-secrets")
    path = "/projects/with-secrets/secrets"
    value = "sëcret\nof two lines"
    assert ada.http.put(f"{path}/KEY", json={"value": value}).status_code == 204
    assert ada.http.put(f"{path}/KEY", json={"value": value + "!"}).status_code == 204
    listed = ada.http.get(path)
    assert [one["name"] for one in listed.json()["items"]] == ["KEY"]
    assert listed.json()["items"][0]["updated_by"]["name"] == "ada"
    events = json.dumps(ada.events(), ensure_ascii=False)
    assert "secret.changed" in events
    for text in (listed.text, events, ada.platform.log("service")):
        assert "cret\\nof two" not in text
        assert "cret\nof two" not in text
    stored = (ada.platform.home / "service" / "himalia.sqlite").read_bytes()
    assert value.encode() not in stored
    ada.http.put("/projects/with-secrets/members/person/bob", json={"role": "editor"})
    assert bob.http.put(f"{path}/KEY", json={"value": "x"}).status_code == 403
    assert ada.http.delete(f"{path}/KEY").status_code == 204
    assert ada.http.delete(f"{path}/KEY").status_code == 404


@pytest.mark.parametrize("value", ["", "a\0b", "x" * 65_537, "ä" * 40_000, None, 5, ["a"], {"a": "b"}])
def test_a_secrets_value_fits_an_environment(ada: Person, value: Any) -> None:
    answer = ada.http.put(f"/projects/{ada.project}/secrets/KEY", json={"value": value})
    assert answer.status_code == 422
    assert "xxxx" not in answer.text


@pytest.mark.parametrize("name", ["1A", "A-B", "A B", "Ä", "A" * 129, "A=B", "A%0A"])
def test_a_secrets_name_is_a_variables(ada: Person, name: str) -> None:
    assert ada.http.put(f"/projects/{ada.project}/secrets/{name}", json={"value": "x"}).status_code == 422


def test_events_tell_what_happened_in_order_to_members_alone(ada: Person, bob: Person) -> None:
    before = ada.events()[-1]["id"]
    project = make(ada, "with-events")
    ada.http.put("/projects/with-events/secrets/A", json={"value": "x"})
    mine = ada.events(before)
    kinds = [one["kind"] for one in mine if one["project"] == project["id"]]
    assert kinds == ["project.created", "secret.changed"]
    assert [one["id"] for one in mine] == sorted(one["id"] for one in mine)
    others = bob.events(before)
    assert project["id"] not in [one["project"] for one in others]
