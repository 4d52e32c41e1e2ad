"""Downloads by a browser: a form with a token in its body is answered as the GET of the path that it names."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from platforms import Person, Running

CONTENT = b"<script>alert(1)</script>" * 40_000


@pytest.fixture(scope="module")
def path(ada: Person) -> str:
    """Where the file of a dataset's version is."""
    at = f"/projects/{ada.project}/datasets"
    name = "to-download"
    ada.http.post(at, json={"name": name}).raise_for_status()
    draft = ada.http.post(f"{at}/{name}/drafts", json={}).raise_for_status().json()["id"]
    header = json.dumps({"files": [{"path": "a b/é 100%.html", "size": len(CONTENT)}]}).encode()
    body = len(header).to_bytes(4, "big") + header + CONTENT
    ada.http.put(f"{at}/{name}/drafts/{draft}/bundle", content=body).raise_for_status()
    ada.http.post(f"{at}/{name}/drafts/{draft}/commit", json={}).raise_for_status()
    return f"{at}/{name}/versions/1/files/a%20b/{quote('é 100%.html')}"


def posted(himalia: Running, form: dict[str, str], **options: Any) -> httpx.Response:
    """As the browser posts a form into a frame."""
    headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-origin"}
    return httpx.post(f"{himalia.url}/services/himalia/download", data=form, headers=headers, **options)


def test_a_file_is_saved_and_never_shown(himalia: Running, ada: Person, path: str) -> None:
    # Whoever posts the form does not choose how it is answered.
    for wanted in (path, f"{path}?download=false"):
        answer = posted(himalia, {"path": wanted, "token": ada.token})
        if wanted == path:
            assert (answer.status_code, answer.content) == (200, CONTENT)
            assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%C3%A9")
            assert int(answer.headers["content-length"]) == len(CONTENT)
            assert answer.headers["cache-control"] == "no-store"
        else:
            assert answer.status_code == 404


def test_it_is_the_token_that_counts(himalia: Running, ada: Person, bob: Person, path: str) -> None:
    assert posted(himalia, {"path": path, "token": bob.token}).status_code == 404
    for form in ({"path": path}, {"path": path, "token": "me"}, {"path": path, "token": "é\n"}):
        answer = posted(himalia, form, cookies=ada.browser.cookies)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated"), answer.text
    link = httpx.get(f"{himalia.url}/services/himalia/download", params={"path": path, "token": ada.token})
    assert link.status_code == 404


@pytest.mark.parametrize(
    "wanted",
    ["", "/", "/whoami", "/../metrics", "/projects/../whoami", "//projects/", "/projects/a%00b/jobs", "é"],
)
def test_other_paths_are_nothing_to_download(himalia: Running, ada: Person, wanted: str) -> None:
    answer = posted(himalia, {"path": wanted, "token": ada.token})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), answer.text


def test_a_form_is_small(himalia: Running, ada: Person) -> None:
    assert posted(himalia, {"path": "/projects/" + "a" * 20_000, "token": ada.token}).status_code == 413
