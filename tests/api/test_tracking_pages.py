"""The origin of MLflow's pages: a code counts once, a cookie for one project's pages, and pages only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from platforms import Person, Running


@pytest.fixture(scope="module")
def vera(people: Callable[..., Person]) -> Person:
    return people("vera")


@pytest.fixture(scope="module")
def wim(people: Callable[..., Person]) -> Person:
    return people("wim")


def ask(person: Person, project: str) -> dict[str, str]:
    answer = person.http.post(f"/projects/{project}/mlflow/pages", json={})
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


@pytest.fixture(scope="module")
def pages(vera: Person) -> Iterator[httpx.Client]:
    """Vera's browser at the pages of her project."""
    code = ask(vera, vera.project)
    with httpx.Client(base_url=code["url"].removesuffix("open"), timeout=60) as client:
        assert client.post("open", data={"code": code["code"]}).status_code == 200
        yield client


def test_a_code_counts_once_and_where_it_was_given_for(vera: Person, wim: Person) -> None:
    code = ask(vera, vera.project)
    elsewhere = code["url"].replace(f"/{vera.project}/", f"/{wim.project}/")
    assert httpx.post(elsewhere, data={"code": code["code"]}).status_code == 401
    # Tried at another place, it is spent.
    assert httpx.post(code["url"], data={"code": code["code"]}).status_code == 401
    code = ask(vera, vera.project)
    first = httpx.post(code["url"], data={"code": code["code"]})
    assert first.status_code == 200
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert f"path=/{vera.project}/" in cookie
    assert httpx.post(code["url"], data={"code": code["code"]}).status_code == 401
    foreign = {"Origin": "http://elsewhere.example"}
    code = ask(vera, vera.project)
    assert httpx.post(code["url"], data={"code": code["code"]}, headers=foreign).status_code == 403


def test_the_pages_are_for_members(himalia: Running, vera: Person, wim: Person, pages: httpx.Client) -> None:
    assert wim.http.post(f"/projects/{vera.project}/mlflow/pages", json={}).status_code == 404
    assert httpx.get(str(pages.base_url)).status_code == 401
    # Neither the hub's cookies nor a token open them, and a cookie opens one project alone.
    assert httpx.get(str(pages.base_url), cookies=dict(vera.browser.cookies.items())).status_code == 401
    bearer = {"Authorization": f"Bearer {vera.token}"}
    assert httpx.get(str(pages.base_url), headers=bearer).status_code == 401
    value = next(iter(pages.cookies.values()))
    other = str(pages.base_url).replace(f"/{vera.project}/", f"/{wim.project}/")
    assert httpx.get(other, headers={"Cookie": f"himalia-content={value}"}).status_code == 401


def test_somebody_who_is_no_member_any_more_sees_nothing(vera: Person, wim: Person) -> None:
    place = f"/projects/{vera.project}/members/person/wim"
    vera.http.put(place, json={"role": "viewer"}).raise_for_status()
    code = ask(wim, vera.project)
    with httpx.Client(base_url=code["url"].removesuffix("open"), timeout=60) as client:
        client.post("open", data={"code": code["code"]})
        search = "ajax-api/2.0/mlflow/experiments/search?max_results=5"
        assert client.get(search).json()["experiments"][0]["name"] == "Default"
        vera.http.delete(place).raise_for_status()
        gone = client.get(search)
        assert gone.status_code == 404
        assert "not a member" in gone.json()["message"]


def test_pages_only_read(pages: httpx.Client) -> None:
    made = pages.post("ajax-api/2.0/mlflow/experiments/create", json={"name": "x"})
    assert made.status_code == 403
    assert "only read" in made.json()["message"]
    for path in ("ajax-api/2.0/mlflow/runs/delete", "ajax-api/3.0/mlflow/workspaces", "ajax-api/3.0/jobs"):
        assert pages.post(path, json={}).status_code == 403, path
    assert pages.get("ajax-api/3.0/mlflow/workspaces").status_code == 404
    assert pages.get("ajax-api/3.0/mlflow/server-info").json()["workspaces_enabled"] is False
    search = {"json": {"experiment_ids": ["1"]}}
    assert pages.post("ajax-api/2.0/mlflow/runs/search", **search).is_success
    foreign = {"Sec-Fetch-Site": "same-site"}
    assert pages.post("ajax-api/2.0/mlflow/runs/search", headers=foreign, **search).status_code == 403


def test_the_platform_alone_may_frame_them(himalia: Running, pages: httpx.Client) -> None:
    page = pages.get("")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert f"frame-ancestors {himalia.url}" in policy
    assert "connect-src 'self'" in policy
    assert "set-cookie" not in page.headers
    assert urlsplit(himalia.url).port != pages.base_url.port
    artifact = pages.get("get-artifact", params={"path": "a", "run_uuid": "0" * 32})
    assert artifact.headers["content-security-policy"] == "sandbox"


def test_how_it_stands(vera: Person) -> None:
    status = vera.http.get(f"/projects/{vera.project}/mlflow").json()
    assert status["state"] == "ready"
    assert status["workspace"] == vera.project
    assert status["start_s"] > 0
    missing = vera.http.post(f"/projects/{vera.project}/mlflow/pages", json={"job": "no-such"})
    assert missing.status_code == 404
