"""Projects, secrets, profiles and tokens through the SDK, and all of it awaited."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from client_harness import Run
from platforms import Person

import himalia
from himalia.client import errors


def test_projects(client: himalia.Client, project: str) -> None:
    shown = client.projects.get()
    assert (shown.name, shown.status.role, shown.status.personal) == (project, "owner", False)
    changed = client.projects.update(project, title="Digits")
    assert (changed.spec.title, changed.spec.description) == ("Digits", "")
    assert client.projects.update(changed, description="Old ones").spec.title == "Digits"
    with pytest.raises(errors.Stale):
        client.projects.update(changed, title="Late")
    assert project in [one.name for one in client.projects.list()]
    with pytest.raises(errors.NameInUse):
        client.projects.create(project)
    client.projects.delete(project)
    with pytest.raises(errors.NotFound):
        client.projects.get()
    assert project in [one.name for one in client.projects.list(deleted=True)]
    assert client.projects.restore(project).name == project


def test_members(client: himalia.Client, project: str, ada: Person, bob: Person) -> None:
    with himalia.Client(bob.platform.url, bob.token, project) as other:
        with pytest.raises(errors.NotFound):
            other.projects.get()
        assert client.projects.set_member("bob", "viewer").role == "viewer"
        assert list(other.jobs.list()) == []
        with pytest.raises(errors.Forbidden, match="editor"):
            other.jobs.submit(command=["true"])
        client.projects.set_member("staff", "editor", kind="group")
        found = [(member.kind, member.name, member.role) for member in client.projects.members()]
        assert found == [
            ("person", "ada", "owner"),
            ("group", "staff", "editor"),
            ("person", "bob", "viewer"),
        ]
        client.projects.remove_member("bob")
        with pytest.raises(errors.NotFound):
            other.projects.get()
        with pytest.raises(errors.Invalid, match="Nobody named"):
            client.projects.set_member("nobody", "viewer")


def test_secrets_can_be_written_and_not_read(client: himalia.Client) -> None:
    client.secrets.set("KEY", "a\nb ü")
    [secret] = client.secrets.list()
    assert (secret.name, secret.updated_by.name) == ("KEY", "ada")
    assert "a\nb" not in str(secret.to_dict())
    client.secrets.delete("KEY")
    assert client.secrets.list() == []
    with pytest.raises(errors.Invalid):
        client.secrets.set("no good", "x")


def test_profiles_and_whoami(client: himalia.Client) -> None:
    profiles = {profile.name: profile for profile in client.profiles()}
    assert profiles["base"].available
    assert any(size.default and size.memory_bytes > 0 for size in profiles["base"].sizes)
    caller = client.whoami()
    assert (caller.person.name, caller.personal_project) == ("ada", "ada")


def test_the_personal_project_is_the_default(ada: Person) -> None:
    with himalia.Client(ada.platform.url, ada.token) as client:
        assert client.project == "ada"


def test_tokens(client: himalia.Client, ada: Person) -> None:
    with pytest.raises(errors.Forbidden):
        client.tokens.create("not with a token of this kind")
    made = ada.session("POST", "/tokens", json={"note": "short", "scopes": ["read"]}).json()
    with himalia.Client(ada.platform.url, made["token"]) as reader:
        [token] = [token for token in reader.tokens.list() if token.note == "short"]
        with pytest.raises(errors.Forbidden):
            reader.projects.create("cannot")
        client.tokens.delete(token)
        with pytest.raises(errors.Unauthenticated):
            reader.whoami()


async def test_everything_awaited(ada: Person, project: str, folder: Path, tmp_path: Path) -> None:
    async with himalia.AsyncClient(ada.platform.url, ada.token, project) as client:
        assert (await client.whoami()).person.name == "ada"
        jobs = await asyncio.gather(
            client.jobs.submit(folder / "train.ipynb", parameters={"steps": 2}),
            client.jobs.submit(command=["sh", "-c", "echo one; echo two"], name="echo"),
        )
        pieces = [piece async for piece in jobs[1].log(follow=True)]
        assert "".join(pieces) == "one\ntwo\n"
        ended = await asyncio.gather(*(job.wait(timeout=60) for job in jobs))
        assert [job.state for job in ended] == ["SUCCEEDED", "SUCCEEDED"], ended[0].status.message
        assert (await jobs[0].download("made.txt", tmp_path)).read_text() == "üü"
        assert {job.name async for job in client.jobs.list()} == {"train", "echo"}
        sleeping = await client.jobs.submit(command=["sleep", "60"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sleeping.wait(), 0.5)
        await sleeping.delete(cascade=True)


def test_administrators_see_and_stop_what_runs(
    client: himalia.Client, admin: Person, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = client.jobs.submit(command=["sleep", "600"], name="sleeps")
    with pytest.raises(errors.Forbidden):
        client.workloads.list()
    with himalia.Client(admin.platform.url, admin.token) as other:
        shown = {one.id: one for one in other.workloads.list()}[job.id]
        assert (shown.kind, shown.name, shown.project, shown.person) == ("job", "sleeps", job.project, "ada")
        assert other.workloads.machines()[0].allocatable["cpus"] > 0
    assert "the scope admin" in run("workloads", "list", code=1).stderr
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", admin.token)
    listed = json.loads(run("workloads", "list", "--json").stdout)
    assert job.id in [one["id"] for one in listed]
    (row,) = [line for line in run("workloads", "list").stdout.splitlines() if line.startswith(job.id)]
    assert row.split()[1:5] == ["job", "sleeps", job.project, "ada"]
    assert "cores" in run("workloads", "machines").stdout
    assert json.loads(run("workloads", "machines", "--json").stdout)[0]["free"]["memory_bytes"] > 0
    run("workloads", "stop", job.id)
    ended = job.wait(timeout=60)
    assert (ended.status.state, ended.status.reason) == ("STOPPED", "stopped_by_administrator")
    run("workloads", "stop", job.id, code=1)
