"""The server extension: reading notebooks, sending snapshots, choosing the project."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from .conftest import NOTEBOOK, Lab


def describe(lab: Lab, path: str) -> httpx.Response:
    return lab.http.get("himalia/notebook", params={"path": path})


def snapshot(lab: Lab, **body: str) -> httpx.Response:
    return lab.http.post("himalia/snapshot", json={"project": "ada", **body})


def message(response: httpx.Response) -> str:
    return str(response.json()["error"]["message"])


def notebook_with(code: str) -> str:
    cell = {**NOTEBOOK["cells"][0], "source": code}  # type: ignore[index]
    return json.dumps({**NOTEBOOK, "cells": [cell]})


@pytest.fixture
def folder(lab: Lab) -> Path:
    """A folder of its own below the server's root."""
    made = lab.root / uuid.uuid4().hex[:8]
    made.mkdir()
    (made / "a.ipynb").write_text(json.dumps(NOTEBOOK))
    return made


def test_parameters_of_a_notebook(lab: Lab, folder: Path) -> None:
    found = describe(lab, f"{folder.name}/a.ipynb").json()
    assert found["kernel"] == {"name": "python3", "display_name": "Python 3", "language": "python"}
    assert found["parameters"]["properties"] == {
        "max_iter": {"type": "integer", "default": 100, "description": "passes over the data"},
        "C": {"type": "number", "default": 1},
        "fail": {"type": "boolean", "default": False},
        "solver": {"enum": ["lbfgs", "saga"], "default": "lbfgs"},
        "note": {"type": ["string", "null"], "default": None},
    }
    assert found["requirements"] is None


def test_inputs_that_the_code_asks_for(lab: Lab, folder: Path) -> None:
    code = 'import himalia.run\nhimalia.run.input("digits")\nrun.input("a-b"); run.input(name); input("no")\n'
    (folder / "a.ipynb").write_text(notebook_with(code))
    (folder / "a.py").write_text(code)
    for name in ("a.ipynb", "a.py"):
        assert describe(lab, f"{folder.name}/{name}").json()["inputs"] == ["digits", "a-b"]


def test_parameters_are_parsed_never_run(lab: Lab, folder: Path) -> None:
    trap = folder / "trap"
    code = f"""%matplotlib inline
a = [1, {{"b": -2.5}}]  # nested
b = open({str(trap)!r}, "w")
c = __import__("os").system("touch {trap}")
d = 1e999
e, f = 1, 2
g.h = 3
i: int
j = "#no comment"  # é
"""
    (folder / "a.ipynb").write_text(notebook_with(code))
    found = describe(lab, f"{folder.name}/a.ipynb").json()
    assert found["parameters"]["properties"] == {
        "a": {"type": "array", "default": [1, {"b": -2.5}], "description": "nested"},
        "j": {"type": "string", "default": "#no comment", "description": "é"},
    }
    assert not trap.exists()


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"not json", 422, "not JSON"),
        (b"[" * 200_000, 422, "not JSON"),
        (b"[]", 422, "not a notebook"),
        (b'{"nbformat": 3, "worksheets": []}', 422, "format 4"),
        (b'{"nbformat": 9, "cells": []}', 422, "newer than what runs here"),
        (notebook_with("a = (").encode(), 422, "syntax error in line 1"),
    ],
)
def test_what_is_no_notebook_is_told_in_a_sentence(
    lab: Lab, folder: Path, content: bytes, status: int, said: str
) -> None:
    (folder / "a.ipynb").write_bytes(content)
    response = describe(lab, f"{folder.name}/a.ipynb")
    assert response.status_code == status
    assert said in message(response)
    assert "Traceback" not in response.text


def test_a_huge_notebook_is_refused_unread(lab: Lab, folder: Path) -> None:
    with (folder / "a.ipynb").open("wb") as file:
        file.truncate(100 * 2**20)
    response = describe(lab, f"{folder.name}/a.ipynb")
    assert response.status_code == 413
    assert "100 MiB" in message(response)


def test_nothing_outside_of_the_root_is_read(lab: Lab, folder: Path) -> None:
    outside = lab.root.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret.ipynb").write_text(json.dumps(NOTEBOOK))
    (folder / "link.ipynb").symlink_to(outside / "secret.ipynb")
    (folder / "away").symlink_to(outside)
    (folder / "loop.ipynb").symlink_to("loop.ipynb")
    os.mkfifo(folder / "pipe.ipynb")
    name = folder.name
    statuses = {
        path: describe(lab, path).status_code
        for path in [
            f"{name}/link.ipynb",
            f"{name}/away/secret.ipynb",
            f"{name}/../../outside/secret.ipynb",
            "/etc/passwd",
            f"{name}/loop.ipynb",
            f"{name}/pipe.ipynb",
            f"{name}/missing.ipynb",
        ]
    }
    assert list(statuses.values()) == [403, 403, 403, 404, 422, 422, 404]
    assert snapshot(lab, folder=f"{name}/away").status_code == 403
    assert snapshot(lab, notebook=f"{name}/a\0.ipynb").status_code == 422


def test_a_snapshot_sends_only_what_is_missing(lab: Lab, folder: Path) -> None:
    (folder / "helper.py").write_text(f"name = {folder.name!r}\n")
    (folder / "requirements.txt").write_text("six==1.17.0\n")
    (folder / ".himaliaignore").write_text("*.ipynb\n")
    first = snapshot(lab, notebook=f"{folder.name}/a.ipynb").json()
    # The notebook itself belongs to it, whatever is ignored.
    assert first["files"] == 4
    assert 0 < first["sent"] <= first["size"]
    assert first["requirements"] == "requirements.txt"
    again = snapshot(lab, notebook=f"{folder.name}/a.ipynb").json()
    assert again == {**first, "sent": 0}
    (folder / "helper.py").write_text("changed = True\n")
    changed = snapshot(lab, notebook=f"{folder.name}/a.ipynb").json()
    assert changed["digest"] != first["digest"]
    assert changed["sent"] == len("changed = True\n")


def test_secrets_and_large_folders_are_refused_with_their_files(lab: Lab, folder: Path) -> None:
    (folder / ".env").write_text("PASSWORD=hush\n")
    response = snapshot(lab, notebook=f"{folder.name}/a.ipynb")
    assert response.status_code == 422
    assert "secrets" in message(response)
    assert response.json()["error"]["details"]["paths"] == [".env"]
    (folder / ".env").unlink()
    with (folder / "data.bin").open("wb") as file:
        file.truncate(101 * 2**20)
    response = snapshot(lab, notebook=f"{folder.name}/a.ipynb")
    assert response.status_code == 413
    assert response.json()["error"]["details"]["largest"][0] == {"path": "data.bin", "size": 101 * 2**20}
    assert "\n" not in message(response)


def test_strangers_and_forged_forms_get_nothing(lab: Lab) -> None:
    address = f"{lab.address}/user/ada/himalia"
    assert httpx.get(f"{address}/notebook", params={"path": "digits.ipynb"}).status_code == 403
    # A page that has the visitor's cookie, but cannot read the XSRF cookie.
    with httpx.Client() as visitor:
        visitor.get(f"{lab.address}/user/ada/lab", params={"token": lab.token})
        assert visitor.get(f"{address}/notebook", params={"path": "digits.ipynb"}).status_code == 200
        forged = visitor.put(f"{address}/project", json={"project": "vision"})
        assert forged.status_code == 403
    assert lab.http.put("himalia/project", json={"project": "../x"}).status_code == 422
    assert lab.http.put("himalia/project", json=["x"]).status_code == 422


def test_new_kernels_get_the_chosen_project(lab: Lab) -> None:
    for project in ("vision", "ada"):
        assert lab.http.put("himalia/project", json={"project": project}).status_code == 204
        assert value_in_new_kernel(lab, "__import__('os').environ['HIMALIA_PROJECT']") == repr(project)


def value_in_new_kernel(lab: Lab, expression: str) -> str:
    """What `expression` gives in a kernel started for it."""
    kernel = lab.http.post("api/kernels", json={"name": "python3"}).json()["id"]
    try:
        url = f"{lab.address}/user/ada/api/kernels/{kernel}/channels".replace("http", "ws", 1)
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": "s", "username": "u"}
        content = {"code": "", "silent": True, "user_expressions": {"x": expression}}
        request = {"header": {**header, "version": "5.3"}, "channel": "shell", "content": content}
        with connect(url, additional_headers={"Authorization": f"token {lab.token}"}) as socket:
            socket.send(json.dumps({**request, "parent_header": {}, "metadata": {}}))
            while True:
                answer = json.loads(socket.recv(timeout=60))
                if answer["msg_type"] == "execute_reply":
                    return str(answer["content"]["user_expressions"]["x"]["data"]["text/plain"])
    finally:
        lab.http.delete(f"api/kernels/{kernel}")


def look(lab: Lab, *paths: object) -> httpx.Response:
    return lab.http.post("himalia/files", json={"paths": paths})


def fill(lab: Lab, **body: object) -> httpx.Response:
    return lab.http.post("himalia/draft", json={"project": "ada", "dataset": "x", "draft": "y", **body})


def test_what_a_dataset_would_get(lab: Lab, folder: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "b.csv").write_text("1,2\n")
    (folder / "deep" / "link.csv").symlink_to("er/b.csv")
    (folder / "deep" / ".git").mkdir()
    (folder / "deep" / ".git" / "config").write_text("x")
    name = folder.name
    assert look(lab, f"{name}/deep").json() == {"files": 1, "size": 4, "left_out": 1}
    both = look(lab, f"{name}/deep", f"{name}/a.ipynb").json()
    assert (both["files"], both["left_out"]) == (2, 1)
    # What is chosen by a link is taken, as long as it leads nowhere else.
    assert look(lab, f"{name}/deep/link.csv").json()["files"] == 1


def test_only_files_below_the_root_go_into_a_dataset(lab: Lab, folder: Path) -> None:
    outside = lab.root.parent / "secrets"
    outside.mkdir(exist_ok=True)
    (outside / "key").write_text("hush")
    (folder / "away").symlink_to(outside)
    (folder / "empty").mkdir()
    (folder / "empty" / "key").symlink_to(outside / "key")
    os.mkfifo(folder / "pipe")
    for at in ("one", "two"):
        (folder / at).mkdir()
        (folder / at / "same").write_text(at)
    name = folder.name
    told = {
        (f"{name}/away",): (403, "leads out of your home folder"),
        (f"{name}/away/key",): (403, "leads out"),
        (f"{name}/a.ipynb", f"{name}/away"): (403, "leads out"),
        (f"{name}/../../secrets",): (403, "leads out"),
        ("/etc",): (404, "There is no file"),
        (f"{name}/gone",): (404, "There is no file"),
        (f"{name}/a\0",): (422, "NUL"),
        (f"{name}/empty",): (422, "no files in"),
        (f"{name}/pipe",): (422, "no folder and no file"),
        (f"{name}/one/same", f"{name}/two/same"): (422, "the same name"),
        ("",): (422, "whole home folder"),
        (".",): (422, "whole home folder"),
        (f"{name}/..",): (422, "whole home folder"),
        (): (422, "Choose files or folders"),
        (1,): (422, "list of texts"),
    }
    for paths, (status, sentence) in told.items():
        for answer in (look(lab, *paths), fill(lab, paths=paths)):
            assert (answer.status_code, sentence in message(answer)) == (status, True), (paths, answer.text)
            assert "hush" not in answer.text
            assert "Traceback" not in answer.text


def test_what_the_service_refuses_is_the_last_line(lab: Lab, folder: Path) -> None:
    for wrong in ({"dataset": "not-there"}, {"project": ".."}, {"draft": ""}, {"dataset": "a/../../x"}):
        answer = fill(lab, paths=[f"{folder.name}/a.ipynb"], **wrong)
        *_, last = answer.text.splitlines()
        assert set(json.loads(last)["error"]) == {"code", "message", "details"}, wrong
        assert "Traceback" not in answer.text
    assert fill(lab, paths=[f"{folder.name}/a.ipynb"], draft=1).status_code == 422


def test_files_are_for_their_owner_alone(lab: Lab) -> None:
    address = f"{lab.address}/user/ada/himalia"
    body = {"paths": ["digits.ipynb"], "project": "ada", "dataset": "x", "draft": "y"}
    for route in ("files", "draft"):
        assert httpx.post(f"{address}/{route}", json=body).status_code == 403
        another = {"Authorization": "token him_user_another"}
        assert httpx.post(f"{address}/{route}", json=body, headers=another).status_code == 403
        # A page that has the visitor's cookie, but cannot read the XSRF cookie.
        with httpx.Client() as visitor:
            visitor.get(f"{lab.address}/user/ada/lab", params={"token": lab.token})
            assert visitor.post(f"{address}/{route}", json=body).status_code == 403
